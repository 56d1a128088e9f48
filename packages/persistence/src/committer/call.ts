/**
 * One batch as the arguments of `apply_batch` (see the migration `fast_lane`): an array per field, written as PostgreSQL reads them.
 * Knows nothing of queues, connections and verdicts.
 */
import type { FastCommand, MarkCommand, MessagePart, SendCommand } from '@switchboard/core';

const PARAMETERS = 28;
const EDITS = PARAMETERS - 10;

export const APPLY_BATCH = {
  name: 'apply_batch',
  text: `select apply_batch(${Array.from({ length: PARAMETERS }, (_, index) => `$${index + 1}`).join(', ')}) as answer`,
} as const;

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A file id that is none would fail its whole batch: such a command is refused before it is queued. */
export function hasReadableFiles(command: FastCommand): boolean {
  return command.kind === 'send' || command.kind === 'edit'
    ? filesOf(command.parts).every((id) => UUID.test(id))
    : true;
}

/** About how much of the wire a command takes. */
export function sizeOf(command: FastCommand): number {
  switch (command.kind) {
    case 'send':
      return (
        200 + command.text.length + sizeOfJson(command.parts) + sizeOfJson(command.meta) + sizeOfJson(command.prompt)
      );
    case 'edit':
      return 200 + (command.text?.length ?? 0) + sizeOfJson(command.parts) + sizeOfJson(command.meta);
    case 'delete':
      return 200;
    case 'mark':
      return 100 + command.messageIds.length * 60;
  }
}

function sizeOfJson(value: object | null): number {
  return value === null || isEmpty(value) ? 0 : JSON.stringify(value).length;
}

/** `nowMs`: null = the server's own clock. */
export function argumentsOf(batch: string, commands: readonly FastCommand[], nowMs: number | null): (string | null)[] {
  const sends = commands.filter((command) => command.kind === 'send');
  const marks = commands.filter((command) => command.kind === 'mark');
  return [
    batch,
    nowMs === null ? null : String(Math.trunc(nowMs)),
    ...sendColumns(sends),
    changesOf(commands),
    ...markColumns(marks),
  ];
}

function sendColumns(sends: readonly SendCommand[]): (string | null)[] {
  if (sends.length === 0) return new Array<null>(EDITS - 2).fill(null);
  const fileNumbers: number[] = [];
  const fileIds: string[] = [];
  sends.forEach((send, index) => {
    for (const id of filesOf(send.parts)) {
      fileNumbers.push(index + 1);
      fileIds.push(id);
    }
  });
  return [
    plainArray(sends, (send) => send.conversationId),
    plainArray(sends, (send) => send.actorId),
    textArray(sends, (send) => send.via),
    textArray(sends, (send) => send.origin),
    textArray(sends, (send) => send.clientRef),
    textArray(sends, (send) => (send.messageKind === 'text' ? null : send.messageKind)),
    textArray(sends, (send) => send.text),
    textArray(sends, (send) => toJson(send.parts)),
    plainArray(sends, (send) => send.replyToId),
    textArray(sends, (send) => toJson(send.prompt)),
    textArray(sends, (send) => (send.visibility === 'all' ? null : send.visibility)),
    textArray(sends, (send) => toJson(send.meta)),
    plainArray(sends, (send) => (send.unattended ? 'true' : null)),
    plainArray(sends, (send) => send.createdAt),
    plainArray(fileNumbers, (value) => value),
    plainArray(fileIds, (value) => value),
  ];
}

function changesOf(commands: readonly FastCommand[]): string | null {
  const rows: object[] = [];
  commands.forEach((command, n) => {
    if (command.kind !== 'edit' && command.kind !== 'delete') return;
    const { actorId: actor, via, origin, messageId: message, conversationId: conv } = command;
    const base = { n, actor, via, origin, message, conv };
    if (command.kind === 'delete') rows.push({ ...base, op: command.scope });
    else {
      const { text: txt, parts, meta } = command;
      rows.push({ ...base, op: 'edit', txt, parts, meta, files: filesOf(parts) });
    }
  });
  return rows.length === 0 ? null : JSON.stringify(rows);
}

interface MarkRow {
  readonly n: number;
  readonly command: MarkCommand;
  readonly conversationId: number | null;
  readonly messageId: number | null;
  readonly seq: number | null;
}

function markColumns(marks: readonly MarkCommand[]): (string | null)[] {
  const rows: MarkRow[] = [];
  marks.forEach((command, n) => {
    const { upTo } = command;
    if (upTo) {
      const { conversationId, messageId = null, seq = null } = upTo;
      rows.push({ n, command, conversationId, messageId, seq: messageId === null ? seq : null });
    }
    for (const messageId of command.messageIds) rows.push({ n, command, conversationId: null, messageId, seq: null });
  });
  if (rows.length === 0) return new Array<null>(9).fill(null);
  return [
    plainArray(rows, (row) => row.n),
    plainArray(rows, (row) => row.command.actorId),
    plainArray(rows, (row) => row.command.mark === 'read'),
    plainArray(rows, (row) => row.command.asStaff),
    textArray(rows, (row) => row.command.via),
    textArray(rows, (row) => row.command.origin),
    plainArray(rows, (row) => row.conversationId),
    plainArray(rows, (row) => row.messageId),
    plainArray(rows, (row) => row.seq),
  ];
}

function filesOf(parts: readonly MessagePart[] | null): string[] {
  if (parts === null || parts.length === 0) return [];
  return parts.flatMap((part) => (part.fileId === undefined ? [] : [part.fileId]));
}

function isEmpty(value: object): boolean {
  for (const _ in value) return false;
  return true;
}

/** Empty lists and objects are stored as null. */
function toJson(value: object | null): string | null {
  return value === null || isEmpty(value) ? null : JSON.stringify(value);
}

/** Numbers, booleans, UUIDs. Null when nobody has a value. */
function plainArray<T>(items: readonly T[], read: (item: T) => string | number | boolean | null): string | null {
  let literal = '';
  let any = false;
  for (const item of items) {
    const value = read(item);
    literal += literal === '' ? '{' : ',';
    literal += value === null ? 'NULL' : String(value);
    any ||= value !== null;
  }
  return any ? `${literal}}` : null;
}

const SPECIAL = /["\\]/;

function textArray<T>(items: readonly T[], read: (item: T) => string | null): string | null {
  let literal = '';
  let any = false;
  for (const item of items) {
    const value = read(item);
    literal += literal === '' ? '{' : ',';
    if (value === null) literal += 'NULL';
    else literal += SPECIAL.test(value) ? `"${value.replace(/["\\]/g, '\\$&')}"` : `"${value}"`;
    any ||= value !== null;
  }
  return any ? `${literal}}` : null;
}
