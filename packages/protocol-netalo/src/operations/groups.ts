/** Groups: making, changing, finding and leaving them, and who may do what there. Wire: PROTOCOL.md §6.2 to §6.8. */
import { type ConversationId, type Core, DomainError, type UserId } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import { unescapeText } from '../codec.ts';
import type { NetaloSession } from '../session.ts';
import {
  addAdminArgs,
  blockedListArgs,
  blockUserArgs,
  type CheckGroupArgs,
  type CreateGroupArgs,
  checkGroupArgs,
  createGroupArgs,
  GROUP_TYPE,
  groupArgs,
  type ListGroupArgs,
  listGroupArgs,
  NONE,
  OP,
  type OperationName,
  RESULT,
  SORT_BY,
  type UpdateGroupArgs,
  unblockUserArgs,
  updateGroupArgs,
} from '../wire.ts';
import {
  type Caller,
  groupAfter,
  groupFor,
  type OperationContext,
  requireSelf,
  signedIn,
  toId,
  toKnownUser,
  toKnownUsers,
  toPlace,
  toUsers,
} from './context.ts';

type Names =
  | typeof OP.createGroup
  | typeof OP.updateGroup
  | typeof OP.leaveGroup
  | typeof OP.deleteGroup
  | typeof OP.addAdmin
  | typeof OP.listGroup
  | typeof OP.checkGroup
  | typeof OP.blockUser
  | typeof OP.unblockUser
  | typeof OP.blockedList;

export function createGroupOperations(
  context: OperationContext,
): Pick<Operations<OperationName, NetaloSession>, Names> {
  const { options, views } = context;
  const { namespace, directGroupType } = options;
  const row = { answers: 'first', guard: signedIn } as const;

  async function create(core: Core, { actor }: Caller, args: CreateGroupArgs) {
    const { type, appid } = args;
    const own = views.uinDigits(actor.userId);
    const others = args.occupants_uins.filter((uin) => uin !== own);
    const userIds = others.length === 0 ? [] : await toUsers(context, actor, others);
    const { conversation } = await core.conversations.create(actor, {
      // Groups of these types are one-to-one as long as two are in them.
      kind: type === GROUP_TYPE.community ? 'group' : 'direct',
      ...(type !== GROUP_TYPE.community && type !== directGroupType && { pair: `${namespace}-${type}` }),
      title: unescapeText(args.name),
      avatar: args.avatar_url || null,
      attributes: { [namespace]: { type, ...(appid !== NONE && { appid }) } },
      participants: inOrder(args, { userIds, own, actorId: actor.userId }),
    });
    return { result: RESULT.ok, group: await groupAfter(context, actor, conversation.id) };
  }

  /** Owner first; the order of the others as the client named them. */
  function inOrder(
    { occupants_uins }: CreateGroupArgs,
    { userIds, own, actorId }: { readonly userIds: readonly UserId[]; readonly own: string; readonly actorId: UserId },
  ) {
    const rest = [...userIds];
    const named = occupants_uins.map((uin) => (uin === own ? actorId : (rest.shift() as UserId)));
    return named.map((userId) => ({ userId }));
  }

  async function update(core: Core, { actor }: Caller, args: UpdateGroupArgs) {
    const id = toId<ConversationId>(args.group_id);
    const { conversation } = await core.conversations.get(actor, id);
    const isRetyped = args.type !== 0 && args.type !== views.typeOf(conversation);
    const ownerId = args.owner_uin === NONE ? null : await toKnownUser(context, args.owner_uin);
    if (args.owner_uin !== NONE && ownerId === null) throw notThere();
    const add = args.push_all.length === 0 ? [] : await toUsers(context, actor, args.push_all);
    const remove = await toKnownUsers(context, args.pull_all);
    const after = await core.conversations.change(actor, id, {
      ...(args.name && { title: unescapeText(args.name) }),
      ...(args.avatar_url && { avatar: args.avatar_url }),
      ...(isRetyped && { attributes: { [namespace]: { ...views.bag(conversation.attributes), type: args.type } } }),
      ...(ownerId !== null && { ownerId }),
      add,
      remove,
    });
    if (after.removed.includes(actor.userId)) return { result: RESULT.ok, group_id: views.id(id) };
    return { result: RESULT.ok, group: await groupAfter(context, actor, id) };
  }

  async function list(core: Core, session: Caller, args: ListGroupArgs) {
    requireSelf(context, session, args.uin);
    const { pindex, psize, sort_by } = args;
    const { userId } = session.actor;
    const found = await core.conversations.listFor(userId, {
      order: sort_by === SORT_BY.created ? 'created' : 'activity',
      direction: 'descending',
      visibleOnly: true,
      pinnedFirst: true,
      limit: psize,
      offset: pindex * psize,
    });
    const places = found.map(toPlace);
    const facts = await context.facts.ofGroups(userId, places);
    const groups = places.flatMap((place) => {
      const own = facts.get(place.conversation.id);
      return own ? [views.toGroup(place, own)] : [];
    });
    return { result: RESULT.ok, uin: views.uin(userId), pindex, psize, groups };
  }

  async function check(core: Core, { actor }: Caller, { type, occupants_uins }: CheckGroupArgs) {
    const own = views.uinDigits(actor.userId);
    const others = occupants_uins.filter((uin) => uin !== own);
    const userIds = await toKnownUsers(context, others);
    // Somebody who does not exist is in no group.
    if (userIds.length < others.length) return { result: RESULT.failed };
    const found = await core.conversations.findByParticipants([actor.userId, ...userIds], ['direct']);
    const match = found.find((conversation) => views.typeOf(conversation) === type);
    if (!match) return { result: RESULT.failed };
    const place = toPlace(await core.conversations.get(actor, match.id));
    return { result: RESULT.ok, group: await groupFor(context, actor, place) };
  }

  async function setBlocked(core: Core, { actor }: Caller, change: { id: string; uin: string; blocked: boolean }) {
    const id = toId<ConversationId>(change.id);
    const userId = await toKnownUser(context, change.uin);
    // Whether the group is the caller's comes first: nothing of it leaks.
    if (userId === null) {
      await core.conversations.get(actor, id);
      throw notThere();
    }
    if (userId === actor.userId && change.blocked) {
      await core.conversations.get(actor, id);
      throw new DomainError('invalid', 'nobody blocks oneself', { field: 'blocked_uin' });
    }
    if (change.blocked) await core.conversations.block(actor, id, userId);
    else await core.conversations.unblock(actor, id, userId);
    return { result: RESULT.ok, group_id: views.id(id) };
  }

  return {
    [OP.createGroup]: operation({
      ...row,
      args: createGroupArgs,
      run(core, session, args) {
        requireSelf(context, session, args.owner_uin);
        return create(core, session, args);
      },
    }),
    [OP.updateGroup]: operation({ ...row, args: updateGroupArgs, run: update }),
    [OP.listGroup]: operation({ ...row, args: listGroupArgs, run: list }),
    [OP.checkGroup]: operation({ ...row, args: checkGroupArgs, run: check }),

    [OP.leaveGroup]: operation({
      ...row,
      args: groupArgs,
      async run(core, { actor }, { group_id }) {
        const id = toId<ConversationId>(group_id);
        await core.conversations.leave(actor, id);
        return { result: RESULT.ok, group_id: views.id(id) };
      },
    }),

    [OP.deleteGroup]: operation({
      ...row,
      args: groupArgs,
      async run(core, { actor }, { group_id }) {
        const id = toId<ConversationId>(group_id);
        await core.conversations.remove(actor, id);
        return { result: RESULT.ok, group_id: views.id(id) };
      },
    }),

    [OP.addAdmin]: operation({
      ...row,
      args: addAdminArgs,
      async run(core, { actor }, { group_id, admin_uins }) {
        const id = toId<ConversationId>(group_id);
        const userIds = await toKnownUsers(context, admin_uins);
        if (userIds.length < admin_uins.length) throw notThere();
        const { participants } = await core.conversations.get(actor, id);
        const active = new Set(participants.filter((one) => one.active).map(({ userId }) => userId));
        if (!userIds.every((userId) => active.has(userId))) throw notThere();
        const roles = userIds.map((userId) => ({ userId, role: 'admin' as const }));
        await core.conversations.change(actor, id, { roles });
        return { result: RESULT.ok, group_id: views.id(id) };
      },
    }),

    [OP.blockUser]: operation({
      ...row,
      args: blockUserArgs,
      run: (core, session, { group_id, blocked_uin }) =>
        setBlocked(core, session, { id: group_id, uin: blocked_uin, blocked: true }),
    }),
    [OP.unblockUser]: operation({
      ...row,
      args: unblockUserArgs,
      run: (core, session, { group_id, unblocked_uin }) =>
        setBlocked(core, session, { id: group_id, uin: unblocked_uin, blocked: false }),
    }),

    [OP.blockedList]: operation({
      ...row,
      args: blockedListArgs,
      async run(core, session, { uin, pindex, psize }) {
        requireSelf(context, session, uin);
        const { userId } = session.actor;
        const found = await core.conversations.listFor(userId, { order: 'id', direction: 'descending' });
        const blocked = found.flatMap(({ participants }) =>
          participants.filter((one) => one.active && one.blockedAt !== null && one.blockedBy === userId),
        );
        const page = blocked.slice(pindex * psize, (pindex + 1) * psize);
        await core.directory.ensureUsers(page.map((one) => one.userId));
        const list = page.map((one) => ({ uin: views.uin(one.userId), group_id: views.id(one.conversationId) }));
        return { result: RESULT.ok, list };
      },
    }),
  };
}

/** Named, but not in the group. */
function notThere(): DomainError {
  return new DomainError('not_found', 'a uin that is not in the group', { subject: 'participant' });
}
