/**
 * Live events to open streams: what each shows of an event, written once for all who see it alike, pushed in order. What must be loaded
 * first holds back what comes after it, and nothing else. Knows no sockets.
 */
import type { Clock, DomainEvent, Log, Lookup } from '@switchboard/core';
import { type Chunk, type Delivery, type Metrics, pushEvent } from '@switchboard/protocol';
import { encodeFrame, type StreamFrame, success } from '../codec.ts';
import { type Facts, isNothing, type Needs, noNeeds } from '../facts.ts';
import { projection, type Said, type SayingRow } from '../projection.ts';
import type { Builder, Reader, Views } from '../views.ts';
import { inPieces, type SaidOf, toEvent, toFrame } from './frames.ts';
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

/** Connections that see the events of a run alike. */
interface Group {
  readonly reader: Reader;
  readonly said: readonly SaidOf[];
  readonly unread: UnreadValue | null;
  readonly limit: number;
  readonly connections: StreamConnection[];
  frames: readonly StreamFrame[] | null;
}

/** Lasting events that came together share frames; a passing one stands alone. */
interface Run {
  readonly isSignal: boolean;
  /** Of its newest event. */
  position: number;
  readonly groups: Group[];
  rounds: number;
}

/** Of one turn: objects that many of them refer to stand in a frame once. */
const MOST_LIVE_EVENTS = 1_000;
const MOST_ROUNDS = 12;
/** How often the store is asked again while it is away, and how often at most. */
const RETRY_MS = 250;
const MOST_RETRIES = 40;

export function createDelivery(options: DeliveryOptions) {
  const { views, facts, lookup, clock, metrics, log, protocol } = options;
  const incoming: Delivery[] = [];
  const waiting: Run[] = [];
  let isScheduled = false;
  let isLoading = false;
  let retries = 0;
  let isClosed = false;

  /** After everybody has heard of the batch: what the facts keep is then as new as what is said. */
  function flush(): void {
    isScheduled = false;
    const gathered = incoming.splice(0);
    for (let at = 0; at < gathered.length; ) {
      let end = at + 1;
      if (!gathered[at]?.event.transient) while (end < gathered.length && !gathered[end]?.event.transient) end += 1;
      const run = runOf(gathered.slice(at, end));
      if (run.groups.length > 0) waiting.push(run);
      at = end;
    }
    drain();
  }

  function runOf(deliveries: readonly Delivery[]): Run {
    const partition = createPartition();
    const run: Run = { isSignal: false, position: 0, groups: [], rounds: 0 };
    let isSignal = false;
    for (const { event, connections } of deliveries) {
      isSignal = event.transient;
      if (!event.transient) run.position = event.position;
      try {
        sort(event, connections as readonly StreamConnection[], partition);
      } catch (error) {
        log('error', 'an event could not be said', { protocol, type: event.type, error: String(error) });
      }
    }
    return { ...run, isSignal, groups: partition.groups() };
  }

  /** Puts what each connection is shown of an event behind what it is shown before. */
  function sort(event: DomainEvent, connections: readonly StreamConnection[], partition: Partition): void {
    const row = projection[event.type] as SayingRow<DomainEvent> | { readonly made: 'dropped' } | undefined;
    const list = row?.made === 'said' ? row.say(event, lookup) : [];
    for (const connection of connections) {
      const { session } = connection;
      const { target } = session;
      // Followed also where nothing is shown, and never behind what a replay has told.
      if (session.after === null || (!event.transient && event.position <= session.after)) continue;
      if (target.kind === 'unread' || target.kind === 'unreadAll') {
        const unread = options.unread(event, connection);
        if (unread) partition.count(connection, unread);
        continue;
      }
      const isAtWork = target.kind === 'user' && followPresence(event, target.userId, target.present);
      if (list.length === 0) continue;
      const selected = selectSaid(list, session, isAtWork);
      if (selected.length === 0) continue;
      const shown = selected.map(({ name, ownerId }) => `${name}/${ownerId ?? ''}`).join();
      const isOfReader = isTold(session, list);
      partition.add(connection, { event, selected, isOfReader, key: `${readerKey(session, isOfReader)}:${shown}` });
    }
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
  function build(next: Run): Needs | null {
    next.rounds += 1;
    const missing = noNeeds();
    for (const group of next.groups) {
      if (group.frames) continue;
      try {
        group.frames = framesOf(group, { missing, isLast: next.rounds > MOST_ROUNDS, isSignal: next.isSignal });
      } catch (error) {
        log('error', 'events could not be written', { protocol, error: String(error) });
        group.frames = [];
      }
    }
    return isNothing(missing) ? null : missing;
  }

  function framesOf(
    { reader, said, unread, limit }: Group,
    { missing, isLast, isSignal }: { readonly missing: Needs; readonly isLast: boolean; readonly isSignal: boolean },
  ): readonly StreamFrame[] | null {
    if (unread) {
      const built = isLast ? views.force(reader, unread.make) : views.tryBuild(reader, unread.make);
      if ('needs' in built) return addNeeds(missing, built.needs);
      return [{ envelope: success(built.value, built.rels), id: null }];
    }
    const frames: StreamFrame[] = [];
    for (const piece of inPieces(said, limit)) {
      const make = (builder: Builder) => piece.map((one) => toEvent(builder, one));
      const built = isLast ? views.force(reader, make) : views.tryBuild(reader, make);
      if ('needs' in built) return addNeeds(missing, built.needs);
      const frame = toFrame(built.value, built.rels);
      frames.push(isSignal ? { ...frame, id: null } : frame);
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

  function push({ isSignal, position, groups }: Run): void {
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
            use: isSignal ? 'signal' : 'event',
            position: isSignal ? 0 : position,
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

/** What one event shows to connections that are alike in it. */
interface Shown {
  readonly event: DomainEvent;
  readonly selected: readonly Said[];
  /** Whether it tells of the reader itself. */
  readonly isOfReader: boolean;
  readonly key: string;
}

/** Connections that were shown the same so far. */
interface Class {
  readonly before: Class | null;
  readonly shown: Shown;
  /** By the key of what comes next. */
  readonly next: Map<string, Class>;
}

interface Partition {
  add(connection: StreamConnection, shown: Shown): void;
  count(connection: StreamConnection, unread: UnreadValue): void;
  groups(): Group[];
}

/** Finer with every event: whoever is shown the same of all of them shares the frames. */
function createPartition(): Partition {
  const first = new Map<string, Class>();
  const classes = new Map<StreamConnection, Class>();
  const counts = new Map<StreamConnection, UnreadValue>();

  return {
    add(connection, shown) {
      const before = classes.get(connection) ?? null;
      const known = before ? before.next : first;
      // Frames of another length are other frames.
      const key = before ? shown.key : `${connection.session.limit}:${shown.key}`;
      let made = known.get(key);
      if (!made) {
        made = { before, shown, next: new Map() };
        known.set(key, made);
      }
      classes.set(connection, made);
    },
    count(connection, unread) {
      counts.set(connection, unread);
    },
    groups() {
      const groups = new Map<Class | string, Group>();
      for (const [connection, last] of classes) {
        const group = groups.get(last);
        if (group) group.connections.push(connection);
        else groups.set(last, toGroup(connection, last));
      }
      for (const [connection, unread] of counts) {
        const { reader } = connection.session;
        const key = `${reader.userId}:${unread.key}`;
        const group = groups.get(key);
        if (group) group.connections.push(connection);
        else groups.set(key, { reader, said: [], unread, limit: 1, connections: [connection], frames: null });
      }
      return [...groups.values()];
    },
  };
}

function toGroup(connection: StreamConnection, last: Class): Group {
  const { reader, limit } = connection.session;
  const all: Shown[] = [];
  for (let at: Class | null = last; at; at = at.before) all.push(at.shown);
  all.reverse();
  return {
    reader: all.some(({ isOfReader }) => isOfReader) ? reader : { ...reader, userId: null },
    said: all.flatMap(({ event, selected }) => selected.map((said) => ({ event, said }))),
    unread: null,
    limit: limit ?? MOST_LIVE_EVENTS,
    connections: [connection],
    frames: null,
  };
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

function readerKey({ reader }: StreamConnection['session'], isOfReader: boolean): string {
  const spaces = reader.spaceIds ? [...reader.spaceIds].join(',') : '';
  return `${reader.part}:${reader.isHtml}:${isOfReader ? reader.userId : ''}:${spaces}`;
}
