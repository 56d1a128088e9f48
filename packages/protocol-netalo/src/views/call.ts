/** Calls: the caller stands among the callees, and states are three numbers. */
import type { Call, CallEndReason, Conversation, UserId } from '@switchboard/core';
import { ANSWER, CALL_STATUS, type CallObject, MEDIA_TYPE } from '../wire.ts';
import { type BasicViews, toSeconds } from './basic.ts';

/** What the caller gave to be shown. */
export interface CallBag {
  readonly group_name?: string;
  readonly group_avatar?: string;
  readonly sender_name?: string;
  readonly sender_avatar?: string;
  /** Of the one who hung up. */
  readonly answer?: number;
}

export interface CallViews {
  toCall(call: Call, conversation: Conversation | undefined): CallObject;
  callStatusOf(call: Call): number;
  /** By whom a callee was answered, and how. */
  toAnswer(call: Call, userId: UserId, answer: number): object;
  toStop(call: Call, how: { readonly userId: UserId | null; readonly answer: number }): object;
  /** The number that a client gave when it hung up, else what the reason is called here. */
  stopAnswerOf(call: Call): number;
}

/** Why somebody left or a call ended; 0 where this wire has no number for it. */
export const ANSWER_BY_REASON: Readonly<Record<CallEndReason, number>> = {
  stopped: 0,
  rejected: ANSWER.reject,
  failed: ANSWER.failed,
  timeout: ANSWER.timeout,
  left: 0,
  moved: 0,
  lost: 0,
  removed: 0,
  conversation_ended: 0,
};

export function createCallViews(views: BasicViews): CallViews {
  const { id, uin, uins } = views;

  function callStatusOf({ state, endReason, acceptedAt }: Call): number {
    if (state !== 'ended') return CALL_STATUS.ongoing;
    return endReason === 'timeout' && acceptedAt === null ? CALL_STATUS.timeout : CALL_STATUS.finished;
  }

  return {
    callStatusOf,

    toCall(call, conversation) {
      const given = views.bag(call.meta) as CallBag;
      const sender = views.user(call.initiatorId);
      const avatar = given.sender_avatar || sender?.avatar || '';
      const people = call.participants.map(({ userId }) => userId);
      const all = people.includes(call.initiatorId) ? people : [...people, call.initiatorId];
      const accepted = call.participants.filter(
        ({ userId, answeredAt, state }) => answeredAt !== null && state !== 'rejected' && userId !== call.initiatorId,
      );
      return {
        call_id: id(call.id),
        group_id: id(call.conversationId),
        media_type: MEDIA_TYPE[call.media],
        call_type: all.length > 2 ? 2 : 1,
        call_status: callStatusOf(call),
        caller_uin: uin(call.initiatorId),
        callee_uins: uins(all),
        accepted_uins: uins(accepted.map(({ userId }) => userId)),
        group_name: given.group_name || conversation?.title || '',
        group_avatar: given.group_avatar || conversation?.avatar || '',
        sender_name: given.sender_name || sender?.displayName || '',
        sender_avatar: avatar,
        send_avatar: avatar,
        started_at: toSeconds(call.createdAt),
        accepted_at: toSeconds(call.acceptedAt),
        connected_at: toSeconds(call.connectedAt),
        stopped_at: toSeconds(call.endedAt),
        message_id: id(call.recordMessageId),
      };
    },

    toAnswer: (call, userId, answer) => ({
      call_id: id(call.id),
      group_id: id(call.conversationId),
      uin: uin(userId),
      callee_uin: uin(userId),
      answer,
    }),

    toStop: (call, { userId, answer }) => ({
      call_id: id(call.id),
      group_id: id(call.conversationId),
      uin: uin(userId),
      answer,
      call_status: callStatusOf(call),
    }),

    stopAnswerOf(call) {
      const { answer } = views.bag(call.meta) as CallBag;
      return answer ?? (call.endReason === null ? 0 : ANSWER_BY_REASON[call.endReason]);
    },
  };
}
