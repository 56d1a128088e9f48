/**
 * From the answer of `apply_batch` to a verdict per command and the events of the batch, hydrated with what was sent plus what the store
 * added: nothing is read back. Knows nothing of queues and connections.
 */
import {
  type ConnectionId,
  type ConversationId,
  EVENT_VERSION,
  type FastCommand,
  type LogEvent,
  type LogPosition,
  type MarkAdvance,
  type Message,
  type MessageId,
  type Refusal,
  type SendCommand,
  type SpaceId,
  type UserId,
  type Verdict,
} from '@switchboard/core';
import { type MessageRow, toMessage } from '../message-row.ts';

/** `repeated` has only the id of the stored message, `again` only the number (from 1) of the send in this batch that it repeats. */
type SendRow = [
  outcome: 'sent' | 'repeated' | 'again' | Refusal,
  id: number,
  seq: number,
  position: number,
  episode: number,
  waiting: boolean,
  spaceId: number | null,
  replyToId: number | null,
];
type ChangeRow = [
  n: number,
  outcome: 'done' | 'repeated' | Refusal,
  position: number,
  spaceId: number | null,
  message: MessageRow | null,
];
type ReceiptRow = [
  position: number,
  conversationId: number,
  spaceId: number | null,
  messageId: number | null,
  actorId: number | null,
  via: string,
  origin: string | null,
  data: { marks: MarkAdvance[]; first: { kind: 'received' | 'read'; by: UserId } | null },
];

export interface Answer {
  readonly head: LogPosition;
  /** Time of the batch, Unix ms. */
  readonly at: number;
  readonly sends: SendRow[] | null;
  /** Messages that repeated sends are about. */
  readonly originals: Record<string, MessageRow> | null;
  readonly changes: ChangeRow[] | null;
  readonly marks: {
    /** Mark command (counted among the marks) → how many messages it newly covered. */
    readonly commands: [number, number][] | null;
    readonly entries: ReceiptRow[] | null;
    readonly messages: Record<string, MessageRow> | null;
  } | null;
}

export interface Outcome {
  /** In the order of the commands. */
  readonly verdicts: Verdict[];
  /** In ascending positions. */
  readonly events: LogEvent[];
}

const NOBODY: readonly UserId[] = [];

export function toOutcome(commands: readonly FastCommand[], answer: Answer, batch: string): Outcome {
  const verdicts = new Array<Verdict>(commands.length);
  const events: LogEvent[] = [];
  const advanced = new Map(answer.marks?.commands ?? []);
  // Sends take their positions before edits and deletes, and these before marks, wherever they stand in the batch.
  const sent: Verdict[] = [];
  let nextSend = 0;
  let nextMark = 0;
  commands.forEach((command, index) => {
    if (command.kind === 'send') {
      const row = answer.sends?.[nextSend++];
      if (!row) return;
      const verdict =
        row[0] === 'again' ? again(sent[row[1] - 1]) : sendVerdict({ command, row, answer, batch }, events);
      sent.push(verdict);
      verdicts[index] = verdict;
    } else if (command.kind === 'mark') {
      const count = advanced.get(nextMark++);
      const missing = count === undefined && command.upTo !== null;
      // Where it advanced, the head is at or after its own entries: good enough to wait for.
      verdicts[index] = missing ? refused('not_found') : done(null, count ? answer.head : 0, count ?? 0);
    }
  });
  for (const row of answer.changes ?? []) {
    const command = commands[row[0]];
    if (command?.kind === 'edit' || command?.kind === 'delete') {
      verdicts[row[0]] = changeVerdict({ command, row, answer, batch }, events);
    }
  }
  for (const row of answer.marks?.entries ?? []) events.push(receiptEvent(row, answer, batch));
  return { verdicts, events };
}

/** The same as the first one's, which stands earlier in the batch. */
function again(first: Verdict | undefined): Verdict {
  return first?.ok ? { ...first, repeated: true, position: 0 } : refused('not_found');
}

interface Judged<Command, Row> {
  readonly command: Command;
  readonly row: Row;
  readonly answer: Answer;
  readonly batch: string;
}

function sendVerdict({ command, row, answer, batch }: Judged<SendCommand, SendRow>, events: LogEvent[]): Verdict {
  const [outcome, id, seq, position, episode, waiting, spaceId, replyToId] = row;
  if (outcome === 'repeated') {
    const original = answer.originals?.[id];
    return original ? { ...done(toMessage(original), 0, 0), repeated: true } : refused('not_found');
  }
  if (outcome !== 'sent') return refused(outcome === 'again' ? 'invalid' : outcome);
  const message: Message = {
    id: id as MessageId,
    conversationId: command.conversationId,
    seq,
    episode,
    senderId: command.actorId,
    clientRef: command.clientRef,
    via: command.via,
    kind: command.messageKind,
    text: command.text,
    parts: command.parts,
    replyToId: replyToId as MessageId | null,
    prompt: command.prompt,
    visibility: command.visibility,
    meta: command.meta,
    waitingForStaff: waiting,
    firstReceivedAt: null,
    firstReadAt: null,
    createdAt: command.createdAt ?? Math.floor(id / 1000),
    editedAt: null,
    deletedAt: null,
    changedPosition: position,
  };
  events.push({
    type: 'message.sent',
    transient: false,
    position,
    v: EVENT_VERSION,
    at: answer.at,
    conversationId: command.conversationId,
    spaceId: spaceId as SpaceId | null,
    userIds: NOBODY,
    actorId: command.actorId,
    via: command.via,
    origin: command.origin,
    visibility: command.visibility,
    batch,
    message,
  });
  return done(message, position, 0);
}

type ChangeCommand = Extract<FastCommand, { kind: 'edit' | 'delete' }>;

function changeVerdict({ command, row, answer, batch }: Judged<ChangeCommand, ChangeRow>, events: LogEvent[]): Verdict {
  const [, outcome, position, spaceId, stored] = row;
  if (outcome !== 'done' && outcome !== 'repeated') return refused(outcome);
  if (!stored) return refused('not_found');
  const message = toMessage(stored);
  if (outcome === 'repeated') return { ...done(message, 0, 0), repeated: true };
  const fields = {
    transient: false,
    position,
    v: EVENT_VERSION,
    at: answer.at,
    conversationId: message.conversationId,
    spaceId: spaceId as SpaceId | null,
    userIds: NOBODY,
    actorId: command.actorId,
    via: command.via,
    origin: command.origin,
    visibility: message.visibility,
    batch,
    message,
  } as const;
  if (command.kind === 'edit') events.push({ ...fields, type: 'message.edited' });
  else if (command.scope === 'all') events.push({ ...fields, type: 'message.deleted' });
  else events.push({ ...fields, type: 'message.hidden', userIds: [command.actorId], userId: command.actorId });
  return done(message, position, 0);
}

function receiptEvent(row: ReceiptRow, answer: Answer, batch: string): LogEvent {
  const [position, conversationId, spaceId, messageId, actorId, via, origin, data] = row;
  const stored = messageId === null ? undefined : answer.marks?.messages?.[messageId];
  return {
    type: 'receipts.advanced',
    transient: false,
    position,
    v: EVENT_VERSION,
    at: answer.at,
    conversationId: conversationId as ConversationId,
    spaceId: spaceId as SpaceId | null,
    userIds: NOBODY,
    actorId: actorId as UserId | null,
    via,
    origin: origin as ConnectionId | null,
    visibility: 'all',
    batch,
    marks: data.marks,
    first: stored && data.first ? { message: toMessage(stored), ...data.first } : null,
  };
}

function done(message: Message | null, position: LogPosition, advanced: number): Verdict & { ok: true } {
  return { ok: true, message, repeated: false, position, advanced };
}

export function refused(refusal: Refusal): Verdict {
  return { ok: false, refusal };
}
