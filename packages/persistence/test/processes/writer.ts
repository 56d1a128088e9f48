// writer.ts <Setup as JSON>: a node that sends without pause, both lanes, and says what was acknowledged. A send that was not is
// repeated under the same key until it is, as a client would.
import { type ConversationId, systemClock, type UserId } from '@switchboard/core';
import { createCommitter, createPrismaStore } from '../../src/index.ts';
import { openSql } from '../../src/testing.ts';
import type { FromWriter, Setup, ToWriter } from './messages.ts';

const setup = JSON.parse(process.argv[2] ?? '') as Setup;
const { connectionString, conversationIds } = setup;
const senderId = setup.senderId as UserId;
const IN_FLIGHT = 16;
const PAUSE_MS = 2;

const tell = (message: FromWriter) => process.send?.(message);
const log = () => undefined;
const onCommitted = () => undefined;
const committer = createCommitter({ connectionString, onCommitted, log, patienceMs: 4_000 });
const store = await createPrismaStore({ connectionString, onCommitted, clock: systemClock, log });

let nextRef = setup.firstRef;
let slowLane = true;
let finishing = false;

process.on('message', (message: ToWriter) => {
  if (message.kind === 'finish') finishing = true;
  else slowLane = message.on;
});
// Whoever started this process is gone.
process.on('disconnect', () => process.exit());

async function send(ref: number): Promise<void> {
  const conversationId = conversationIds[ref % conversationIds.length] as ConversationId;
  const command = {
    kind: 'send',
    actorId: senderId,
    via: 'test',
    origin: null,
    conversationId,
    clientRef: `test:${ref}`,
    messageKind: 'text',
    text: `message ${ref}`,
    parts: [],
    replyToId: null,
    prompt: null,
    visibility: 'all',
    meta: {},
    unattended: false,
    createdAt: null,
  } as const;
  for (;;) {
    const sentAt = Date.now();
    const begun = performance.now();
    try {
      const verdict = await committer.submit(command);
      if (!verdict.ok || !verdict.message) throw new Error(`refused: ${JSON.stringify(verdict)}`);
      const { id, seq } = verdict.message;
      const { repeated } = verdict;
      tell({ kind: 'acknowledged', ref, id, seq, conversationId, repeated, sentAt, tookMs: performance.now() - begun });
      return;
    } catch {
      if (finishing) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function keepSending(): Promise<void> {
  while (!finishing) {
    await send(nextRef++);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

async function keepChanging(): Promise<void> {
  while (!finishing) {
    await new Promise((resolve) => setTimeout(resolve, 15));
    if (!slowLane) {
      tell({ kind: 'quiet' });
      continue;
    }
    const origin = { actorId: senderId, via: 'test', connectionId: null };
    await store
      .transaction(origin, async (tx) => {
        const payload = { userId: senderId, sessionId: null, namespace: null };
        for (let entry = 0; entry < 2; entry += 1) {
          tx.append('session.revoked', { userIds: [senderId], data: payload }, payload);
        }
      })
      .catch(() => undefined);
  }
}

/** As often as batches go, so that it meets what they meet. */
async function keepInserting(): Promise<void> {
  const sql = openSql(connectionString);
  while (!finishing) {
    const sentAt = Date.now();
    const begun = performance.now();
    const told = await sql('insert into plain (n) values (1)').catch(() => null);
    if (told) tell({ kind: 'plain', sentAt, tookMs: performance.now() - begun });
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  await sql.close();
}

tell({ kind: 'ready' });
await Promise.all([keepChanging(), keepInserting(), ...Array.from({ length: IN_FLIGHT }, keepSending)]);
await committer.close();
await store.close();
process.send?.({ kind: 'finished' } satisfies FromWriter, () => process.exit());
