/**
 * Who may do what in a conversation, judged by what its own SQL answered under the lock. The administration and the gateway may
 * everything; to whoever takes no part a conversation does not exist.
 */
import type { Actor } from '../actor.ts';
import { DomainError } from '../errors.ts';
import type { ConversationId } from '../ids.ts';
import type { Conversation } from '../model/conversation.ts';
import type { SpaceRole } from '../model/space.ts';
import type { ConversationAccess } from '../ports/conversation-store.ts';
import type { Tx } from '../ports/store.ts';
import { isAdministration } from '../rights.ts';

export function notFound(id: ConversationId): DomainError {
  return new DomainError('not_found', `No conversation ${id} for this actor`, { subject: 'conversation' });
}

export function forbidden(reason: string): DomainError {
  return new DomainError('forbidden', `Not allowed in this conversation: ${reason}`, {
    subject: 'conversation',
    reason,
  });
}

/** The conversation as the lock shows it, and the actor's part in it. */
export async function accessOf(tx: Tx, actor: Actor, id: ConversationId): Promise<ConversationAccess> {
  const access = await tx.conversations.access(id, actor.userId);
  if (!access) throw notFound(id);
  return access;
}

export function isActive({ participant }: ConversationAccess): boolean {
  return participant?.active ?? false;
}

export function isQueueStaff(role: SpaceRole | null): boolean {
  return role === 'staff' || role === 'admin';
}

/** On the staff side of a support conversation, taking part or not. */
export function isStaff(actor: Actor, { conversation, participant, spaceRole }: ConversationAccess): boolean {
  if (isAdministration(actor)) return true;
  if (conversation.kind !== 'support') return false;
  return isQueueStaff(spaceRole) || (participant?.active === true && participant.side === 'staff');
}

/** Owner, admins and the creator; of a workspace its admins and moderators; staff in support. */
export function isManager(actor: Actor, access: ConversationAccess): boolean {
  const { conversation, participant, spaceRole } = access;
  if (isStaff(actor, access)) return true;
  if (conversation.kind !== 'support' && (spaceRole === 'admin' || spaceRole === 'moderator')) return true;
  if (!participant?.active) return false;
  const { role } = participant;
  return role === 'owner' || role === 'admin' || conversation.createdBy === actor.userId;
}

export function isOwner(actor: Actor, { conversation, participant }: ConversationAccess): boolean {
  return isAdministration(actor) || (participant?.active === true && conversation.ownerId === actor.userId);
}

/** `not_found` for whoever takes no part, `forbidden` with reason `blocked` for whoever is blocked. */
export function requirePart(actor: Actor, access: ConversationAccess): void {
  if (isAdministration(actor)) return;
  const { participant } = access;
  if (!participant?.active) throw notFound(access.conversation.id);
  if (participant.blockedAt !== null) throw forbidden('blocked');
}

/** As `requirePart`, but managers of the conversation's space need not take part. */
export function requireManager(actor: Actor, access: ConversationAccess): void {
  if (access.participant?.active && access.participant.blockedAt !== null) throw forbidden('blocked');
  if (isManager(actor, access)) return;
  requirePart(actor, access);
  throw forbidden('not_manager');
}

/** Of what only support conversations do: `invalid` for others, `not_found` or `forbidden` for whoever is no staff. */
export function requireStaff(actor: Actor, access: ConversationAccess): void {
  const staff = isStaff(actor, access);
  if (!staff && !isActive(access) && access.spaceRole === null) throw notFound(access.conversation.id);
  requireSupport(access.conversation);
  if (!staff) throw forbidden('not_staff');
}

function requireSupport(conversation: Conversation): void {
  if (conversation.kind === 'support') return;
  throw new DomainError('invalid', `Conversation ${conversation.id} is no support conversation`, {
    subject: 'conversation',
    reason: 'not_support',
  });
}

export async function fresh(tx: Tx, id: ConversationId): Promise<Conversation> {
  const [conversation] = await tx.conversations.findMany([id]);
  if (!conversation) throw notFound(id);
  return conversation;
}
