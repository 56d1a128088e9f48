/**
 * The operations of a connection: one at a time, in arrival order, from a bounded inbox; the next starts when the last reply has been
 * taken. Catches around one frame; what an operation is and how its answer is addressed is the adapter's.
 */
import type { Log } from '@switchboard/core';
import type { Connection } from './connection.ts';
import type { Fault } from './error-table.ts';
import { toFault } from './error-table.ts';
import type { OperationSession } from './operations.ts';
import { holdEvents, releaseEvents, whenTaken } from './outbox.ts';
import { causeOf, type Runner } from './runner.ts';

/** One call as decoded from a frame. `ref` is whatever the answer needs to find its caller (invocation id, acknowledgement). */
export interface Request<Ref> {
  readonly name: string;
  readonly args: unknown;
  readonly ref: Ref;
}

export interface DispatcherOptions<In, Session extends OperationSession, Ref> {
  readonly protocol: string;
  readonly runner: Runner<Session>;
  readonly log: Log;
  /** Frames and bytes of one connection that may wait; above either its socket is paused. */
  readonly limits: { readonly inboxFrames: number; readonly inboxBytes: number };
  readonly sizeOf: (frame: In) => number;
  /**
   * The calls in a frame: none for frames that are the adapter's own business (pings), several where a wire packs them. Throws
   * `ProtocolError` for bad ones.
   */
  readonly decode: (frame: In, connection: Connection<Session>) => readonly Request<Ref>[];
  /** The answer, encoded; null: this caller wants none. An async iterable is written as it is read (unlimited lists). */
  readonly answer: (
    connection: Connection<Session>,
    request: Request<Ref>,
    value: unknown,
  ) => Buffer | null | AsyncIterable<Buffer>;
  /**
   * The refusal, encoded; null: silence. `request` is null when the frame could not be read. May close the connection instead.
   */
  readonly refuse: (connection: Connection<Session>, request: Request<Ref> | null, fault: Fault) => Buffer | null;
}

/** What waits for its turn on one connection. Plain data: the adapter keeps it with its session. */
export interface Inbox<In, Session> {
  readonly connection: Connection<Session>;
  readonly frames: In[];
  bytes: number;
  isOpen: boolean;
  isWorking: boolean;
  isPaused: boolean;
  /** Takes no more frames. */
  isDraining: boolean;
  /** Who waits for the end of the work under way. */
  waiters: (() => void)[] | null;
}

export interface Dispatcher<In, Session> {
  /** `isOpen` false: frames wait until `start` (clients that call before they are signed in). */
  open(connection: Connection<Session>, isOpen?: boolean): Inbox<In, Session>;
  start(inbox: Inbox<In, Session>): void;
  /** Takes a frame; its operations run in their turn. Never throws. */
  receive(inbox: Inbox<In, Session>, frame: In): void;
  /**
   * Takes no more frames and forgets those that wait; resolves when the operation under way, if any, has been answered. For a goodbye that
   * follows the last answer.
   */
  drain(inbox: Inbox<In, Session>): Promise<void>;
}

export function createDispatcher<In, Session extends OperationSession, Ref>(
  options: DispatcherOptions<In, Session, Ref>,
): Dispatcher<In, Session> {
  const { runner, limits, log, protocol } = options;

  async function work(inbox: Inbox<In, Session>): Promise<void> {
    const { connection, frames } = inbox;
    inbox.isWorking = true;
    while (frames.length > 0 && !connection.closed) {
      const frame = frames.shift() as In;
      inbox.bytes -= options.sizeOf(frame);
      await handle(connection, frame);
      if (inbox.isPaused && frames.length <= limits.inboxFrames / 2 && inbox.bytes <= limits.inboxBytes / 2) {
        inbox.isPaused = false;
        connection.transport.resume();
      }
    }
    if (connection.closed) frames.length = 0;
    inbox.isWorking = false;
    const { waiters } = inbox;
    inbox.waiters = null;
    for (const resolve of waiters ?? []) resolve();
  }

  async function handle(connection: Connection<Session>, frame: In): Promise<void> {
    let requests: readonly Request<Ref>[];
    try {
      requests = options.decode(frame, connection);
    } catch (thrown) {
      refuse(connection, null, toLoggedFault(thrown));
      return;
    }
    for (const request of requests) {
      if (connection.closed) return;
      await serve(connection, request);
      const taken = whenTaken(connection.outbox);
      if (taken) await taken;
    }
  }

  async function serve(connection: Connection<Session>, request: Request<Ref>): Promise<void> {
    const isFirst = runner.find(request.name)?.answers === 'first';
    if (isFirst) holdEvents(connection.outbox);
    const outcome = await runner.run(connection.session, request.name, request.args);
    try {
      if (!outcome.ok) refuse(connection, request, outcome.fault);
      else {
        const answer = options.answer(connection, request, outcome.value);
        if (Buffer.isBuffer(answer)) connection.write(answer);
        else if (answer) await stream(connection, answer);
      }
    } catch (thrown) {
      refuse(connection, request, toLoggedFault(thrown));
    } finally {
      if (isFirst) releaseEvents(connection.outbox);
    }
  }

  /** Pieces of one answer: nothing comes between them, and each is read when the last one has been taken. */
  async function stream(connection: Connection<Session>, pieces: AsyncIterable<Buffer>): Promise<void> {
    let hasBegun = false;
    holdEvents(connection.outbox);
    try {
      for await (const piece of pieces) {
        if (connection.closed) return;
        hasBegun = true;
        connection.write(piece);
        const taken = whenTaken(connection.outbox);
        if (taken) await taken;
      }
    } catch (thrown) {
      if (!hasBegun) throw thrown;
      // Half an answer cannot be taken back: the client is told to come again.
      toLoggedFault(thrown);
      connection.close('shutdown');
    } finally {
      releaseEvents(connection.outbox);
    }
  }

  function refuse(connection: Connection<Session>, request: Request<Ref> | null, fault: Fault): void {
    if (connection.closed) return;
    try {
      const bytes = options.refuse(connection, request, fault);
      if (bytes && !connection.closed) connection.write(bytes);
    } catch (thrown) {
      toLoggedFault(thrown);
      connection.close('protocol_violation');
    }
  }

  /** What the runner has not seen: faults of decoding, wording and encoding. */
  function toLoggedFault(thrown: unknown): Fault {
    const fault = toFault(thrown);
    if (fault.code === 'internal') log('error', 'a frame could not be answered', { protocol, ...causeOf(fault) });
    return fault;
  }

  return {
    open: (connection, isOpen = true) => ({
      connection,
      frames: [],
      bytes: 0,
      isOpen,
      isWorking: false,
      isPaused: false,
      isDraining: false,
      waiters: null,
    }),

    start(inbox) {
      inbox.isOpen = true;
      if (!inbox.isWorking && inbox.frames.length > 0) void work(inbox);
    },

    receive(inbox, frame) {
      if (inbox.connection.closed || inbox.isDraining) return;
      inbox.frames.push(frame);
      inbox.bytes += options.sizeOf(frame);
      // Each time anew: a library between may have resumed the socket for reasons of its own.
      if (inbox.frames.length > limits.inboxFrames || inbox.bytes > limits.inboxBytes) {
        inbox.isPaused = true;
        inbox.connection.transport.pause();
      }
      if (inbox.isOpen && !inbox.isWorking) void work(inbox);
    },

    drain(inbox) {
      inbox.isDraining = true;
      inbox.frames.length = 0;
      inbox.bytes = 0;
      if (!inbox.isWorking) return Promise.resolve();
      return new Promise((resolve) => {
        inbox.waiters ??= [];
        inbox.waiters.push(resolve);
      });
    },
  };
}
