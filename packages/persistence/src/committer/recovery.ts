/**
 * What became of a batch whose answer was lost, told from its entries in the log: which of its commands are in there. Commands without an
 * entry were refused, repeated or marks: they changed nothing that a second judging could double, so they are simply judged again.
 */
import type { FastCommand, LogPosition, Verdict } from '@switchboard/core';
import { type MessageRow, toMessage } from '../message-row.ts';

export interface FoundEntry {
  readonly position: LogPosition;
  readonly type: string;
  readonly actor: number | null;
  readonly subject: number | null;
  readonly message: MessageRow | null;
}

export interface FoundBatch {
  readonly head: LogPosition;
  readonly entries: readonly FoundEntry[];
}

/** A verdict for each command that has its entry, undefined for the others; in the order of the commands. */
export function matchEntries(
  commands: readonly FastCommand[],
  entries: readonly FoundEntry[],
): (Verdict | undefined)[] {
  const open = new Set(entries);
  return commands.map((command) => {
    for (const entry of open) {
      if (!isOf(entry, command)) continue;
      open.delete(entry);
      const message = entry.message ? toMessage(entry.message) : null;
      return { ok: true, message, repeated: false, position: entry.position, advanced: 0 };
    }
    return undefined;
  });
}

/** Entries and commands are compared in the same order, so of two equal commands each finds its own. */
function isOf({ type, actor, subject, message }: FoundEntry, command: FastCommand): boolean {
  if (actor !== command.actorId) return false;
  switch (command.kind) {
    case 'send':
      return (
        type === 'message.sent' &&
        message !== null &&
        message.conversation_id === command.conversationId &&
        message.client_ref === command.clientRef &&
        // Changed since by somebody else: the text says nothing any more.
        (message.text === command.text || message.edited_at !== null || message.deleted_at !== null)
      );
    case 'edit':
      return type === 'message.edited' && subject === command.messageId;
    case 'delete':
      return type === (command.scope === 'all' ? 'message.deleted' : 'message.hidden') && subject === command.messageId;
    case 'mark':
      return false;
  }
}
