/**
 * Domain events to pushes. What changes in a group is told in one push for the whole change (adapter/group-changes.ts): its events have no
 * rows of their own here. Wire: PROTOCOL.md §5.1, §10.
 */
import type { Call, CallLeg, LogEvent, MarkAdvance, Namespace, UserId } from '@switchboard/core';
import { type Connection, dropped, type Projection, shared, variants } from '@switchboard/protocol';
import type { Friends } from './friends.ts';
import { type Recent, seqsOf } from './recent.ts';
import type { NetaloSession } from './session.ts';
import { ANSWER_BY_REASON } from './views/call.ts';
import type { Views } from './views.ts';
import { ANSWER, MESSAGE_STATUS, PUSH, type Push, TYPING } from './wire.ts';

type NetaloConnection = Connection<NetaloSession>;

const IN_GROUP_CHANGE = 'told with everything else that the same change did to the group: adapter/group-changes.ts';
const NO_EVENT = 'this wire has no event for it; lists show it';
const NO_SPACES = 'this wire has no spaces';
const NOT_SHOWN = 'this wire shows nothing of it';
const NO_DESK = 'this wire knows no desk that opens and closes conversations';
const NO_INVITES = 'nobody is asked into a running call here';

export interface ProjectionContext {
  readonly views: Views;
  readonly recent: Recent;
  readonly friends: Friends;
  readonly namespace: Namespace;
}

export function createProjection({ views, recent, friends }: ProjectionContext): Projection<Push, NetaloSession> {
  function hiddenBy({
    conversationId,
    seq,
  }: {
    conversationId: LogEvent<'message.sent'>['message']['conversationId'];
    seq: number;
  }) {
    return recent.at(conversationId, seq)?.hiddenBy ?? [];
  }

  return {
    'message.sent': shared(({ message }, lookup) => {
      const place = lookup.conversation(message.conversationId);
      return place ? [{ name: PUSH.message, payload: views.toNewMessage(message, place) }] : [];
    }),
    'message.edited': shared(({ message }, lookup) => {
      const place = lookup.conversation(message.conversationId);
      return place ? [{ name: PUSH.updateMessage, payload: views.toMessage(message, place, hiddenBy(message)) }] : [];
    }),
    'message.deleted': shared(({ message }, lookup) => {
      const place = lookup.conversation(message.conversationId);
      return place ? [{ name: PUSH.deleteMessage, payload: views.toMessage(message, place, hiddenBy(message)) }] : [];
    }),
    // As if it were gone: the clients put what they are given in its place.
    'message.hidden': shared(({ message }, lookup) => {
      const place = lookup.conversation(message.conversationId);
      if (!place) return [];
      const gone = { status: MESSAGE_STATUS.deleted, message: '', attachments: '', attactments: '' };
      return [
        { name: PUSH.deleteMessage, payload: { ...views.toMessage(message, place, hiddenBy(message)), ...gone } },
      ];
    }),
    'message.updated': dropped(NOT_SHOWN),
    'receipts.advanced': variants(
      (connection, { marks }) => (marks.every(({ origin }: MarkAdvance) => origin === connection.id) ? null : 'all'),
      (event, lookup) => {
        const { conversationId } = event;
        const place = conversationId === null ? undefined : lookup.conversation(conversationId);
        if (!place || conversationId === null) return [];
        return seqsOf(event).flatMap((seq) => {
          const entry = recent.at(conversationId, seq);
          if (!entry || !views.isShown(entry.message)) return [];
          return [{ name: PUSH.updateMessage, payload: views.toMessage(entry.message, place, entry.hiddenBy) }];
        });
      },
    ),
    'file.updated': dropped(NOT_SHOWN),

    'conversation.created': dropped(IN_GROUP_CHANGE),
    'conversation.updated': dropped(IN_GROUP_CHANGE),
    'conversation.deleted': dropped(IN_GROUP_CHANGE),
    'conversation.opened': dropped(NO_DESK),
    'conversation.closed': dropped(NO_DESK),
    'conversation.assigned': dropped(NO_DESK),
    'conversation.unassigned': dropped(NO_DESK),
    'participant.joined': dropped(IN_GROUP_CHANGE),
    'participant.left': dropped(IN_GROUP_CHANGE),
    'participant.changed': dropped(IN_GROUP_CHANGE),
    'participant.preferences_changed': shared(({ conversation, participant, changed }) => {
      const payload = { group_id: views.id(conversation.id), uin: views.uin(participant.userId) };
      const pushes: Push[] = [];
      if (changed.includes('pinned')) {
        pushes.push({ name: participant.pinnedAt === null ? PUSH.unpinGroup : PUSH.pinGroup, payload });
      }
      if (changed.includes('cleared') || (changed.includes('hidden') && participant.hiddenAtSeq !== null)) {
        pushes.push({ name: PUSH.deleteConversation, payload });
      }
      return pushes;
    }),

    'user.created': dropped(NO_EVENT),
    'user.updated': dropped(NO_EVENT),
    'user.deleted': dropped('the hub closes the connections'),
    'session.revoked': dropped('the hub closes the connections'),
    'space.created': dropped(NO_SPACES),
    'space.updated': dropped(NO_SPACES),
    'space.deleted': dropped(NO_SPACES),
    'space.member_joined': dropped(NO_SPACES),
    'space.member_changed': dropped(NO_SPACES),
    'space.member_left': dropped(NO_SPACES),

    'call.started': shared(({ call }, lookup) => [
      {
        name: PUSH.startCall,
        payload: { result: 0, call: views.toCall(call, lookup.conversation(call.conversationId)?.conversation) },
      },
    ]),
    'call.invited': dropped(NO_INVITES),
    'call.invite_answered': dropped(NO_INVITES),
    'call.invite_cancelled': dropped(NO_INVITES),
    'call.answered': variants(
      (connection, { call, userId }) => {
        if (connection.viewer?.userId === userId) return 'stop';
        return isCallSocket(connection, call) ? 'answer' : null;
      },
      ({ call, userId, reason }, _lookup, key): Push[] => {
        const answer = reason === null ? ANSWER.accept : ANSWER_BY_REASON[reason] || ANSWER.reject;
        if (key === 'answer') return [{ name: PUSH.answerCall, payload: views.toAnswer(call, userId, answer) }];
        return [{ name: PUSH.stopCall, payload: views.toStop(call, { userId, answer }) }];
      },
    ),
    'call.connected': dropped(NOT_SHOWN),
    'call.leg_joined': dropped(NOT_SHOWN),
    'call.leg_moved': dropped(NOT_SHOWN),
    'call.leg_dropped': dropped(NOT_SHOWN),
    'call.leg_resumed': dropped(NOT_SHOWN),
    'call.leg_left': variants(
      (connection, { call, leg }) =>
        connection.viewer?.userId === leg.userId && call.mode === 'ringing' && !willEnd(call, leg) ? 'own' : null,
      ({ call, leg }) => [{ name: PUSH.stopCall, payload: views.toStop(call, { userId: leg.userId, answer: 0 }) }],
    ),
    'call.ended': shared(({ call }) => {
      const how = { userId: call.endedBy, answer: views.stopAnswerOf(call) };
      return [{ name: PUSH.stopCall, payload: views.toStop(call, how) }];
    }),
    'log.jumped': dropped('the hub closes the connections'),

    'presence.changed': variants(
      ({ viewer }, { conversationIds }) =>
        viewer && friends.isFriend(viewer.userId, conversationIds) ? 'friend' : null,
      ({ userId, status, lastSeenAt }) => [
        { name: PUSH.userStatus, payload: toStatusPush(views, userId, { online: status !== 'offline', lastSeenAt }) },
      ],
    ),
    'typing.changed': variants(
      ({ session }) => session.form,
      ({ conversationId, userId, typing }, _lookup, key) => {
        const numbers = TYPING[key as NetaloSession['form']];
        const payload = {
          type: typing ? numbers.start : numbers.stop,
          sender_uin: views.uin(userId),
          receiver_uin: views.id(null),
          data: '',
          call_id: views.id(null),
          group_id: views.id(conversationId),
        };
        return [{ name: PUSH.event, payload }];
      },
    ),
    'call.media_changed': dropped(NOT_SHOWN),
    'call.signal': shared(({ name, data }) => [{ name, payload: data as object }]),
    'wire.signal': shared(({ name, data }) => [{ name, payload: data as object }]),
  };
}

/** Flat as in the document, nested as the clients read it. */
export function toStatusPush(views: Views, userId: UserId, status: Parameters<Views['status']>[1]): object {
  const object = views.status(userId, status);
  return { ...object, user_status: object };
}

/** Whether somebody in the call hears of answers here: on the device that is in it, or on all when that is gone. */
function isCallSocket({ viewer, id }: NetaloConnection, { participants, legs }: Call): boolean {
  const isIn = participants.some(({ userId, state }) => userId === viewer?.userId && state === 'accepted');
  if (!isIn) return false;
  const leg = legs.find(({ userId }) => userId === viewer?.userId);
  return !leg || leg.graceUntil !== null || leg.connectionId === id;
}

/** The end of the call follows, and tells everybody. */
function willEnd(call: Call, { userId }: CallLeg): boolean {
  const staying = call.participants.filter(({ state }) => state === 'accepted' || state === 'asked');
  return staying.length < 2 || (call.state === 'ringing' && userId === call.initiatorId);
}
