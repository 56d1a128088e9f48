/** What passes between the devices of a call: media flags, told at once and stored now and then, and asking somebody to be silent. */
import type { UserActor } from '../actor.ts';
import type { Calls } from '../calls.ts';
import type { CoreContext } from '../context.ts';
import type { ConnectionId, UnixMs, UserId } from '../ids.ts';
import type { CallLeg, MediaState } from '../model/call.ts';
import { mergeMedia } from './media.ts';
import { wrongDevice } from './rooms.ts';

/** Flags are stored at most so often per device. */
const STORE_MS = 1_000;

interface Flags {
  readonly leg: CallLeg;
  media: MediaState;
  storedAt: UnixMs;
  /** Set while newer flags wait to be stored. */
  cancel: (() => void) | null;
}

export interface Relay extends Pick<Calls, 'setMedia' | 'requestMute'> {
  /** Stores what waits. */
  close(): Promise<void>;
}

export function createRelay(context: CoreContext, legOf: (userId: UserId) => Promise<CallLeg | null>): Relay {
  const { store, bus, clock, log } = context;
  /** Of devices that set flags here within the last second: newer than the store's. */
  const recent = new Map<ConnectionId, Flags>();

  function base(actor: UserActor, { conversationId, callId }: CallLeg) {
    const { userId: actorId, via, connectionId: origin } = actor;
    return { transient: true as const, at: clock.now(), conversationId, actorId, via, origin, callId };
  }

  async function ownLeg(actor: UserActor, connectionId: ConnectionId | null | undefined): Promise<CallLeg> {
    const leg = await legOf(actor.userId);
    if (!leg || leg.connectionId !== connectionId) throw wrongDevice('not_joined');
    return leg;
  }

  async function save(flags: Flags): Promise<void> {
    const { leg } = flags;
    flags.cancel = null;
    flags.storedAt = clock.now();
    const { media } = flags;
    try {
      await store.calls.saveMedia(leg.userId, leg.connectionId, media);
    } catch (error) {
      log('warn', 'media flags were told but not stored', { callId: leg.callId, error });
    }
    clock.after(STORE_MS, () => {
      if (flags.cancel === null && flags.media === media) recent.delete(leg.connectionId);
    });
  }

  return {
    async setMedia(actor, { connectionId = actor.connectionId ?? undefined, media }) {
      const leg = await ownLeg(actor, connectionId);
      const known = recent.get(leg.connectionId);
      const merged = mergeMedia(known?.media ?? leg.media, media, clock.now());
      const changed: CallLeg = { ...leg, media: merged };
      const signal = { ...base(actor, leg), type: 'call.media_changed' as const, leg: changed, media: merged };
      const flags: Flags = known ?? { leg, media: merged, storedAt: 0, cancel: null };
      flags.media = merged;
      recent.set(leg.connectionId, flags);
      bus.publishSignals([signal]);
      const waitMs = flags.storedAt + STORE_MS - clock.now();
      if (waitMs <= 0) await save(flags);
      else flags.cancel ??= clock.after(waitMs, () => void save(flags));
      return changed;
    },

    async requestMute(actor, { connectionId = actor.connectionId ?? undefined, userId }) {
      const leg = await ownLeg(actor, connectionId);
      const target = await legOf(userId);
      if (target?.callId !== leg.callId) throw wrongDevice('not_same_call');
      const data = { connectionId: target.connectionId, device: target.device };
      bus.publishSignals([
        { ...base(actor, leg), type: 'call.signal', name: 'mute', to: [userId], connections: [], data },
      ]);
    },

    async close() {
      for (const flags of recent.values()) {
        flags.cancel?.();
        if (flags.cancel) await save(flags);
      }
    },
  };
}
