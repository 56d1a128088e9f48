/**
 * Live events to open streams: what each shows of an event, written once for all who see it alike, pushed in order. What must be loaded
 * first holds back what comes after it, and nothing else. Knows no sockets.
 */
import type { Clock, DomainEvent, Log, Lookup } from '@switchboard/core';
import { type Chunk, type Delivery, type Metrics, pushEvent } from '@switchboard/protocol';
import { encodeFrame, type StreamFrame, success } from '../codec.ts';
import { type Facts, isNothing, type Needs, noNeeds } from '../facts.ts';
import { projection, type Said, type SayingRow } from '../projection.ts';
import type { Reader, Views } from '../views.ts';
import { inPieces, toEvent, toFrame } from './frames.ts';
import { followPresence, type StreamConnection, selectSaid } from './stream.ts';

export interface DeliveryOptions {
  readonly protocol: string;
  readonly views: Views;
  readonly facts: Facts;
  readonly lookup: Lookup;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Log;
  /** The value that an unread stream shows now, and its objects; null: nothing of it changed by the event. */
  readonly unread: (event: DomainEvent, connection: StreamConnection) => UnreadValue | null;
}

export interface UnreadValue {
  readonly key: string;
  readonly make: Parameters<Views['tryBuild']>[1];
}

/** Connections that see an event alike. */
interface Group {
  readonly reader: Reader;
  readonly said: readonly Said[] | null;
  readonly unread: UnreadValue | null;
  readonly limit: number;
  readonly connections: StreamConnection[];
  frames: readonly StreamFrame[] | null;
}

interface Waiting {
  readonly event: DomainEvent;
  readonly groups: readonly Group[];
  rounds: number;
}

const MOST_ROUNDS = 12;
/** How often the store is asked again while it is away, and how often at most. */
const RETRY_MS = 250;
const MOST_RETRIES = 40;

export function createDelivery(options: DeliveryOptions) {
  const { views, facts, lookup, clock, metrics, log, protocol } = options;
  const incoming: Delivery[] = [];
  const waiting: Waiting[] = [];
  let isScheduled = false;
  let isLoading = false;
  let retries = 0;
  let isClosed = false;

  /** After everybody has heard of the batch: what the facts keep is then as new as what is said. */
  function flush(): void {
    isScheduled = false;
    for (const delivery of incoming.splice(0)) {
      const { event } = delivery;
      try {
        const groups = groupsOf(event, delivery.connections as readonly StreamConnection[]);
        if (groups.length > 0) waiting.push({ event, groups, rounds: 0 });
      } catch (error) {
        log('error', 'an event could not be said', { protocol, type: event.type, error: String(error) });
      }
    }
    drain();
  }

  function groupsOf(event: DomainEvent, connections: readonly StreamConnection[]): readonly Group[] {
    const row = projection[event.type] as SayingRow<DomainEvent> | { readonly made: 'dropped' } | undefined;
    const list = row?.made === 'said' ? row.say(event, lookup) : [];
    const groups = new Map<string, Group>();
    for (const connection of connections) {
      const { session } = connection;
      const { target, reader } = session;
      // Followed also where nothing is shown, and never behind what a replay has told.
      if (session.after === null || (!event.transient && event.position <= session.after)) continue;
      if (target.kind === 'unread' || target.kind === 'unreadAll') {
        const unread = options.unread(event, connection);
        if (unread) join(groups, `unread:${unread.key}`, { reader, said: null, unread, limit: 1 }, connection);
        continue;
      }
      const isAtWork = target.kind === 'user' && followPresence(event, target.userId, target.present);
      if (list.length === 0) continue;
      const selected = selectSaid(list, session, isAtWork);
      if (selected.length === 0) continue;
      const shown = selected.map(({ name, ownerId }) => `${name}/${ownerId ?? ''}`).join();
      const key = `${readerKey(session, list)}:${shown}:${session.limit}`;
      join(
        groups,
        key,
        { reader: readerFor(session, list), said: selected, unread: null, limit: session.limit },
        connection,
      );
    }
    return [...groups.values()];
  }

  function drain(): void {
    while (!isLoading) {
      const next = waiting[0];
      if (!next) return;
      const needs = build(next);
      if (needs) {
        load(needs);
        return;
      }
      waiting.shift();
      push(next);
    }
  }

  /** Null when all frames are there. */
  function build(next: Waiting): Needs | null {
    const { event, groups } = next;
    next.rounds += 1;
    const missing = noNeeds();
    for (const group of groups) {
      if (group.frames) continue;
      try {
        group.frames = framesOf(event, group, { missing, isLast: next.rounds > MOST_ROUNDS });
      } catch (error) {
        log('error', 'an event could not be written', { protocol, type: event.type, error: String(error) });
        group.frames = [];
      }
    }
    return isNothing(missing) ? null : missing;
  }

  function framesOf(
    event: DomainEvent,
    { reader, said, unread, limit }: Group,
    { missing, isLast }: { readonly missing: Needs; readonly isLast: boolean },
  ): readonly StreamFrame[] | null {
    if (unread) {
      const built = isLast ? views.force(reader, unread.make) : views.tryBuild(reader, unread.make);
      if ('needs' in built) return addNeeds(missing, built.needs);
      return [{ envelope: success(built.value, built.rels), id: null }];
    }
    const frames: StreamFrame[] = [];
    for (const piece of inPieces(said ?? [], limit)) {
      const make = (builder: Parameters<typeof toEvent>[0]) =>
        piece.map((one) => toEvent(builder, { event, said: one }));
      const built = isLast ? views.force(reader, make) : views.tryBuild(reader, make);
      if ('needs' in built) return addNeeds(missing, built.needs);
      frames.push(toFrame(built.value, built.rels));
    }
    return frames;
  }

  function load(needs: Needs): void {
    isLoading = true;
    facts.load(needs).then(
      () => {
        isLoading = false;
        retries = 0;
        drain();
      },
      (error: unknown) => {
        retries += 1;
        if (retries > MOST_RETRIES || isClosed) {
          // They come back with their position, and are told everything again.
          const given = waiting.splice(0);
          for (const { groups } of given)
            for (const { connections } of groups) for (const one of connections) one.close('shutdown');
          isLoading = false;
          retries = 0;
          return;
        }
        if (retries === 1) log('warn', 'events wait for the store', { protocol, error: String(error) });
        clock.after(RETRY_MS, () => {
          isLoading = false;
          drain();
        });
      },
    );
  }

  function push({ event, groups }: Waiting): void {
    let delivered = 0;
    for (const { frames, connections } of groups) {
      if (!frames || frames.length === 0) continue;
      const chunks = new Map<string, Chunk>();
      for (const connection of connections) {
        if (connection.closed) continue;
        let chunk = chunks.get(connection.encoding);
        if (!chunk) {
          const bytes = frames.map((frame) => encodeFrame(frame, connection.encoding));
          chunk = {
            bytes: bytes.length === 1 ? (bytes[0] as Buffer) : Buffer.concat(bytes),
            use: event.transient ? 'signal' : 'event',
            position: event.transient ? 0 : event.position,
            shared: connections.length > 1,
          };
          chunks.set(connection.encoding, chunk);
        }
        pushEvent(connection.outbox, chunk);
        delivered += 1;
      }
    }
    if (delivered > 0) metrics.delivered(protocol, delivered);
  }

  return {
    deliver(deliveries: readonly Delivery[]): void {
      for (const { event, connections } of deliveries) incoming.push({ event, connections: [...connections] });
      if (isScheduled) return;
      isScheduled = true;
      queueMicrotask(flush);
    },
    close(): void {
      isClosed = true;
    },
  };
}

function join(
  groups: Map<string, Group>,
  key: string,
  made: Omit<Group, 'connections' | 'frames'>,
  connection: StreamConnection,
): void {
  const group = groups.get(key);
  if (group) group.connections.push(connection);
  else groups.set(key, { ...made, connections: [connection], frames: null });
}

function addNeeds(all: Needs, more: Needs): null {
  for (const [name, set] of Object.entries(more) as [keyof Needs, Set<never>][]) {
    for (const item of set) (all[name] as Set<never>).add(item);
  }
  return null;
}

/** Whether anything in the frames would tell of this operator: its membership, its messages, its own counts. */
function isTold(session: StreamConnection['session'], list: readonly Said[]): boolean {
  const { reader, target } = session;
  if (reader.part === 'client' || target.kind === 'user' || reader.userId === null) return true;
  const userId = reader.userId;
  return list.some(({ view, message, actorId, memberId }) => {
    if (message?.senderId === userId || actorId === userId || memberId === userId) return true;
    if (!view) return false;
    return view.participants.has(userId) || view.lastMessage?.senderId === userId;
  });
}

function readerFor(session: StreamConnection['session'], list: readonly Said[]): Reader {
  return isTold(session, list) ? session.reader : { ...session.reader, userId: null };
}

function readerKey(session: StreamConnection['session'], list: readonly Said[]): string {
  const { reader } = session;
  const spaces = reader.spaceIds ? [...reader.spaceIds].join(',') : '';
  return `${reader.part}:${reader.isHtml}:${isTold(session, list) ? reader.userId : ''}:${spaces}`;
}
