/**
 * Presence of people who call over HTTP and keep no stream: each caller counts as a connection from its first call until its grace after
 * the last one. Costs the presence store nothing per call.
 */
import type { Clock, ConnectionId, Core, Ids, Log, UnixMs } from '@switchboard/core';
import { createActor, type Viewer } from './connection.ts';
import { createWheel } from './heartbeat.ts';

export interface Callers {
  /** Called with every signed-in call; returns at once. */
  seen(viewer: Viewer): void;
  /** Ends all: what is left of each grace still counts. */
  close(): Promise<void>;
}

interface Caller {
  readonly viewer: Viewer;
  readonly connectionId: ConnectionId;
  lastCallAt: UnixMs;
  registered: Promise<unknown>;
}

export interface CallersOptions {
  readonly core: Pick<Core, 'presence'>;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: Log;
  /** How long a caller counts after its last call. */
  readonly graceMs: number;
}

export function createCallers(options: CallersOptions): Callers {
  const { core, clock, ids, log, graceMs } = options;
  const callers = new Map<string, Caller>();
  const wheel = createWheel<Caller>({ clock, onDue: check });

  function check(caller: Caller): void {
    const silentMs = clock.now() - caller.lastCallAt;
    if (silentMs < graceMs) wheel.set(caller, graceMs - silentMs);
    else void forget(caller, 0);
  }

  async function forget(caller: Caller, leftMs: number): Promise<void> {
    callers.delete(keyOf(caller.viewer));
    wheel.clear(caller);
    await caller.registered;
    await core.presence
      .disconnected(createActor(caller.viewer, caller.connectionId), leftMs)
      .catch((error) => log('warn', 'presence could not be ended', { error: String(error) }));
  }

  return {
    seen(viewer) {
      const key = keyOf(viewer);
      const known = callers.get(key);
      if (known) {
        known.lastCallAt = clock.now();
        return;
      }
      const connectionId = ids.uuid() as ConnectionId;
      const registered = core.presence
        .connected(createActor(viewer, connectionId), { graceMs, info: { kind: 'caller' } })
        .catch((error) => log('warn', 'presence could not be registered', { error: String(error) }));
      const caller: Caller = { viewer, connectionId, lastCallAt: clock.now(), registered };
      callers.set(key, caller);
      wheel.set(caller, graceMs);
    },
    async close() {
      const now = clock.now();
      await Promise.all(
        [...callers.values()].map((caller) => forget(caller, Math.max(0, graceMs - (now - caller.lastCallAt)))),
      );
      wheel.close();
    },
  };
}

function keyOf(viewer: Viewer): string {
  return `${viewer.userId}:${viewer.sessionId ?? viewer.namespace}`;
}
