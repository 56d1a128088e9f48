/**
 * How people leave calls and calls end, inside a transaction whoever began it: a call's own operations, a grace that has passed, or a
 * conversation that is left or gone. The only place that ends a call.
 */
import { EXPIRY } from '../conversations/expiry.ts';
import type { ConversationId, MessageId, UserId } from '../ids.ts';
import type { Call, CallEndReason, CallInvite, CallLeg, CallParticipant, CallRecord } from '../model/call.ts';
import type { Conversation } from '../model/conversation.ts';
import type { JsonObject } from '../model/user.ts';
import type { Deadline } from '../ports/deadline-store.ts';
import type { Tx } from '../ports/store.ts';

/** Deadlines. Subjects: the call's id; the user's id; conversation and user. */
export const RING = 'call.ring';
export const GRACE = 'call.grace';
export const INVITE = 'call.invite';

/** Why, and by whom; null = by the gateway. */
interface Cause {
  readonly reason: CallEndReason;
  readonly by: UserId | null;
}

/** What an entry of a call keeps beside its payload. */
export function about({ id, conversationId, spaceId }: Call, data?: Readonly<Record<string, unknown>>) {
  return { conversationId, spaceId, subjectId: id, ...(data && { data: toData(data) }) };
}

/** Readonly model objects are JSON, which their types do not say. */
export function toData(data: object): JsonObject {
  return data as JsonObject;
}

/** Whoever is in or may still come. */
export function staying({ participants }: Call): CallParticipant[] {
  return participants.filter(({ state }) => state === 'accepted' || state === 'asked');
}

export function withParticipant(call: Call, userId: UserId, change: Partial<CallParticipant>): Call {
  const participants = call.participants.map((one) => (one.userId === userId ? { ...one, ...change } : one));
  return { ...call, participants };
}

/** The leg is gone, and the call with it when nobody is left to talk to. `call` as it is under the lock, with or without the leg. */
export async function leaveLeg(tx: Tx, call: Call, leg: CallLeg & { readonly cause: Cause }): Promise<Call> {
  const { cause, ...left } = leg;
  const legs = call.legs.filter(({ userId }) => userId !== left.userId);
  const gone = withParticipant({ ...call, legs }, left.userId, { state: 'left', reason: cause.reason });
  const saved = await tx.calls.save(gone);
  tx.append('call.leg_left', about(saved, { leg: left, reason: cause.reason }), {
    call: saved,
    leg: left,
    reason: cause.reason,
  });
  return isOver(saved, left.userId) ? endCall(tx, saved, cause) : saved;
}

function isOver(call: Call, leaver: UserId): boolean {
  if (call.mode === 'room') return call.legs.length === 0;
  return staying(call).length < 2 || (call.state === 'ringing' && leaver === call.initiatorId);
}

/** Nobody is in it any more; what it was is told, and kept as a message where the call is recorded. */
export async function endCall(tx: Tx, call: Call, { reason, by }: Cause): Promise<Call> {
  const { legs } = call;
  const participants = call.participants.map((one) =>
    one.state === 'asked' ? { ...one, state: 'left' as const, reason } : one,
  );
  const over = { state: 'ended', endedAt: tx.at, endReason: reason, endedBy: by } as const;
  const ended: Call = { ...call, ...over, participants, legs: [] };
  const access = reason === 'conversation_ended' ? null : await tx.conversations.access(call.conversationId, null);
  const recordMessageId = access && call.recorded ? await record(tx, ended) : null;
  const saved = await tx.calls.save({ ...ended, recordMessageId });
  tx.append('call.ended', about(saved, { legs }), { call: saved, legs });
  if (call.mode === 'ringing') await tx.deadlines.clear(RING, String(call.id));
  if (access?.conversation.temporary) await scheduleRemoval(tx, access.conversation);
  return saved;
}

/** A temporary conversation goes with its call, but not before its time. */
async function scheduleRemoval(tx: Tx, { id, expiresAt }: Conversation): Promise<void> {
  await tx.deadlines.set({ kind: EXPIRY, subject: String(id), dueAt: Math.max(tx.at, expiresAt ?? 0), data: {} });
}

async function record(tx: Tx, call: Call): Promise<MessageId> {
  const { conversationId, spaceId, initiatorId } = call;
  const meta = { call: toRecord(call) };
  const message = await tx.messages.insert({
    conversationId,
    senderId: initiatorId,
    via: 'system',
    kind: 'call',
    meta,
  });
  const { visibility } = message;
  tx.append('message.sent', { conversationId, spaceId, visibility, subjectId: message.id }, { message });
  return message.id;
}

function toRecord(call: Call): JsonObject {
  const accepted = call.participants.filter(
    ({ userId, answeredAt, state }) => answeredAt !== null && state !== 'rejected' && userId !== call.initiatorId,
  );
  const kept: CallRecord = {
    callId: call.id,
    media: call.media,
    initiatorId: call.initiatorId,
    participantIds: call.participants.map(({ userId }) => userId),
    acceptedIds: accepted.sort((a, b) => (a.answeredAt ?? 0) - (b.answeredAt ?? 0)).map(({ userId }) => userId),
    createdAt: call.createdAt,
    acceptedAt: call.acceptedAt,
    connectedAt: call.connectedAt,
    endedAt: call.endedAt ?? call.createdAt,
    endReason: call.endReason ?? 'stopped',
  };
  return { ...kept };
}

export function toInvite({ data }: Deadline): CallInvite {
  return data as unknown as CallInvite;
}

/** Pending invites that contain one of these are taken back. */
export async function cancelInvites(tx: Tx, matches: readonly JsonObject[]): Promise<void> {
  for (const deadline of await tx.deadlines.waiting(INVITE, matches)) {
    const invite = toInvite(deadline);
    await tx.deadlines.clear(INVITE, deadline.subject);
    const { conversationId, userId } = invite;
    tx.append('call.invite_cancelled', { conversationId, userIds: [userId], data: toData({ invite }) }, { invite });
  }
}

/** Nobody is in a call of a conversation in which it takes no part. */
export async function leaveCalls(
  tx: Tx,
  leavings: readonly { readonly conversationId: ConversationId; readonly userId: UserId }[],
): Promise<void> {
  if (leavings.length === 0) return;
  const live = await tx.calls.liveIn([...new Set(leavings.map(({ conversationId }) => conversationId))]);
  for (const one of live) {
    let call = one;
    for (const { conversationId, userId } of leavings) {
      if (conversationId === call.conversationId && call.state !== 'ended') call = await takeOut(tx, call, userId);
    }
  }
  await cancelInvites(
    tx,
    leavings.map(({ conversationId, userId }) => ({ conversationId, userId })),
  );
}

async function takeOut(tx: Tx, call: Call, userId: UserId): Promise<Call> {
  const cause: Cause = { reason: 'removed', by: userId };
  const leg = call.legs.find((one) => one.userId === userId);
  if (leg) return leaveLeg(tx, call, { ...leg, cause });
  const asked = call.participants.find((one) => one.userId === userId && one.state === 'asked');
  return asked ? turnDown(tx, call, { userId, cause }) : call;
}

/** A callee who was never in will not come: the call ends when it was the last. */
export async function turnDown(
  tx: Tx,
  call: Call,
  { userId, cause }: { readonly userId: UserId; readonly cause: Cause },
): Promise<Call> {
  const { reason } = cause;
  const state = 'rejected';
  const saved = await tx.calls.save(withParticipant(call, userId, { state, reason, answeredAt: tx.at }));
  tx.append('call.answered', about(saved, { userId, state, reason }), { call: saved, userId, state, reason });
  return staying(saved).length < 2 ? endCall(tx, saved, cause) : saved;
}

export async function endCallsIn(tx: Tx, conversationIds: readonly ConversationId[]): Promise<void> {
  if (conversationIds.length === 0) return;
  for (const call of await tx.calls.liveIn(conversationIds)) {
    await endCall(tx, call, { reason: 'conversation_ended', by: null });
  }
  await cancelInvites(
    tx,
    conversationIds.map((conversationId) => ({ conversationId })),
  );
}
