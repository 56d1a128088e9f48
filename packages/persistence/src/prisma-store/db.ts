/**
 * What every noun's file is given: a database to read from, or a transaction that holds the log's lock. Knows no noun.
 */
import type { LogPosition, UnixMs } from '@switchboard/core';
import type { Prisma, PrismaClient } from '../generated/client.ts';

/** Reads take either: statements on the pool, or statements inside a transaction. */
export type Db = PrismaClient | Prisma.TransactionClient;

/** A slow-lane transaction. Its first statement was the log's lock. */
export interface TxContext {
  readonly db: Prisma.TransactionClient;
  /** Time of the transaction: what all its rows and entries carry. */
  readonly at: UnixMs;
  /** The position that the next appended entry will have. */
  readonly nextPosition: () => LogPosition;
}
