/** What somebody is and may in a conversation: role, named groups, being blocked. A blocked participant stays one. */
import type { Actor } from '../actor.ts';
import type { CoreContext } from '../context.ts';
import type { Conversations } from '../conversations.ts';
import { DomainError } from '../errors.ts';
import type { ConversationId, UserId } from '../ids.ts';
import type { Conversation, Participant } from '../model/conversation.ts';
import type { ConversationAccess } from '../ports/conversation-store.ts';
import type { Tx } from '../ports/store.ts';
import { isAdministration } from '../rights.ts';
import { checkedGroups } from './create.ts';
import { tellChanged } from './entries.ts';
import { setOwner } from './people.ts';
import { accessOf, forbidden, isManager, isOwner, notFound, requireManager } from './rights.ts';

type Roles = Pick<Conversations, 'setRole' | 'setGroups' | 'block' | 'unblock'>;

export function createRoles({ change }: CoreContext): Roles {
  async function setBlocked(
    actor: Actor & { userId: UserId },
    target: Target & { blocked: boolean },
  ): Promise<boolean> {
    const { id, userId, blocked } = target;
    return change(actor, async (tx) => {
      const access = await accessOf(tx, actor, id);
      if (!access.participant?.active) throw notFound(id);
      const participant = await activeIn(tx, { id, userId });
      if (userId === actor.userId && participant.blockedAt === null) {
        throw new DomainError('invalid', 'Nobody blocks oneself', { subject: 'user', field: 'userId' });
      }
      requireBlocker(actor, access, { participant, blocked });
      if ((participant.blockedAt !== null) === blocked) return false;
      const patch = { blockedAt: blocked ? tx.at : null, blockedBy: blocked ? actor.userId : null };
      const [after] = await tx.conversations.updateParticipants(id, [userId], patch);
      if (after) tellChanged(tx, access.conversation, { participant: after, changed: ['blocked'] });
      return true;
    });
  }

  return {
    async setRole(actor, id, { userId, role }) {
      return change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        requireManager(actor, access);
        const participant = await activeIn(tx, { id, userId });
        if (participant.role === role) return participant;
        const isOwners = role === 'owner' || participant.role === 'owner';
        if (isOwners && !isOwner(actor, access)) throw forbidden('not_owner');
        let { conversation } = access;
        if (role === 'owner') {
          await setOwner(tx, conversation, userId);
          return activeIn(tx, { id, userId });
        }
        if (isAdminRole(participant.role)) {
          const heir = await anotherAdmin(tx, { id, userId });
          if (participant.role === 'owner') conversation = await setOwner(tx, conversation, heir);
          if (participant.role === 'owner' && role === 'admin') return activeIn(tx, { id, userId });
        }
        return tellPatched(tx, conversation, { userId, patch: { role }, changed: 'role' });
      });
    },

    async setGroups(actor, id, { userId, groups }) {
      const { groups: named } = checkedGroups({ groups });
      return change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        requireManager(actor, access);
        const participant = await activeIn(tx, { id, userId });
        const wanted = [...new Set(named)];
        const same = wanted.length === participant.groups.length && wanted.every((g) => participant.groups.includes(g));
        if (same) return participant;
        return tellPatched(tx, access.conversation, { userId, patch: { groups: wanted }, changed: 'groups' });
      });
    },

    block: (actor, id, userId) => setBlocked(actor, { id, userId, blocked: true }),
    unblock: (actor, id, userId) => setBlocked(actor, { id, userId, blocked: false }),
  };
}

interface Target {
  readonly id: ConversationId;
  readonly userId: UserId;
}

/** Of a pair either the other, and only who blocked takes it back; elsewhere owner and admins, but not the owner. Nobody frees oneself. */
function requireBlocker(
  actor: Actor,
  access: ConversationAccess,
  { participant, blocked }: { readonly participant: Participant; readonly blocked: boolean },
): void {
  const { kind, key, ownerId } = access.conversation;
  if (participant.userId === actor.userId) throw forbidden('blocked_by_other');
  if (kind === 'direct' && key !== null) {
    const isMine = participant.blockedAt === null || participant.blockedBy === actor.userId;
    if (!blocked && !isMine) throw forbidden('blocked_by_other');
    return;
  }
  if (!isManager(actor, access)) throw forbidden('not_manager');
  if (participant.userId === ownerId && !isAdministration(actor)) throw forbidden('owner');
}

async function activeIn(tx: Tx, { id, userId }: Target): Promise<Participant> {
  const [participant] = await tx.conversations.participants(id, [userId]);
  if (participant?.active) return participant;
  throw new DomainError('not_found', `User ${userId} takes no part`, { subject: 'participant' });
}

function isAdminRole(role: Participant['role']): boolean {
  return role === 'owner' || role === 'admin';
}

/** `conflict`, reason `last_admin`, when there is none. */
async function anotherAdmin(tx: Tx, { id, userId }: Target): Promise<UserId> {
  const participants = await tx.conversations.participants(id);
  const other = participants.find((one) => one.active && one.userId !== userId && isAdminRole(one.role));
  if (other) return other.userId;
  throw new DomainError('conflict', 'The last admin', { subject: 'participant', reason: 'last_admin' });
}

async function tellPatched(
  tx: Tx,
  conversation: Conversation,
  change: {
    readonly userId: UserId;
    readonly patch: { readonly role?: Participant['role']; readonly groups?: readonly string[] };
    readonly changed: string;
  },
): Promise<Participant> {
  const [participant] = await tx.conversations.updateParticipants(conversation.id, [change.userId], change.patch);
  if (!participant) throw new DomainError('not_found', 'The participant is gone', { subject: 'participant' });
  tellChanged(tx, conversation, { participant, changed: [change.changed] });
  return participant;
}
