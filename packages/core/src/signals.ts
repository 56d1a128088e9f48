/** What passes and is never stored: hints between devices, relayed to whoever may hear them. Never looks into what it relays. */
import type { UserActor } from './actor.ts';
import { createBatchLoader } from './batch-loader.ts';
import type { CoreContext } from './context.ts';
import { DomainError } from './errors.ts';
import type { CallId, ConnectionId, ConversationId, UserId } from './ids.ts';
import type { Call } from './model/call.ts';
import type { JsonValue } from './model/user.ts';

export interface Signals {
  /**
   * Relays within the actor's namespace. With a conversation: the actor and those named must take part in it; without: they must share
   * one. Nobody named = everybody in the conversation. `not_found` otherwise.
   */
  relay(
    actor: UserActor,
    command: {
      readonly name: string;
      readonly conversationId?: ConversationId;
      readonly to?: readonly UserId[];
      readonly data: JsonValue;
    },
  ): Promise<void>;
  /**
   * From a participant of a live call to the devices in it: those of the users named, or all legs (the sender's included) when nobody is;
   * `connections` narrows it. Somebody named whose device is gone for the moment, or who has none in the call yet, hears it on all its
   * devices. `not_found` subject `call` (unknown, or the sender or somebody named takes no part in it), or `leg` (nobody named has any
   * device); `conflict` reason `ended`.
   */
  relayInCall(
    actor: UserActor,
    command: {
      readonly callId: CallId;
      readonly name: string;
      readonly to?: readonly UserId[];
      readonly connections?: readonly ConnectionId[];
      readonly data: JsonValue;
    },
  ): Promise<void>;
}

export function createSignals({ store, bus, presence, clock }: CoreContext): Signals {
  /** Floods of hints in many calls are one statement. */
  const callById = createBatchLoader<CallId, Call>({
    load: async (ids) => new Map((await store.calls.find(ids)).map((call) => [call.id, call])),
  });

  function base(actor: UserActor, conversationId: ConversationId | null) {
    const { userId: actorId, via, connectionId: origin } = actor;
    return { transient: true as const, at: clock.now(), conversationId, actorId, via, origin };
  }

  return {
    async relay(actor, { name, conversationId, to = [], data }) {
      const named = to.filter((userId) => userId !== actor.userId);
      if (conversationId === undefined && to.length === 0) {
        throw new DomainError('invalid', 'A signal needs a conversation or receivers', { field: 'to' });
      }
      if (conversationId !== undefined || named.length > 0) {
        const { memberships } = await store.conversations.membershipsOf([actor.userId, ...named]);
        const idsOf = (userId: UserId) => memberships.get(userId)?.conversationIds ?? new Set<ConversationId>();
        const own = idsOf(actor.userId);
        const reaches = (userId: UserId) =>
          conversationId === undefined
            ? [...own].some((id) => idsOf(userId).has(id))
            : idsOf(userId).has(conversationId);
        const may = (conversationId === undefined || own.has(conversationId)) && named.every(reaches);
        if (!may) throw new DomainError('not_found', 'Nobody there to signal to', { subject: 'conversation' });
      }
      const { namespace } = actor;
      bus.publishSignals([
        { ...base(actor, conversationId ?? null), type: 'wire.signal', namespace, name, to: [...to], data },
      ]);
    },

    async relayInCall(actor, { callId, name, to = [], connections = [], data }) {
      const call = await callById(callId);
      const takesPart = (userId: UserId) =>
        call?.legs.some((leg) => leg.userId === userId) ||
        call?.participants.some((one) => one.userId === userId && (one.state === 'asked' || one.state === 'accepted'));
      const isKnown = call?.participants.some(({ userId }) => userId === actor.userId) || takesPart(actor.userId);
      if (!call || !isKnown) throw new DomainError('not_found', `No call ${callId}`, { subject: 'call' });
      if (call.state === 'ended') {
        throw new DomainError('conflict', `Call ${callId} is over`, { subject: 'call', reason: 'ended' });
      }
      if (!takesPart(actor.userId) || !to.every(takesPart)) {
        throw new DomainError('not_found', `Not everybody takes part in call ${callId}`, { subject: 'call' });
      }
      const legs = call.legs.filter(({ userId }) => to.length === 0 || to.includes(userId));
      const live = legs.filter(({ graceUntil }) => graceUntil === null);
      const haveNoDevice = to.filter((userId) => !live.some((leg) => leg.userId === userId));
      if (haveNoDevice.length > 0) {
        const states = await presence.get(haveNoDevice);
        const isConnected = (userId: UserId) => states.get(userId)?.connections.some(({ endedAt }) => endedAt === null);
        if (!haveNoDevice.some(isConnected) && live.length === 0) {
          throw new DomainError('not_found', 'Nobody named has a device', { subject: 'leg' });
        }
      }
      const narrowed = haveNoDevice.length > 0 ? [] : live.map(({ connectionId }) => connectionId);
      bus.publishSignals([
        {
          ...base(actor, call.conversationId),
          type: 'call.signal',
          callId,
          name,
          to: to.length > 0 ? [...to] : [...new Set(legs.map(({ userId }) => userId))],
          connections: connections.length > 0 ? [...connections] : narrowed,
          data,
        },
      ]);
    },
  };
}
