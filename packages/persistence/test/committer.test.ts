import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileId, Message, MessageId } from '@switchboard/core';
import { migrationsDir } from '@switchboard/persistence/testing';
import pg from 'pg';
import { APPLY_BATCH, argumentsOf } from '../src/committer/call.ts';
import { LOG_LOCK_KEY } from '../src/log-lock.ts';
import { createFastLane, edit, type FastLane, mark, remove, send, sent, wordOf } from './support/fast-lane.ts';

let lane: FastLane;
let group: number;

beforeEach(async () => {
  lane = await createFastLane();
  await lane.people(5);
  group = await lane.conversation({}, { user: 1 }, { user: 2 });
});

afterEach(() => lane.close());

const submit = (...commands: Parameters<FastLane['committer']['submit']>[0][]) =>
  Promise.all(commands.map((command) => lane.committer.submit(command)));
const words = async (...commands: Parameters<typeof submit>) => (await submit(...commands)).map(wordOf);
const numbers = async (statement: string) => (await lane.sql<{ n: string }>(statement)).map(({ n }) => Number(n));

describe('a send', () => {
  it('is stored with the next seq, moves the heads and is told once', async () => {
    const first = await sent(lane.committer, send(1, group));
    const second = await sent(lane.committer, send(2, group, { text: 'yes', meta: { test: { a: 1 } } }));
    expect([first.seq, second.seq]).toEqual([1, 2]);
    expect(second.id).toBeGreaterThan(first.id);
    expect(first.createdAt).toBe(Math.floor(first.id / 1000));
    expect(lane.events.map((event) => [event.type, event.position])).toEqual([
      ['message.sent', 1],
      ['message.sent', 2],
    ]);
    expect(lane.events[1]).toMatchObject({ message: second, actorId: 2, via: 'test', conversationId: group });
    const heads = await lane.sql<{ ok: boolean }>(
      `select last_seq = 2 and last_message_id = $1 and last_public_message_id = $1 and changed_position = 2 as ok from conversations`,
      [second.id],
    );
    expect(heads).toEqual([{ ok: true }]);
  });

  it('comes back from the store as it was told', async () => {
    const parts = [{ kind: 'image', url: 'https://example.org/"x"\\.png', width: 1 }] as const;
    const command = send(1, group, {
      text: 'a "quoted" \\ {text}, NULL',
      parts,
      meta: { test: { x: [1, 'ü'] } },
      clientRef: 'test:1',
    });
    const told = await sent(lane.committer, command);
    const repeat = await lane.committer.submit(command);
    expect(repeat).toEqual({ ok: true, message: told, repeated: true, position: 0, advanced: 0 });
  });

  it('answers a message of its own conversation that its sender may see, or none', async () => {
    const chat = await lane.conversation(
      { kind: 'support' },
      { user: 1, side: 'customer' },
      { user: 2, side: 'staff' },
    );
    const question = await sent(lane.committer, send(1, chat));
    const note = await sent(lane.committer, send(2, chat, { visibility: 'staff' }));
    const elsewhere = await sent(lane.committer, send(1, group));
    const answers = [
      [2, question.id],
      [2, note.id],
      [1, note.id],
      [1, elsewhere.id],
      [1, 4711 as MessageId],
    ] as const;
    const told = await submit(...answers.map(([user, replyToId]) => send(user, chat, { replyToId })));
    const expected = [question.id, note.id, null, null, null];
    expect(told.map((verdict) => verdict.ok && verdict.message?.replyToId)).toEqual(expected);
    const stored = await lane.sql<{ id: number }>(
      'select reply_to_id::float8 as id from messages where conversation_id = $1 and seq > 2 order by seq',
      [chat],
    );
    expect(stored.map(({ id }) => id)).toEqual(expected);
  });

  it('is refused for each reason that there is', async () => {
    const left = await lane.conversation({}, { user: 1, active: false });
    const blocked = await lane.conversation({}, { user: 1, blocked: true });
    const closed = await lane.conversation({ kind: 'support', open: false }, { user: 1 });
    const gone = await lane.conversation({ deleted_at: '2026-01-01' }, { user: 1 });
    await lane.sql(`insert into spaces (kind, name) values ('queue', 'q'), ('workspace', 'w')`);
    await lane.sql(`insert into space_members (space_id, user_id, role) values (1, 3, 'staff'), (2, 4, 'user')`);
    const queued = await lane.conversation({ kind: 'support', space_id: 1 }, { user: 1, side: 'customer' });
    const channel = await lane.conversation({ kind: 'channel', space_id: 2, visibility: 'public' }, { user: 1 });
    const hidden = await lane.conversation({ kind: 'channel', space_id: 2 }, { user: 1 });
    const file = { kind: 'file', fileId: '00000000-0000-4000-8000-000000000000' as FileId } as const;
    const notAFile = { kind: 'file', fileId: "1'; drop" as FileId } as const;
    expect(
      await words(
        send(1, group),
        send(1, 999),
        send(1, gone),
        send(3, group),
        send(1, left),
        send(1, blocked),
        send(1, closed),
        send(1, group, { visibility: 'staff' }),
        send(1, group, { parts: [file] }),
        send(1, group, { parts: [notAFile] }),
        send(3, queued),
        send(4, channel),
        send(4, hidden),
      ),
    ).toEqual([
      'done',
      'not_found',
      'not_found',
      'not_found',
      'not_participant',
      'blocked',
      'closed',
      'forbidden',
      'invalid',
      'invalid',
      'not_participant',
      'not_participant',
      'not_found',
    ]);
    expect(await numbers('select count(*) n from messages')).toEqual([1]);
  });

  it('carries files that are the sender’s or public, and lets go of them when it is deleted', async () => {
    const [own, open, foreign] = ['a', 'b', 'c'].map(
      (letter) => `${letter.repeat(8)}-0000-4000-8000-000000000000` as FileId,
    );
    for (const [id, owner, access] of [
      [own, 1, 'owner'],
      [open, 2, 'public'],
      [foreign, 2, 'conversation'],
    ]) {
      await lane.sql(
        `insert into files (id, owner_id, access, kind, name, size_bytes, content_type, state, via) values ($1, $2, $3, 'file', 'x', 1, 'x', 'ready', 'test')`,
        [id, owner, access],
      );
    }
    const part = (fileId: FileId | undefined) => ({ kind: 'file', fileId: fileId as FileId }) as const;
    expect(await words(send(1, group, { parts: [part(own), part(foreign)] }))).toEqual(['invalid']);
    const message = await sent(lane.committer, send(1, group, { parts: [part(own), part(open)] }));
    expect(await numbers('select count(*) n from message_files')).toEqual([2]);
    await sent(lane.committer, edit(1, message.id, { text: null, parts: [part(own)] }));
    expect(await numbers('select count(*) n from message_files')).toEqual([1]);
    await sent(lane.committer, remove(1, message.id));
    expect(await numbers('select count(*) n from message_files')).toEqual([0]);
  });

  it('has an id above all others, also when the clock steps back', async () => {
    let now = 2_000_000_000_000;
    const other = lane.another({ clock: { now: () => now, after: () => () => {}, every: () => () => {} } });
    const before = await sent(other, send(1, group));
    now = 1_000_000_000_000;
    const [after, later] = await Promise.all([sent(other, send(1, group)), sent(other, send(1, group))]);
    expect([after.id, later.id]).toEqual([before.id + 1, before.id + 2]);
    expect((await sent(lane.committer, send(1, group))).id).toBe(before.id + 3);
  });

  it('keeps the time of imported history apart from its id', async () => {
    const message = await sent(lane.committer, send(1, group, { createdAt: 1_500_000_000_123 }));
    expect(message.createdAt).toBe(1_500_000_000_123);
    expect(message.id).toBeGreaterThan(1_600_000_000_000_000);
    expect(await numbers(`select extract(epoch from created_at) * 1000 n from messages`)).toEqual([1_500_000_000_123]);
  });
});

describe('the same client ref', () => {
  it('is the same message: twice in one batch, later, and from another node at once', async () => {
    const command = send(1, group, { clientRef: 'test:a' });
    const other = lane.another();
    const rounds = await Promise.all(
      Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? lane.committer : other).submit(command)),
    );
    rounds.push(await lane.committer.submit(command));
    expect(rounds.filter((verdict) => verdict.ok && !verdict.repeated)).toHaveLength(1);
    expect(new Set(rounds.map((verdict) => verdict.ok && verdict.message?.id)).size).toBe(1);
    expect(await numbers('select count(*) n from messages')).toEqual([1]);
    expect(await numbers('select count(*) n from events')).toEqual([1]);
  });

  it('is another message of another sender, and in another conversation', async () => {
    const elsewhere = await lane.conversation({}, { user: 1 });
    const ref = { clientRef: 'test:a' };
    expect(await words(send(1, group, ref), send(2, group, ref), send(1, elsewhere, ref))).toEqual([
      'done',
      'done',
      'done',
    ]);
  });

  it('belongs to the first that was accepted', async () => {
    const ref = { clientRef: 'test:a' };
    expect(
      await words(send(1, group, { ...ref, visibility: 'staff' }), send(1, group, ref), send(1, group, ref)),
    ).toEqual(['forbidden', 'done', 'repeated']);
  });
});

describe('edits and deletes', () => {
  let message: Message;

  beforeEach(async () => {
    message = await sent(lane.committer, send(1, group, { meta: { a: 1, b: { c: 2 } }, clientRef: 'test:m' }));
  });

  it('change a message for all, and say so', async () => {
    const edited = await sent(lane.committer, edit(1, message.id, { meta: { b: 3 } }));
    expect(edited).toMatchObject({ text: 'coffee?', meta: { a: 1, b: 3 }, seq: 1, changedPosition: 2 });
    expect(edited.editedAt).not.toBeNull();
    const deleted = await sent(lane.committer, remove(1, message.id));
    expect(deleted).toMatchObject({ text: '', meta: {}, parts: [], changedPosition: 3, clientRef: 'test:m' });
    expect(deleted.deletedAt).not.toBeNull();
    expect(lane.events.slice(1).map((event) => event.type)).toEqual(['message.edited', 'message.deleted']);
    expect(lane.events[2]).toMatchObject({ message: deleted });
  });

  it('are refused to whoever may not, and repeated without an entry', async () => {
    const owned = await lane.conversation(
      {},
      { user: 1 },
      { user: 2, role: 'admin' },
      { user: 3, active: false },
      { user: 4, blocked: true },
    );
    const theirs = await sent(lane.committer, send(1, owned));
    await lane.sql(`update participants set blocked_at = null where user_id = 4`);
    const blocked = await sent(lane.committer, send(4, owned));
    await lane.sql(`update participants set blocked_at = now() where user_id = 4`);
    expect(
      await words(
        edit(2, message.id),
        edit(3, message.id),
        remove(2, message.id),
        edit(2, theirs.id),
        edit(3, theirs.id),
        edit(4, blocked.id),
        edit(1, (theirs.id + 12345) as typeof theirs.id),
        { ...edit(1, theirs.id), conversationId: 999 as typeof theirs.conversationId },
      ),
    ).toEqual([
      'forbidden',
      'not_found',
      'forbidden',
      'forbidden',
      'not_participant',
      'blocked',
      'not_found',
      'not_found',
    ]);
    const told = lane.events.length;
    expect(await words(remove(2, theirs.id))).toEqual(['done']);
    expect(await words(remove(2, theirs.id), edit(1, theirs.id))).toEqual(['repeated', 'deleted']);
    expect(lane.events).toHaveLength(told + 1);
  });

  it('of one message in one turn happen one after the other', async () => {
    const verdicts = await submit(
      edit(1, message.id, { text: 'one' }),
      edit(1, message.id, { text: 'two' }),
      remove(1, message.id),
      edit(1, message.id),
    );
    expect(verdicts.map(wordOf)).toEqual(['done', 'done', 'done', 'deleted']);
    expect(verdicts.map((verdict) => verdict.ok && verdict.message?.text)).toEqual(['one', 'two', '', false]);
  });

  it('for oneself hide it from that user alone', async () => {
    expect(await words(remove(2, message.id, 'self'))).toEqual(['done']);
    expect(await words(remove(2, message.id, 'self'), remove(3, message.id, 'self'))).toEqual([
      'repeated',
      'not_found',
    ]);
    expect(lane.events.at(-1)).toMatchObject({
      type: 'message.hidden',
      userId: 2,
      userIds: [2],
      message: { text: 'tea?' },
    });
    expect(await numbers('select seq n from messages_hidden')).toEqual([1]);
  });
});

describe('poison', () => {
  const good = 199;
  const cases: [string, (group: number) => ReturnType<typeof send>, string][] = [
    ['U+0000', (id) => send(1, id, { text: 'a\u0000b' }), 'invalid'],
    ['an unpaired surrogate in a structure', (id) => send(1, id, { meta: { a: '\uD800' } }), 'invalid'],
    ['a client ref too long for an index', (id) => send(1, id, { clientRef: randomText(20_000) }), 'invalid'],
    ['an id of 2^63', () => send(1, 2 ** 63), 'invalid'],
    ['an id that is no number', () => send(1, Number.NaN), 'invalid'],
    ['a time beyond all times', (id) => send(1, id, { createdAt: 9e17 }), 'invalid'],
    ['1 MiB of text', (id) => send(1, id, { text: 'x'.repeat(1024 * 1024) }), 'done'],
    ['an unpaired surrogate in a text', (id) => send(1, id, { text: '\uD800' }), 'done'],
    ['an unknown conversation', () => send(1, 4711), 'not_found'],
    ['somebody who takes no part', (id) => send(5, id), 'not_found'],
  ];

  for (const [what, poison, word] of cases) {
    it(`fails alone: ${what}`, async () => {
      const commands = Array.from({ length: good }, (_, n) => send(1 + (n % 2), group, { clientRef: `test:${n}` }));
      commands.splice(77, 0, poison(group));
      const verdicts = await submit(...commands);
      expect(wordOf(verdicts[77] as (typeof verdicts)[number])).toBe(word);
      expect(verdicts.filter((verdict) => verdict.ok && !verdict.repeated).length).toBe(
        good + (word === 'done' ? 1 : 0),
      );
      // Positions and seqs have no gap, whatever was tried in between.
      const count = good + (word === 'done' ? 1 : 0);
      expect(await numbers('select max(position) n from events')).toEqual([count]);
      expect(await numbers('select max(seq) n from messages')).toEqual([count]);
      expect(lane.events.map((event) => event.position)).toEqual(Array.from({ length: count }, (_, n) => n + 1));
    });
  }

  it('fails alone: somebody who is blocked, and the same client ref twice', async () => {
    await lane.sql(`update participants set blocked_at = now() where user_id = 2`);
    const commands = Array.from({ length: 200 }, (_, n) =>
      send(n === 50 ? 2 : 1, group, { clientRef: `test:${n === 90 ? 89 : n}` }),
    );
    const all = (await submit(...commands)).map(wordOf);
    expect([all[50], all[90]]).toEqual(['blocked', 'repeated']);
    expect(all.filter((word) => word === 'done')).toHaveLength(198);
  });
});

/** Nothing that compression could make short enough. */
function randomText(length: number): string {
  let seed = 1;
  return Array.from({ length }, () => {
    seed = (seed * 48271) % 2147483647;
    return String.fromCodePoint(0x4e00 + (seed % 20_000));
  }).join('');
}

describe('what a send costs', () => {
  it('does not grow with the number of participants', async () => {
    await lane.people(3000);
    const everybody = Array.from({ length: 3000 }, (_, n) => n + 1);
    const small = await lane.conversation({}, { user: 1 }, { user: 2 }, { user: 3 });
    const large = await lane.conversation({});
    await lane.sql(`insert into participants (conversation_id, user_id) select $1, unnest($2::bigint[])`, [
      large,
      everybody,
    ]);
    const few = await costOf(send(1, small));
    expect(few.rows).toEqual({ messages: 1, conversations: 1, events: 1 });
    expect(few.statements).toBeGreaterThan(3);
    expect(await costOf(send(1, large))).toEqual(few);
  });

  async function costOf(command: ReturnType<typeof send>) {
    const client = new pg.Client({ connectionString: lane.database.connectionString });
    await client.connect();
    try {
      let statements = 0;
      client.on('notice', () => {
        statements += 1;
      });
      await client.query(
        `load 'auto_explain'; set auto_explain.log_min_duration = 0; set auto_explain.log_nested_statements = on; set auto_explain.log_level = notice; begin`,
      );
      statements = 0;
      await client.query({ ...APPLY_BATCH, values: argumentsOf('cost', [command], null) });
      const counted = statements;
      const { rows } = await client.query<{ relname: string; n: string }>(
        `select relname, n_tup_ins + n_tup_upd + n_tup_del as n from pg_stat_xact_user_tables where n_tup_ins + n_tup_upd + n_tup_del > 0`,
      );
      await client.query('rollback');
      return { statements: counted, rows: Object.fromEntries(rows.map(({ relname, n }) => [relname, Number(n)])) };
    } finally {
      await client.end();
    }
  }
});

it('takes the same lock in SQL as in the slow lane', async () => {
  const sql = await readFile(join(migrationsDir, '20261120000100_fast_lane', 'migration.sql'), 'utf8');
  const keys = [...sql.matchAll(/pg_advisory_xact_lock\((\d+)\)/g)].map((match) => Number(match[1]));
  expect(keys).toHaveLength(2);
  expect(new Set(keys)).toEqual(new Set([LOG_LOCK_KEY]));
});

it('answers marks and sends of one turn in one batch, sends first', async () => {
  const message = await sent(lane.committer, send(1, group));
  const verdicts = await submit(mark(2, [message.id]), send(1, group), mark(2, [message.id]));
  expect(lane.batches.at(-1)).toBe(3);
  expect(verdicts.map((verdict) => verdict.ok && [verdict.advanced, verdict.position > 0])).toEqual([
    [1, true],
    [0, true],
    [1, true],
  ]);
  expect(lane.events.slice(1).map((event) => event.type)).toEqual(['message.sent', 'receipts.advanced']);
});
