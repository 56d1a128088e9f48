/** Changing messages: edits and deletes by the fast lane, which judges the rights; states of prompts and the like by the slow one. */
import type { Actor, UserActor } from '../actor.ts';
import type { CoreContext } from '../context.ts';
import { DomainError } from '../errors.ts';
import { isId } from '../ids.ts';
import type { Messages } from '../messages.ts';
import type { Message, MessagePrompt } from '../model/message.ts';
import type { JsonObject, JsonValue } from '../model/user.ts';
import type { FastCommand } from '../ports/committer.ts';
import type { MessageUpdate } from '../ports/message-store.ts';
import { storableJson } from '../storable-text.ts';
import { checkedMessageText, checkedStructure, isEmpty } from './content.ts';
import { refusalOf } from './refusals.ts';

/** Where the core's own notes about a message stand in its meta. */
const NOTES = 'core';

export function createMessageChanges(context: CoreContext): Pick<Messages, 'edit' | 'remove' | 'update'> {
  const { committer, change, limits } = context;

  async function submit(actor: UserActor, command: FastCommand): Promise<{ message: Message; repeated: boolean }> {
    const verdict = await committer.submit(command);
    if (!verdict.ok) throw refusalOf(verdict.refusal);
    if (!verdict.message) throw new DomainError('internal', 'A change without its message');
    if (verdict.position > actor.lastPosition) actor.lastPosition = verdict.position;
    return { message: verdict.message, repeated: verdict.repeated };
  }

  function baseOf(actor: UserActor, command: { readonly messageId: number; readonly conversationId?: number | null }) {
    const { messageId, conversationId = null } = command;
    if (!isId(messageId) || (conversationId !== null && !isId(conversationId))) throw refusalOf('not_found');
    return { actorId: actor.userId, via: actor.via, origin: actor.connectionId };
  }

  return {
    async edit(actor, command) {
      const { messageId, conversationId = null, text, parts, meta } = command;
      const base = baseOf(actor, command);
      if (text === '' && isEmpty(parts) && isEmpty(meta)) {
        throw new DomainError('invalid', 'An empty message', { subject: 'message', field: 'text' });
      }
      const { message } = await submit(actor, {
        ...base,
        kind: 'edit',
        messageId,
        conversationId,
        text: text === undefined ? null : checkedMessageText(text, { limit: limits.textLength, truncate: false }),
        parts: parts === undefined ? null : checkedStructure(parts, 'parts'),
        meta: meta === undefined ? null : checkedStructure(meta, 'meta'),
      });
      return message;
    },

    async remove(actor, command) {
      const { messageId, conversationId = null, scope } = command;
      return submit(actor, { ...baseOf(actor, command), kind: 'delete', messageId, conversationId, scope });
    },

    async update(actor, { messageId, what, prompt, at }) {
      if (!isId(messageId)) throw refusalOf('not_found');
      return change(actor, async (tx) => {
        const locked = await tx.messages.lock(actor.userId, messageId);
        if (!locked || !(locked.active || locked.staff || isGateway(actor))) throw refusalOf('not_found');
        const { message, spaceId } = locked;
        const patch = what === 'prompt' ? promptPatch(message, prompt) : notePatch(message, `${what}At`, at ?? tx.at);
        if (!patch) return message;
        const { conversationId, visibility } = message;
        const updated = await tx.messages.update({ messageId, ...patch });
        const fields = { conversationId, spaceId, visibility, subjectId: messageId, data: { what } };
        tx.append('message.updated', fields, { message: updated, what });
        return updated;
      });
    },
  };
}

type Patch = Omit<MessageUpdate, 'messageId'> | null;

/** Null: it says so already. */
function promptPatch(message: Message, change: JsonValue | undefined): Patch {
  const { prompt } = message;
  if (!prompt || typeof change !== 'object' || change === null || Array.isArray(change)) {
    throw new DomainError('invalid', 'No prompt, or nothing to put into it', { subject: 'message', field: 'prompt' });
  }
  const next = storableJson({ ...prompt, ...change }) as MessagePrompt;
  const same = Object.entries(next).every(
    ([key, value]) => JSON.stringify(value) === JSON.stringify(prompt[key as keyof MessagePrompt]),
  );
  return same ? null : { prompt: next };
}

function notePatch(message: Message, key: string, at: number): Patch {
  const notes = (message.meta[NOTES] ?? {}) as JsonObject;
  return key in notes ? null : { meta: { [NOTES]: { ...notes, [key]: at } } };
}

function isGateway(actor: Actor): boolean {
  return actor.via === 'admin' || actor.via === 'system';
}
