/** What a call leaves behind, as JSON text in the attachments of its message: ids and times as digits, whatever the deployment writes. */
import type { CallRecord, Conversation, Message } from '@switchboard/core';
import { CALL_STATUS, MEDIA_TYPE } from '../wire.ts';
import { type BasicViews, toSeconds } from './basic.ts';

export function toRecordText(
  views: BasicViews,
  record: CallRecord,
  { message, conversation }: { readonly message: Message; readonly conversation: Conversation | undefined },
): string {
  const { uinDigits: uin } = views;
  const sender = views.user(record.initiatorId);
  const avatar = sender?.avatar ?? '';
  const isMissed = record.endReason === 'timeout' && record.acceptedAt === null;
  return JSON.stringify({
    call_id: String(record.callId),
    group_id: String(message.conversationId),
    media_type: MEDIA_TYPE[record.media],
    call_type: record.participantIds.length > 2 ? 2 : 1,
    call_status: isMissed ? CALL_STATUS.timeout : CALL_STATUS.finished,
    caller_uin: uin(record.initiatorId),
    callee_uins: record.participantIds.map(uin),
    accepted_uins: record.acceptedIds.map(uin),
    group_name: conversation?.title ?? '',
    group_avatar: conversation?.avatar ?? '',
    sender_name: sender?.displayName ?? '',
    sender_avatar: avatar,
    send_avatar: avatar,
    started_at: toSeconds(record.createdAt),
    accepted_at: toSeconds(record.acceptedAt),
    connected_at: toSeconds(record.connectedAt),
    stopped_at: toSeconds(record.endedAt),
    message_id: String(message.id),
  });
}
