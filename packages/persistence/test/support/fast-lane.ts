// A committer on a database with two people in a group, and what tests of it keep asking for.
import type {
  Committer,
  ConversationId,
  DeleteCommand,
  EditCommand,
  FastCommand,
  LogEvent,
  MarkCommand,
  Message,
  MessageId,
  SendCommand,
  UserId,
  Verdict,
} from '@switchboard/core';
import { type CommitterOptions, createCommitter } from '@switchboard/persistence';
import { createTestDatabase, openSql, type Sql, type TestDatabase } from '@switchboard/persistence/testing';

export interface FastLane {
  readonly database: TestDatabase;
  readonly sql: Sql;
  readonly committer: Committer;
  /** Events of all committers, as they were told. */
  readonly events: LogEvent[];
  readonly batches: number[];
  another(options?: Partial<CommitterOptions>): Committer;
  /** Users who take part in a new conversation; the first is 1. */
  conversation(fields: Readonly<Record<string, string | number | boolean>>, ...participants: Joined[]): Promise<number>;
  people(count: number): Promise<void>;
  close(): Promise<void>;
}

export interface Joined {
  readonly user: number;
  readonly side?: string;
  readonly role?: string;
  readonly active?: boolean;
  readonly blocked?: boolean;
}

export async function createFastLane(options: Partial<CommitterOptions> = {}): Promise<FastLane> {
  const database = await createTestDatabase();
  const sql = openSql(database.connectionString);
  const events: LogEvent[] = [];
  const batches: number[] = [];
  const committers: Committer[] = [];
  const another = (more: Partial<CommitterOptions> = {}) => {
    const committer = createCommitter({
      connectionString: database.connectionString,
      onCommitted: (told) => void events.push(...told),
      stats: { onBatch: (size) => void batches.push(size) },
      log: () => undefined,
      ...more,
    });
    committers.push(committer);
    return committer;
  };
  return {
    database,
    sql,
    committer: another(options),
    events,
    batches,
    another,
    async conversation(fields, ...participants) {
      const columns = Object.keys({ kind: 'group', ...fields });
      const values = Object.values({ kind: 'group', ...fields });
      const rows = await sql<{ id: string }>(
        `insert into conversations (${columns.join(', ')}) values (${columns.map((_, index) => `$${index + 1}`).join(', ')}) returning id`,
        values,
      );
      const id = Number(rows[0]?.id);
      for (const { user, side = 'member', role = 'user', active = true, blocked = false } of participants) {
        await sql(
          `insert into participants (conversation_id, user_id, side, role, active, blocked_at) values ($1, $2, $3, $4, $5, $6)`,
          [id, user, side, role, active, blocked ? new Date() : null],
        );
      }
      return id;
    },
    async people(count) {
      await sql(`insert into users (display_name) select 'user ' || n from generate_series(1, $1::int) n`, [count]);
    },
    async close() {
      for (const committer of committers) await committer.close();
      await sql.close();
      await database.drop();
    },
  };
}

type Base = 'actorId' | 'conversationId';

export function send(actor: number, conversation: number, fields: Partial<Omit<SendCommand, Base>> = {}): SendCommand {
  return {
    kind: 'send',
    actorId: actor as UserId,
    via: 'test',
    origin: null,
    conversationId: conversation as ConversationId,
    clientRef: null,
    messageKind: 'text',
    text: 'tea?',
    parts: [],
    replyToId: null,
    prompt: null,
    visibility: 'all',
    meta: {},
    unattended: false,
    createdAt: null,
    ...fields,
  };
}

export function edit(actor: number, messageId: MessageId, fields: Partial<EditCommand> = {}): EditCommand {
  const base = { actorId: actor as UserId, via: 'test', origin: null, conversationId: null };
  return { kind: 'edit', messageId, text: 'coffee?', parts: null, meta: null, ...base, ...fields };
}

export function remove(actor: number, messageId: MessageId, scope: 'all' | 'self' = 'all'): DeleteCommand {
  return {
    kind: 'delete',
    actorId: actor as UserId,
    via: 'test',
    origin: null,
    conversationId: null,
    messageId,
    scope,
  };
}

export function mark(actor: number, messageIds: readonly MessageId[], fields: Partial<MarkCommand> = {}): MarkCommand {
  const base = { actorId: actor as UserId, via: 'test', origin: null, upTo: null, asStaff: false } as const;
  return { kind: 'mark', mark: 'read', messageIds, ...base, ...fields };
}

/** `sent`, `repeated` or the refusal. */
export function wordOf(verdict: Verdict): string {
  if (!verdict.ok) return verdict.refusal;
  return verdict.repeated ? 'repeated' : 'done';
}

export async function sent(committer: Committer, command: FastCommand): Promise<Message> {
  const verdict = await committer.submit(command);
  if (!verdict.ok || !verdict.message) throw new Error(`Not sent: ${JSON.stringify(verdict)}`);
  return verdict.message;
}
