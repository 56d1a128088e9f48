/** Calls that ask: ringing, answers, hanging up, and the end of ringing. */
import type { UserActor } from '../actor.ts';
import type { CallAnswer, Calls, StartCall } from '../calls.ts';
import type { CoreContext } from '../context.ts';
import type { Deadlines } from '../deadlines.ts';
import { DomainError } from '../errors.ts';
import type { CallId, UserId } from '../ids.ts';
import type { Call, CallEndReason, CallParticipant } from '../model/call.ts';
import type { Tx } from '../ports/store.ts';
import { type Device, enter, findDevice } from './devices.ts';
import { about, endCall, leaveLeg, RING, staying, turnDown, withParticipant } from './ending.ts';
import { requireActive } from './participation.ts';

const RING_MS = 60_000;

const REASONS: Record<Exclude<CallAnswer, 'accept'>, CallEndReason> = {
  reject: 'rejected',
  failed: 'failed',
  timeout: 'timeout',
};

type Ringing = Pick<Calls, 'start' | 'answer' | 'stop' | 'connected'>;

export function createRinging(context: CoreContext, deadlines: Pick<Deadlines, 'on'>): Ringing {
  const { change } = context;
  deadlines.on(RING, (tx, { subject }) => stopRinging(tx, Number(subject) as CallId));

  async function accept(tx: Tx, call: Call, actor: UserActor & { device: Device }): Promise<Answered> {
    const { userId, device } = actor;
    const mine = participantOf(call, userId);
    if (mine.state === 'accepted') {
      const leg = call.legs.find((one) => one.userId === userId);
      if (leg?.connectionId === device.connectionId && leg.graceUntil === null) return { call, repeated: true };
      if (leg?.graceUntil === null) throw answered(call);
      return { call: (await enter(tx, call, device)).call, repeated: false };
    }
    if (mine.state !== 'asked') throw answered(call);
    return { call: (await enter(tx, await acceptedBy(tx, call, userId), device)).call, repeated: false };
  }

  return {
    async start(actor, command) {
      const device = await findDevice(context, actor, command);
      return change(actor, async (tx) => {
        const { conversationId } = command;
        const { spaceId } = await requireActive(tx, conversationId, actor.userId);
        const asked = await calleesOf(tx, actor.userId, command);
        const [busy] = await tx.calls.liveIn([conversationId]);
        if (busy) {
          throw new DomainError('conflict', `Conversation ${conversationId} has a call already`, {
            subject: 'call',
            reason: 'busy',
            id: busy.id,
          });
        }
        const call = await tx.calls.insert({
          conversationId,
          spaceId,
          mode: 'ringing',
          state: 'ringing',
          media: command.callMedia,
          initiatorId: actor.userId,
          participants: asked.map((userId) => toParticipant(userId, { by: actor.userId, at: tx.at })),
          recorded: command.recorded ?? true,
          meta: command.meta ?? {},
        });
        tx.append('call.started', about(call), { call });
        const entered = await enter(tx, call, device);
        const dueAt = tx.at + (command.ringMs ?? RING_MS);
        await tx.deadlines.set({ kind: RING, subject: String(call.id), dueAt, data: {} });
        return entered.call;
      });
    },

    async answer(actor, command) {
      const device = command.answer === 'accept' ? await findDevice(context, actor, command) : null;
      return change(actor, async (tx) => {
        const call = await findFor(tx, command.callId, actor.userId);
        if (call.initiatorId === actor.userId) {
          throw new DomainError('invalid', 'Nobody answers its own call', { field: 'callId', reason: 'own_call' });
        }
        const mine = participantOf(call, actor.userId);
        if (call.state === 'ended') throw over(call);
        if (command.answer === 'accept') return accept(tx, call, { ...actor, device: device as Device });
        const reason = REASONS[command.answer];
        if (mine.state === 'rejected' && mine.reason === reason) return { call, repeated: true };
        if (mine.state !== 'asked') throw answered(call);
        return { call: await turnDownOrEnd(tx, call, { userId: actor.userId, reason }), repeated: false };
      });
    },

    stop: (actor, callId, { meta = {} } = {}) =>
      change(actor, async (tx) => {
        const call = await findFor(tx, callId, actor.userId);
        if (call.state === 'ended') return { call, repeated: true };
        const { userId } = actor;
        const mine = participantOf(call, userId);
        const endsAll = call.participants.length <= 2 || (call.state === 'ringing' && userId === call.initiatorId);
        if (endsAll) {
          const noted = { ...call, meta: { ...call.meta, ...meta } };
          return { call: await endCall(tx, noted, { reason: 'stopped', by: userId }), repeated: false };
        }
        if (mine.state === 'asked') {
          return { call: await turnDownOrEnd(tx, call, { userId, reason: 'rejected' }), repeated: false };
        }
        const leg = call.legs.find((one) => one.userId === userId);
        if (!leg) return { call, repeated: true };
        return { call: await leaveLeg(tx, call, { ...leg, cause: { reason: 'left', by: userId } }), repeated: false };
      }),

    connected: (actor, callId) =>
      change(actor, async (tx) => {
        const call = await findFor(tx, callId, actor.userId);
        if (call.state !== 'active' || call.connectedAt !== call.acceptedAt) return call;
        const saved = await tx.calls.save({ ...call, connectedAt: tx.at });
        tx.append('call.connected', about(saved), { call: saved });
        return saved;
      }),
  };
}

interface Answered {
  readonly call: Call;
  readonly repeated: boolean;
}

/** Accepted by somebody who is asked, or by somebody of the conversation who comes in unasked. */
export async function acceptedBy(tx: Tx, call: Call, userId: UserId): Promise<Call> {
  const known = call.participants.some((one) => one.userId === userId);
  const participants = known
    ? call.participants
    : [...call.participants, toParticipant(userId, { by: null, at: tx.at })];
  const state = 'accepted';
  const taken = withParticipant({ ...call, participants }, userId, { state, reason: null, answeredAt: tx.at });
  const saved = await tx.calls.save({
    ...taken,
    state: 'active',
    acceptedAt: call.acceptedAt ?? tx.at,
    connectedAt: call.connectedAt ?? tx.at,
  });
  tx.append('call.answered', about(saved, { userId, state, reason: null }), {
    call: saved,
    userId,
    state,
    reason: null,
  });
  return saved;
}

/** The last callee who turns it down ends it: a timeout only while nobody had ever accepted. */
async function turnDownOrEnd(
  tx: Tx,
  call: Call,
  { userId, reason }: { readonly userId: UserId; readonly reason: CallEndReason },
): Promise<Call> {
  const cause = {
    reason: reason === 'timeout' && call.acceptedAt !== null ? ('rejected' as const) : reason,
    by: userId,
  };
  return turnDown(tx, call, { userId, cause });
}

/** Nobody is asked any longer. */
async function stopRinging(tx: Tx, callId: CallId): Promise<void> {
  const call = await tx.calls.find(callId);
  if (!call || call.state === 'ended') return;
  const cause = { reason: 'timeout' as const, by: null };
  if (call.acceptedAt === null) {
    await endCall(tx, call, cause);
    return;
  }
  let current = call;
  for (const { userId, state } of call.participants) {
    if (state === 'asked' && current.state !== 'ended') current = await turnDown(tx, current, { userId, cause });
  }
  if (current.state !== 'ended' && staying(current).length < 2) await endCall(tx, current, cause);
}

async function calleesOf(tx: Tx, callerId: UserId, { conversationId, calleeIds = [] }: StartCall): Promise<UserId[]> {
  const active = (await tx.conversations.participants(conversationId)).filter((one) => one.active);
  const ids = new Set(active.map(({ userId }) => userId));
  const named = calleeIds.length > 0 ? [...new Set(calleeIds)] : [...ids];
  const fault = (reason: string) =>
    new DomainError('invalid', 'Nobody there to be called', { subject: 'participant', field: 'calleeIds', reason });
  if (!named.every((userId) => ids.has(userId))) throw fault('no_participant');
  if (named.every((userId) => userId === callerId)) throw fault('empty');
  return named.includes(callerId) ? named : [...named, callerId];
}

function toParticipant(
  userId: UserId,
  { by, at }: { readonly by: UserId | null; readonly at: number },
): CallParticipant {
  const own = userId === by;
  return {
    userId,
    state: own ? 'accepted' : 'asked',
    askedBy: own ? null : by,
    askedAt: at,
    answeredAt: null,
    reason: null,
  };
}

async function findFor(tx: Tx, callId: CallId, userId: UserId): Promise<Call> {
  const call = await tx.calls.find(callId);
  if (!call?.participants.some((one) => one.userId === userId)) {
    throw new DomainError('not_found', `No call ${callId} of user ${userId}`, { subject: 'call' });
  }
  return call;
}

function participantOf(call: Call, userId: UserId): CallParticipant {
  return call.participants.find((one) => one.userId === userId) as CallParticipant;
}

function over({ id }: Call): DomainError {
  return new DomainError('conflict', `Call ${id} is over`, { subject: 'call', reason: 'ended', id });
}

function answered({ id }: Call): DomainError {
  return new DomainError('conflict', `Call ${id} has been answered already`, {
    subject: 'call',
    reason: 'answered',
    id,
  });
}
