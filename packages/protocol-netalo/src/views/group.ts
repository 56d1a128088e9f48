/** Groups: conversations of any kind with everybody's choices and marks, as one of their occupants sees them. */
import type { Message, MessageId, Participant, Seq, UserId } from '@switchboard/core';
import type { GroupChangeObject, GroupObject, WrittenId } from '../wire.ts';
import { type BasicViews, occupantsOf, type Place, type Status, toSeconds, UNKNOWN_STATUS } from './basic.ts';
import type { MessageViews } from './message.ts';

/** What a group shows besides the conversation itself. `latest` and `unread` are the reader's. */
export interface GroupFacts {
  readonly latest: Message | null;
  readonly latestHiddenBy: readonly UserId[];
  readonly unread: number;
  /** Messages at the marks. */
  readonly markIds: ReadonlyMap<Seq, MessageId>;
  readonly statuses: ReadonlyMap<UserId, Status>;
}

/** A change in parts: what is not named has not changed. */
export interface GroupChange {
  readonly name?: string;
  readonly avatar?: string;
  readonly ownerId?: UserId | null;
  readonly pushed?: readonly UserId[];
  readonly pulled?: readonly UserId[];
  readonly blocked?: readonly UserId[];
  readonly unblocked?: readonly UserId[];
  readonly addedAdmins?: readonly UserId[];
  readonly removedAdmins?: readonly UserId[];
}

export interface GroupViews {
  toGroup(place: Place, facts: GroupFacts): GroupObject;
  /** As pushed: the group's members at the top, and the group itself. */
  toGroupPush(group: GroupObject): object;
  toGroupChange(place: Place, change: GroupChange, actorId: UserId | null): GroupChangeObject;
  adminsOf(place: Place): UserId[];
}

export function createGroupViews(views: BasicViews, messages: MessageViews): GroupViews {
  const { id, uin, uins } = views;

  function adminsOf(place: Place): UserId[] {
    const { ownerId } = place.conversation;
    const occupants = occupantsOf(place);
    const admins = occupants.filter(({ role, userId }) => role === 'admin' && userId !== ownerId);
    const first = ownerId ?? occupants[0]?.userId ?? place.conversation.createdBy;
    return [...(first === null || first === undefined ? [] : [first]), ...admins.map(({ userId }) => userId)].filter(
      (userId, at, all) => all.indexOf(userId) === at,
    );
  }

  const updatedAt = ({ conversation }: Place) =>
    conversation.updatedAt > conversation.createdAt ? toSeconds(conversation.updatedAt) : '0';

  function marks(occupants: readonly Participant[], facts: GroupFacts, seqOf: (one: Participant) => Seq) {
    const at = (seq: Seq): WrittenId => id(facts.markIds.get(seq) ?? null);
    return occupants.map((one) => ({ uin: uin(one.userId), message_id: at(seqOf(one)) }));
  }

  const idsOf = (participants: readonly Participant[]) => uins(participants.map(({ userId }) => userId));

  return {
    adminsOf,

    toGroup(place, facts) {
      const { conversation } = place;
      const occupants = occupantsOf(place);
      const former = [...place.participants.values()].filter(({ active }) => !active);
      const { latest } = facts;
      return {
        group_id: id(conversation.id),
        type: views.typeOf(conversation),
        name: conversation.title,
        avatar_url: conversation.avatar ?? '',
        owner_uin: uin(conversation.ownerId ?? adminsOf(place)[0] ?? null),
        creator_uin: uin(conversation.createdBy ?? conversation.ownerId ?? adminsOf(place)[0] ?? null),
        occupants_uins: idsOf(occupants),
        admin_uins: uins(adminsOf(place)),
        created_at: toSeconds(conversation.createdAt),
        updated_at: updatedAt(place),
        last_message_id: id(latest?.id ?? null),
        last_message: latest ? messages.toMessage(latest, place, facts.latestHiddenBy) : messages.toPlaceholder(place),
        blocked_uins: idsOf(occupants.filter(({ blockedAt }) => blockedAt !== null)),
        removed_uins: idsOf(former.sort((one, other) => (one.leftAt ?? 0) - (other.leftAt ?? 0) || one.id - other.id)),
        muted_uins: idsOf(occupants.filter(({ muted }) => muted)),
        pinned_uins: idsOf(occupants.filter(({ pinnedAt }) => pinnedAt !== null)),
        received_list: marks(occupants, facts, receivedUpTo),
        seen_list: marks(occupants, facts, ({ readSeq }) => readSeq),
        status_list: occupants.map(({ userId }) => views.status(userId, facts.statuses.get(userId) ?? UNKNOWN_STATUS)),
        unread_cnt: facts.unread,
        last_active_messages: [],
        last_messages: [],
        pinned_messages: [],
        secrets: [],
        background: '',
        description: conversation.description,
      };
    },

    toGroupPush: (group) => ({ ...group, result: 0, group }),

    toGroupChange: (place, change, actorId) => ({
      group_id: id(place.conversation.id),
      type: views.typeOf(place.conversation),
      name: change.name ?? '',
      avatar_url: change.avatar ?? '',
      owner_uin: uin(change.ownerId ?? null),
      updated_at: updatedAt(place),
      sender_uin: uin(actorId),
      push_all: uins(change.pushed ?? []),
      pull_all: uins(change.pulled ?? []),
      blocked_all: uins(change.blocked ?? []),
      unblocked_all: uins(change.unblocked ?? []),
      added_admin_all: uins(change.addedAdmins ?? []),
      removed_admin_all: uins(change.removedAdmins ?? []),
    }),
  };
}

/** What was seen has been received. */
export function receivedUpTo({ receivedSeq, readSeq }: Participant): Seq {
  return Math.max(receivedSeq, readSeq);
}
