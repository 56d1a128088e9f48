/**
 * The Store port on PostgreSQL through Prisma, composed of a file per noun. What leaves here are model objects and `DomainError`s;
 * nobody outside sees a bigint or a type of Prisma's.
 */
import type { Clock, Log, OnCommitted, Store } from '@switchboard/core';
import { createCallStore, createCallTx } from './calls.ts';
import { createConversationTx } from './conversation-tx.ts';
import { createConversationStore } from './conversations.ts';
import { createDeadlineStore, createDeadlineTx } from './deadlines.ts';
import { guarded } from './errors.ts';
import { createFileStore, createFileTx } from './files.ts';
import { createLogStore } from './log.ts';
import { createMessageTx } from './message-tx.ts';
import { createMessageStore } from './messages.ts';
import { createNodeStore } from './nodes.ts';
import { openClients } from './pools.ts';
import { createSessionStore, createSessionTx } from './sessions.ts';
import { createSpaceTx } from './space-tx.ts';
import { createSpaceStore } from './spaces.ts';
import { createSlowLane, type TxNouns } from './transaction.ts';
import { createUserStore, createUserTx } from './users.ts';

export interface PrismaStoreOptions {
  readonly connectionString: string;
  /** What every commit of the slow lane appended, after the commit and in commit order. */
  readonly onCommitted: OnCommitted;
  readonly clock: Clock;
  readonly log: Log;
}

export type PrismaStore = Store & { close(): Promise<void> };

/** Connects on first use: a store that is away fails the call, not the start. */
export async function createPrismaStore(options: PrismaStoreOptions): Promise<PrismaStore> {
  const { connectionString, onCommitted, clock, log } = options;
  const clients = openClients(connectionString, log);
  const db = clients.reads;
  const transaction = createSlowLane({
    prisma: clients.slowLane,
    clock,
    onCommitted,
    nouns: (tx): TxNouns => ({
      users: createUserTx(tx),
      sessions: createSessionTx(tx),
      spaces: createSpaceTx(tx),
      conversations: createConversationTx(tx),
      messages: createMessageTx(tx),
      calls: createCallTx(tx),
      files: createFileTx(tx),
      deadlines: createDeadlineTx(tx),
    }),
  });
  return {
    log: guarded(createLogStore({ db, slowLane: clients.slowLane, clock, onCommitted })),
    users: guarded(createUserStore(db)),
    sessions: guarded(createSessionStore(db)),
    spaces: guarded(createSpaceStore(db)),
    conversations: guarded(createConversationStore(db)),
    messages: guarded(createMessageStore(db)),
    calls: guarded(createCallStore(db)),
    files: guarded(createFileStore(db)),
    deadlines: guarded(createDeadlineStore(db)),
    nodes: guarded(createNodeStore(db)),
    transaction,
    ...guarded({
      async ping() {
        await db.$queryRaw`select 1`;
      },
    }),
    close: clients.close,
  };
}
