/**
 * Sending: what is checked before, what is done when the fast lane asks for more (a closed conversation, staff who have not joined), and
 * whether anybody attends. Who may send is the fast lane's own judgement.
 */
import type { UserActor } from '../actor.ts';
import type { CoreContext } from '../context.ts';
import { openForMessage } from '../conversations/support.ts';
import type { Conversations } from '../conversations.ts';
import { DomainError } from '../errors.ts';
import { type ConversationId, isId } from '../ids.ts';
import type { Messages, SendMessage } from '../messages.ts';
import type { SendCommand } from '../ports/committer.ts';
import type { Presence } from '../presence.ts';
import { checkedClientRef, checkedMessageText, checkedReply, checkedStructure, isEmpty } from './content.ts';
import { refusalOf } from './refusals.ts';

/** What sending asks of other nouns. */
export interface SendingNeighbours {
  readonly isAttended: Presence['isAttended'];
  readonly join: Conversations['join'];
}

/** Opening and joining may each be undone by somebody else before the message comes: tried again, not for ever. */
const TRIES = 4;

export function createSending(context: CoreContext, neighbours: SendingNeighbours): Pick<Messages, 'send'> {
  const { committer, change, directory, store, limits } = context;

  /** Nobody would notice the message now. Costs nothing where nobody waits for staff: the cache says so, or one statement does. */
  async function isUnattended(actor: UserActor, conversationId: ConversationId): Promise<boolean> {
    if (actor.capacity === 'staff') return false;
    const view = directory.conversation(conversationId);
    if (view) {
      const { kind, spaceId } = view.conversation;
      if (kind !== 'support' || spaceId === null || view.participants.get(actor.userId)?.side === 'staff') return false;
    } else if (!(await store.messages.sendHint(actor.userId, conversationId)).awaitsStaff) return false;
    return !(await neighbours.isAttended(conversationId, actor.userId));
  }

  async function toCommand(actor: UserActor, command: SendMessage): Promise<SendCommand> {
    const { conversationId, visibility = 'all', prompt = null, allowEmpty = false, truncate = false } = command;
    if (!isId(conversationId)) throw refusalOf('not_found');
    const text = checkedMessageText(command.text, { limit: limits.textLength, truncate });
    const parts = checkedStructure(command.parts ?? [], 'parts');
    const meta = checkedStructure(command.meta ?? {}, 'meta');
    if (text === '' && !allowEmpty && isEmpty(parts) && isEmpty(meta) && prompt === null) {
      throw new DomainError('invalid', 'An empty message', { subject: 'message', field: 'text' });
    }
    if (visibility.startsWith('namespace:') && visibility !== `namespace:${actor.namespace}`) {
      throw new DomainError('invalid', 'Visible to another namespace', { subject: 'message', field: 'visibility' });
    }
    return {
      kind: 'send',
      actorId: actor.userId,
      via: actor.via,
      origin: actor.connectionId,
      conversationId,
      clientRef: checkedClientRef(actor.namespace, command.clientRef),
      messageKind: command.kind ?? 'text',
      text,
      parts,
      replyToId: checkedReply(command.replyToId),
      prompt: prompt && checkedStructure(prompt, 'prompt'),
      visibility,
      meta,
      unattended: visibility === 'all' && (await isUnattended(actor, conversationId)),
      createdAt: null,
    };
  }

  return {
    async send(actor, command) {
      const send = await toCommand(actor, command);
      const { conversationId } = send;
      for (let tries = 1; ; tries += 1) {
        const verdict = await committer.submit(send);
        if (verdict.ok) {
          if (!verdict.message) throw new DomainError('internal', 'A send without its message');
          if (verdict.position > actor.lastPosition) actor.lastPosition = verdict.position;
          return { message: verdict.message, repeated: verdict.repeated };
        }
        const { refusal } = verdict;
        if (tries === TRIES) throw refusalOf(refusal);
        if (refusal === 'closed') await change(actor, (tx) => openForMessage(tx, actor, conversationId));
        else if (refusal === 'not_participant' && command.joinFirst) {
          await neighbours.join(actor, conversationId, { side: 'staff' });
        } else throw refusalOf(refusal);
      }
    },
  };
}
