/** Several changes of one conversation at once, all or nothing: name, type, owner, who comes, who goes, who is an admin. */
import type { Actor } from '../actor.ts';
import type { CoreContext } from '../context.ts';
import type { Conversations } from '../conversations.ts';
import { DomainError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import type { Participant } from '../model/conversation.ts';
import type { ConversationAccess } from '../ports/conversation-store.ts';
import type { Tx } from '../ports/store.ts';
import { isAdministration } from '../rights.ts';
import { checkedFields } from './create.ts';
import { tellChanged } from './entries.ts';
import { removeIn, requireNotOwner, sidesOf } from './membership.ts';
import { bringIn, setOwner } from './people.ts';
import { accessOf, forbidden, isManager, isOwner, notFound, requirePart, requireStaff } from './rights.ts';
import { updateIn } from './update.ts';

type Changes = Parameters<Conversations['change']>[2];

/** What of the command would make a difference. */
interface Difference {
  readonly add: readonly UserId[];
  readonly remove: readonly UserId[];
  readonly ownerId: UserId | null;
  readonly roles: readonly { readonly userId: UserId; readonly role: 'admin' | 'moderator' | 'user' }[];
}

export function createChanges({ change, limits }: CoreContext): Pick<Conversations, 'change'> {
  return {
    async change(actor, id, command) {
      const { title, avatar, typeLabel, attributes, ...people } = checkedFields(command);
      return change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        const participants = await tx.conversations.participants(id);
        const difference = differenceOf(access, participants, people);
        requireRights(actor, access, { ...command, difference });
        const { add, remove, ownerId, roles } = difference;

        const fields = { title, avatar, typeLabel, ...(attributes && { attributes }) };
        let { conversation } = access;
        if (add.length > 0) {
          const participants = add.map((userId) => ({ userId }));
          const newcomers = await sidesOf(tx, actor, { conversation, participants });
          const limit = isAdministration(actor) ? null : limits.participants;
          conversation = (await bringIn(tx, conversation, { newcomers, how: 'invited', limit })).conversation;
        }
        if (ownerId !== null) {
          await requireIn(tx, { id, ownerId, remove });
          conversation = await setOwner(tx, conversation, ownerId);
        }
        await removeIn(tx, actor, { conversation, userIds: remove });
        const [living] = await tx.conversations.findMany([id]);
        let renamed = false;
        if (living) {
          conversation = await updateIn(tx, living, fields);
          renamed = conversation !== living;
          for (const { userId, role } of roles) {
            const [participant] = await tx.conversations.updateParticipants(id, [userId], { role });
            if (participant) tellChanged(tx, conversation, { participant, changed: ['role'] });
          }
        }
        const changed = renamed || ownerId !== null || add.length + remove.length + roles.length > 0;
        return {
          conversation,
          participants: await tx.conversations.participants(id),
          changed,
          added: add,
          removed: remove,
        };
      });
    },
  };
}

/** Whoever is both added and taken out ends up out. */
function differenceOf(
  { conversation }: ConversationAccess,
  participants: readonly Participant[],
  { add = [], remove = [], ownerId, roles = [] }: Changes,
): Difference {
  const active = new Map(participants.filter(({ active }) => active).map((one) => [one.userId, one]));
  const out = new Set(remove);
  return {
    add: [...new Set(add)].filter((userId) => !active.has(userId) && !out.has(userId)),
    remove: [...out].filter((userId) => active.has(userId)),
    ownerId: ownerId === undefined || ownerId === conversation.ownerId ? null : ownerId,
    roles: roles.flatMap(({ userId, role }) => {
      const participant = active.get(userId);
      if (role === 'owner' || !participant || participant.role === role || out.has(userId)) return [];
      return userId === conversation.ownerId ? [] : [{ userId, role }];
    }),
  };
}

/** Name and newcomers: anybody in it; taking others out: owner and admins; owner, type and roles: the owner. */
function requireRights(actor: Actor, access: ConversationAccess, command: Changes & { difference: Difference }): void {
  const { conversation, participant } = access;
  if (conversation.kind === 'support') {
    requireStaff(actor, access);
    return;
  }
  if (isAdministration(actor)) return;
  const { difference } = command;
  const goesAlone = difference.remove.every((userId) => userId === actor.userId);
  const others = difference.add.length > 0 || difference.roles.length > 0 || difference.ownerId !== null;
  if (!participant?.active) throw notFound(conversation.id);
  const onlyGoes = goesAlone && !others && command.title === undefined && command.avatar === undefined;
  if (!onlyGoes) requirePart(actor, access);
  requireNotOwner(actor, conversation, difference.remove);
  const manages = isManager(actor, access);
  const inWorkspace = conversation.spaceId !== null;
  const renames = command.title !== undefined || command.avatar !== undefined;
  if (!goesAlone && !manages) throw forbidden('not_manager');
  if (inWorkspace && (renames || difference.add.length > 0) && !manages) throw forbidden('not_manager');
  const retypes =
    command.attributes !== undefined ||
    (command.typeLabel !== undefined && command.typeLabel !== conversation.typeLabel);
  const needsOwner = difference.ownerId !== null || retypes || difference.roles.length > 0;
  if (needsOwner && !isOwner(actor, access)) throw forbidden('not_owner');
}

async function requireIn(
  tx: Tx,
  {
    id,
    ownerId,
    remove,
  }: { readonly id: Participant['conversationId']; readonly ownerId: UserId; readonly remove: readonly UserId[] },
): Promise<void> {
  const [owner] = await tx.conversations.participants(id, [ownerId]);
  if (owner?.active && !remove.includes(ownerId)) return;
  throw new DomainError('not_found', 'The owner must take part', { subject: 'participant', field: 'ownerId' });
}
