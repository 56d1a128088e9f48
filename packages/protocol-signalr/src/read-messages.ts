/**
 * Which messages a change of marks is about: marks speak of places in a conversation, this wire of message ids. What passed here lately is
 * known by heart; the rest is asked for, and what happens in that conversation meanwhile waits, so that the order stays. Knows no frame.
 */
import {
  type ConversationId,
  type Core,
  type DomainEvent,
  type LogEvent,
  type Message,
  type MessageId,
  type Seq,
  type SeqRange,
  systemActor,
  type UserId,
} from '@switchboard/core';
import type { Delivery } from '@switchboard/protocol';
import { isShown } from './views.ts';

export interface ReadMessage {
  readonly id: MessageId;
  readonly seq: Seq;
  readonly senderId: UserId;
}

export interface ReadMessages {
  /** The messages whose count the event changed, ascending, at most 200, the newest. Known for what `deliver` hands on. */
  of(event: LogEvent<'receipts.advanced'>): readonly ReadMessage[];
  /** Hands deliveries on in their order, those that must be looked up (and what follows them in their conversation) a little later. */
  deliver(deliveries: readonly Delivery[]): void;
}

export interface ReadMessagesOptions {
  readonly core: Pick<Core, 'messages'>;
  readonly handOn: (deliveries: readonly Delivery[]) => void;
  readonly onError: (error: unknown) => void;
}

/** Told of one mark that covers more. */
const MOST_TOLD = 200;
/** Known by heart. */
const MOST_PLACES = 256;
const MOST_CONVERSATIONS = 1_000;

/** Null: nothing that this wire shows stands there. */
type Places = Map<Seq, ReadMessage | null>;

export function createReadMessages({ core, handOn, onError }: ReadMessagesOptions): ReadMessages {
  const known = new Map<ConversationId, Places>();
  const resolved = new WeakMap<DomainEvent, readonly ReadMessage[]>();
  /** Conversations in which something is being looked up, with what waits behind it. */
  const waiting = new Map<ConversationId, Delivery[]>();

  function placesOf(id: ConversationId): Places {
    const places = known.get(id) ?? new Map<Seq, ReadMessage | null>();
    // Asked for last, forgotten last.
    known.delete(id);
    known.set(id, places);
    const oldest = known.size > MOST_CONVERSATIONS ? known.keys().next() : null;
    if (oldest && !oldest.done) known.delete(oldest.value);
    return places;
  }

  function note(places: Places, seq: Seq, message: ReadMessage | null): void {
    places.set(seq, message);
    const oldest = places.size > MOST_PLACES ? places.keys().next() : null;
    if (oldest && !oldest.done) places.delete(oldest.value);
  }

  function noteMessage(message: Message): void {
    note(placesOf(message.conversationId), message.seq, isShown(message) ? toPlace(message) : null);
  }

  /** Null: some place is not known here. */
  function recall(event: LogEvent<'receipts.advanced'>): readonly ReadMessage[] | null {
    const places = event.conversationId === null ? undefined : known.get(event.conversationId);
    const found: ReadMessage[] = [];
    for (const seq of newestFirst(readRanges(event))) {
      const message = places?.get(seq);
      if (message === undefined) return null;
      if (message && isChanged(event, message)) found.push(message);
      if (found.length === MOST_TOLD) break;
    }
    return found.reverse();
  }

  async function lookUp(event: LogEvent<'receipts.advanced'>, conversationId: ConversationId): Promise<void> {
    const ranges = readRanges(event);
    const readers = new Set(event.marks.map(({ userId }) => userId));
    const [only] = readers.size === 1 ? readers : [];
    const messages = await core.messages.findBySeq(systemActor(), conversationId, {
      ranges,
      limit: MOST_TOLD,
      ...(only === undefined ? {} : { exceptSenderId: only }),
    });
    const shown = messages.filter(isShown).map(toPlace);
    const places = placesOf(conversationId);
    const bySeq = new Map(shown.map((message) => [message.seq, message]));
    // A hole that was looked into is known to be one; messages of the reader's own are no holes.
    if (only === undefined) {
      const seqs = [...firstOf(newestFirst(ranges), MOST_TOLD)].reverse();
      if (messages.length < MOST_TOLD) for (const seq of seqs) note(places, seq, bySeq.get(seq) ?? null);
    }
    for (const message of shown) note(places, message.seq, message);
    resolved.set(
      event,
      shown.filter((message) => isChanged(event, message)),
    );
  }

  /** True when the event can be told at once. */
  function isReady(event: DomainEvent): boolean {
    if (event.type === 'message.sent' || event.type === 'message.deleted') noteMessage(event.message);
    if (event.type !== 'receipts.advanced' || resolved.has(event)) return true;
    const messages = recall(event);
    if (messages) resolved.set(event, messages);
    return messages !== null;
  }

  function hold(delivery: Delivery, id: ConversationId): void {
    const kept = { event: delivery.event, connections: [...delivery.connections] };
    const queue = waiting.get(id);
    if (queue) queue.push(kept);
    else {
      waiting.set(id, [kept]);
      void drain(id);
    }
  }

  async function drain(id: ConversationId): Promise<void> {
    for (let queue = waiting.get(id); queue && queue.length > 0; queue = waiting.get(id)) {
      const [first] = queue as [Delivery];
      if (!isReady(first.event)) {
        await lookUp(first.event as LogEvent<'receipts.advanced'>, id).catch((error: unknown) => {
          onError(error);
          resolved.set(first.event, []);
        });
      }
      queue.shift();
      handOn([first]);
    }
    waiting.delete(id);
  }

  return {
    of: (event) => resolved.get(event) ?? [],
    deliver(deliveries) {
      const ready: Delivery[] = [];
      for (const delivery of deliveries) {
        const { conversationId: id } = delivery.event;
        const isFirst = id === null || !waiting.has(id);
        if (isFirst && isReady(delivery.event)) ready.push(delivery);
        else if (id !== null) hold(delivery, id);
      }
      if (ready.length > 0) handOn(ready);
    },
  };
}

function toPlace({ id, seq, senderId }: Message): ReadMessage {
  return { id, seq, senderId };
}

/** By somebody else than its sender. */
function isChanged({ marks }: LogEvent<'receipts.advanced'>, { seq, senderId }: ReadMessage): boolean {
  return marks.some(
    ({ kind, userId, added }) =>
      kind === 'read' && userId !== senderId && added.some(([from, to]) => from <= seq && seq <= to),
  );
}

/** What all marks together newly cover, newest first, without overlaps. */
function readRanges({ marks }: LogEvent<'receipts.advanced'>): readonly SeqRange[] {
  const all = marks.flatMap(({ kind, added }) => (kind === 'read' ? added : []));
  const merged: [Seq, Seq][] = [];
  for (const [from, to] of all.toSorted((one, other) => other[1] - one[1])) {
    const last = merged.at(-1);
    if (last && to >= last[0] - 1) last[0] = Math.min(last[0], from);
    else merged.push([from, to]);
  }
  return merged;
}

function* newestFirst(ranges: readonly SeqRange[]): Generator<Seq> {
  for (const [from, to] of ranges) for (let seq = to; seq >= from; seq -= 1) yield seq;
}

function* firstOf<T>(items: Iterable<T>, count: number): Generator<T> {
  let left = count;
  for (const item of items) {
    if (left === 0) return;
    left -= 1;
    yield item;
  }
}
