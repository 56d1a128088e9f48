/**
 * Legs whose connection goes and comes back: graces, taking over under a new connection, and legs of nodes that have died. Whoever holds
 * a leg is decided by its row, so it is exact on any number of nodes and through a restart.
 */
import { systemActor, type UserActor } from '../actor.ts';
import { createBatchLoader } from '../batch-loader.ts';
import type { Calls } from '../calls.ts';
import type { CoreContext } from '../context.ts';
import type { Deadlines } from '../deadlines.ts';
import { isDomainError } from '../errors.ts';
import type { ConnectionId, NodeId, UnixMs, UserId } from '../ids.ts';
import type { Call, CallLeg } from '../model/call.ts';
import { NODE_ALIVE_MS } from '../node-watch.ts';
import type { Tx } from '../ports/store.ts';
import { hasEnded } from './devices.ts';
import { about, GRACE, leaveLeg } from './ending.ts';

type ConnectedActor = UserActor & { readonly connectionId: ConnectionId };
type DropOptions = NonNullable<Parameters<Calls['dropped']>[1]>;

export interface Legs extends Pick<Calls, 'dropped' | 'resume' | 'legOf'> {
  /** After a device came in: whether its connection has ended meanwhile, unseen by whoever dropped it. */
  lookAfter(actor: UserActor, leg: CallLeg): Promise<void>;
  /** Takes over what this node held before it was started, and from then on what nodes leave behind that die. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const LOOK_MS = 5_000;
const STANDSTILL_MS = 2 * LOOK_MS;
/** How long a node remembers that a connection has ended: longer than any operation of it may still be under way. */
const REMEMBER_MS = 60_000;

export interface LegsNeighbours {
  readonly deadlines: Pick<Deadlines, 'on'>;
  /** Whether this node has the connection, alive. */
  readonly isHere: (userId: UserId, connection: ConnectionId) => boolean;
}

export function createLegs(context: CoreContext, { deadlines, isHere }: LegsNeighbours): Legs {
  const { store, change, clock, nodeId, presence, log } = context;
  const legOf = createBatchLoader<UserId, CallLeg>({
    load: async (userIds) => new Map((await store.calls.legsOf(userIds)).map((leg) => [leg.userId, leg])),
  });
  /** Connections that ended here lately. */
  const ended = new Map<ConnectionId, DropOptions>();
  /** What the store could not take. */
  const owed = new Map<ConnectionId, { readonly actor: ConnectedActor; readonly options: DropOptions }>();
  /**
   * When this node last looked, and since when it has looked without a gap. After a standstill of the store or of this node the
   * heartbeats of all nodes are old: each has its time to show that it lives before anybody takes over from it.
   */
  let lookedAt: UnixMs = 0;
  let steadySince: UnixMs = 0;
  let stopLooking = () => {};
  let looking: Promise<void> | null = null;

  deadlines.on(GRACE, async (tx, { subject }) => {
    const leg = await tx.calls.legOf(Number(subject) as UserId);
    if (!leg || leg.graceUntil === null || leg.graceUntil > tx.at) return;
    const call = await tx.calls.find(leg.callId);
    if (call) await leaveLeg(tx, call, { ...leg, cause: { reason: 'lost', by: leg.userId } });
  });

  /** Under the lock: the leg, if this connection still holds it, and its call. */
  async function held(
    tx: Tx,
    userId: UserId,
    connectionId: ConnectionId,
  ): Promise<{ leg: CallLeg; call: Call } | null> {
    const leg = await tx.calls.legOf(userId);
    const call = leg?.connectionId === connectionId ? await tx.calls.find(leg.callId) : null;
    return leg && call ? { leg, call } : null;
  }

  async function beginGrace(tx: Tx, { leg, call }: { leg: CallLeg; call: Call }, graceMs = leg.graceMs): Promise<void> {
    const graceUntil = tx.at + graceMs;
    const dropped: CallLeg = { ...leg, graceUntil };
    const saved = await tx.calls.save(withLeg(call, dropped));
    tx.append('call.leg_dropped', about(saved, { leg: dropped }), { call: saved, leg: dropped });
    await tx.deadlines.set({ kind: GRACE, subject: String(leg.userId), dueAt: graceUntil, data: {} });
  }

  async function drop(actor: ConnectedActor, { graceMs, anyDevice = false }: DropOptions): Promise<void> {
    const { userId, connectionId } = actor;
    const known = await legOf(userId);
    if (known?.connectionId !== connectionId || (known.graceUntil !== null && graceMs !== 0)) return;
    const other = anyDevice ? await otherDevice(actor) : null;
    await change(actor, async (tx) => {
      const own = await held(tx, userId, connectionId);
      if (!own) return;
      if (other) await handOver(tx, own, { ...own.leg, ...other });
      else if (graceMs === 0) await leaveLeg(tx, own.call, { ...own.leg, cause: { reason: 'left', by: userId } });
      else if (own.leg.graceUntil === null) await beginGrace(tx, own, graceMs);
    });
    // It may have ended before the leg was its own.
    if (other) await lookAfter(actor, { ...known, ...other });
  }

  async function lookAfter(actor: UserActor, leg: CallLeg): Promise<void> {
    const options = ended.get(leg.connectionId);
    const device = { ...actor, connectionId: leg.connectionId };
    if (options) await dropped(device, options);
    else if (await hasEnded(context, leg, nodeId)) await dropped(device);
  }

  async function otherDevice({ userId, connectionId, namespace }: ConnectedActor) {
    const states = await presence.get([userId]).catch(() => null);
    const found = states
      ?.get(userId)
      ?.connections.find(
        (one) => one.id !== connectionId && one.namespace === namespace && one.endedAt === null && !ended.has(one.id),
      );
    return found ? { connectionId: found.id, device: found.id, nodeId: found.nodeId } : null;
  }

  async function dropped(actor: ConnectedActor, options: DropOptions = {}): Promise<void> {
    ended.set(actor.connectionId, options);
    clock.after(REMEMBER_MS, () => ended.delete(actor.connectionId));
    try {
      await drop(actor, options);
    } catch (error) {
      owed.set(actor.connectionId, { actor, options });
      complain(error);
    }
  }

  function complain(error: unknown): void {
    if (isDomainError(error) && error.code === 'unavailable') return;
    log('error', 'a leg of a call could not be looked after and is tried again', { error });
  }

  async function settleOwed(): Promise<void> {
    for (const [id, { actor, options }] of [...owed]) {
      await drop(actor, options);
      owed.delete(id);
    }
  }

  async function takeOver(deadMs: number | null, ownNode: NodeId | null): Promise<void> {
    for (const orphan of await store.calls.orphans(deadMs, ownNode)) {
      await change(systemActor(), async (tx) => {
        const found = await held(tx, orphan.userId, orphan.connectionId);
        if (found && found.leg.graceUntil === null) await beginGrace(tx, found);
      });
    }
  }

  /** What others took over while this node stood still, although its connections lived on. */
  async function takeBack(): Promise<void> {
    for (const { userId, connectionId } of await store.calls.inGrace(nodeId)) {
      if (!isHere(userId, connectionId) || ended.has(connectionId)) continue;
      await change(systemActor(), async (tx) => {
        const found = await held(tx, userId, connectionId);
        if (found && found.leg.graceUntil !== null) await handOver(tx, found, found.leg);
      });
    }
  }

  async function lookOnce(): Promise<void> {
    const now = clock.now();
    if (now - lookedAt > STANDSTILL_MS) steadySince = now;
    await settleOwed();
    await takeBack();
    await takeOver(now - steadySince >= NODE_ALIVE_MS ? NODE_ALIVE_MS : null, null);
    lookedAt = now;
  }

  function look(): void {
    looking ??= lookOnce()
      .catch(complain)
      .finally(() => {
        looking = null;
      });
  }

  return {
    dropped,
    legOf: async (userId) => (await legOf(userId)) ?? null,

    lookAfter,

    async resume(actor, { previous, device = actor.connectionId } = {}) {
      const { userId, connectionId, namespace } = actor;
      const fits = (leg: CallLeg | null | undefined): leg is CallLeg =>
        !!leg &&
        (previous === undefined
          ? leg.graceUntil !== null && leg.namespace === namespace
          : leg.connectionId === previous);
      if (!fits(await legOf(userId))) return null;
      return change(actor, async (tx) => {
        const leg = await tx.calls.legOf(userId);
        const call = fits(leg) ? await tx.calls.find(leg.callId) : null;
        if (!fits(leg) || !call) return null;
        if (leg.connectionId === connectionId && leg.graceUntil === null) return { call, leg, previous: leg };
        return handOver(tx, { leg, call }, { ...leg, connectionId, device, namespace, nodeId });
      });
    },

    async start() {
      await takeOver(NODE_ALIVE_MS, nodeId);
      lookedAt = clock.now();
      steadySince = lookedAt;
      stopLooking = clock.every(LOOK_MS, look);
    },
    async close() {
      stopLooking();
      await looking;
    },
  };
}

/** The same device under another connection: nothing of what it does in the call changes. */
async function handOver(tx: Tx, { leg: previous, call }: { leg: CallLeg; call: Call }, next: CallLeg) {
  const leg: CallLeg = { ...next, graceUntil: null };
  const saved = await tx.calls.save(withLeg(call, leg));
  const previousConnectionId = previous.connectionId;
  tx.append('call.leg_resumed', about(saved, { leg, previousConnectionId }), {
    call: saved,
    leg,
    previousConnectionId,
  });
  return { call: saved, leg, previous };
}

function withLeg(call: Call, leg: CallLeg): Call {
  return { ...call, legs: call.legs.map((one) => (one.userId === leg.userId ? leg : one)) };
}
