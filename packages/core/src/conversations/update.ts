/** A conversation's own data: names, pictures, owner, who may see it, when it ends. Only what differs is written and told. */
import type { CoreContext } from '../context.ts';
import type { Conversations } from '../conversations.ts';
import { DomainError } from '../errors.ts';
import type { UserId } from '../ids.ts';
import type { Conversation } from '../model/conversation.ts';
import type { Tx } from '../ports/store.ts';
import { checkedFields } from './create.ts';
import { tellUpdated } from './entries.ts';
import { bringIn, setOwner } from './people.ts';
import { scheduleEnd } from './removal.ts';
import { accessOf, forbidden, isOwner, requireManager } from './rights.ts';

type Update = Parameters<Conversations['update']>[2];
type Fields = Omit<Update, 'ownerId'>;

export function createUpdate({ change }: CoreContext): Pick<Conversations, 'update'> {
  return {
    async update(actor, id, command) {
      const { ownerId, ...fields } = checkedFields(command as Parameters<typeof checkedFields>[0]) as Update;
      return change(actor, async (tx) => {
        const access = await accessOf(tx, actor, id);
        requireManager(actor, access);
        const conversation = await updateIn(tx, access.conversation, fields);
        if (ownerId === undefined || ownerId === conversation.ownerId) return conversation;
        if (!isOwner(actor, access)) throw forbidden('not_owner');
        await requireActive(tx, conversation, ownerId);
        return setOwner(tx, conversation, ownerId);
      });
    },
  };
}

/** Rights have been judged. */
export async function updateIn(tx: Tx, before: Conversation, fields: Fields): Promise<Conversation> {
  const changed = changedFields(before, fields);
  if (changed.length === 0) return before;
  if (fields.visibility === 'public' && before.spaceId === null) {
    throw new DomainError('invalid', 'Public to whom?', { subject: 'conversation', field: 'visibility' });
  }
  const { externalIds, ...columns } = fields;
  if (changed.includes('externalIds') && externalIds) await tx.conversations.setExternalIds(before.id, externalIds);
  const conversation = await tx.conversations.update(before.id, { ...columns, updatedAt: tx.at });
  if (changed.includes('expiresAt')) await scheduleEnd(tx, conversation, before.expiresAt);
  const previous = changed.includes('title') ? { title: before.title } : {};
  tellUpdated(tx, conversation, { changed, previous });
  if (changed.includes('visibility') && conversation.visibility === 'public') return openToAll(tx, conversation);
  return conversation;
}

function changedFields(before: Conversation, fields: Fields): readonly string[] {
  const plain = ['title', 'description', 'avatar', 'typeLabel', 'visibility', 'expiresAt'] as const;
  const changed: string[] = plain.filter((field) => fields[field] !== undefined && fields[field] !== before[field]);
  const { attributes = {}, externalIds = {} } = fields;
  const differs = (key: string) => JSON.stringify(attributes[key]) !== JSON.stringify(before.attributes[key]);
  if (Object.keys(attributes).some(differs)) changed.push('attributes');
  const renamed = ([namespace, id]: [string, string | null]) => (before.externalIds[namespace] ?? null) !== id;
  if (Object.entries(externalIds).some(renamed)) changed.push('externalIds');
  return changed;
}

/** A conversation of a workspace that becomes public gets everybody but guests. */
async function openToAll(tx: Tx, conversation: Conversation): Promise<Conversation> {
  const { spaceId, kind } = conversation;
  const space = spaceId === null ? null : await tx.spaces.find(spaceId);
  if (space?.kind !== 'workspace' || (kind !== 'channel' && kind !== 'group')) return conversation;
  const members = await tx.spaces.members(space.id);
  const newcomers = members.filter(({ role }) => role !== 'guest').map(({ userId }) => ({ userId }));
  return (await bringIn(tx, conversation, { newcomers, how: 'implied', limit: null })).conversation;
}

async function requireActive(tx: Tx, { id }: Conversation, userId: UserId): Promise<void> {
  const [participant] = await tx.conversations.participants(id, [userId]);
  if (participant?.active) return;
  throw new DomainError('not_found', 'The owner must take part', { subject: 'participant', field: 'ownerId' });
}
