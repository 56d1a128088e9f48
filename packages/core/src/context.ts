/** What every use case is made of: the ports, and the few pieces of core that the nouns share. */
import type { Actor } from './actor.ts';
import type { NodeId } from './ids.ts';
import type { Directory } from './lookup.ts';
import type { BlobStore } from './ports/blob-store.ts';
import type { EventBus } from './ports/bus.ts';
import type { Clock, Ids } from './ports/clock.ts';
import type { Committer } from './ports/committer.ts';
import type { PresenceStore } from './ports/presence-store.ts';
import type { Store, Tx } from './ports/store.ts';

/** One line for the operator; `fields` never hold message text, tokens or query secrets. */
export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;

export interface CoreLimits {
  /** Longest text of a message on every protocol, in UTF-16 units. */
  readonly textLength: number;
  /** Participants of one conversation. */
  readonly participants: number;
  /** Largest file. */
  readonly fileBytes: number;
}

export const DEFAULT_LIMITS: CoreLimits = { textLength: 32_768, participants: 1_000, fileBytes: 64 * 1024 * 1024 };

export interface CorePorts {
  readonly store: Store;
  readonly committer: Committer;
  readonly bus: EventBus;
  readonly presence: PresenceStore;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly nodeId: NodeId;
  /** Of the gateway: what nodes tell each other about themselves. */
  readonly version?: string;
  /** The key that issued secrets are computed with: base64url or any text of at least 32 bytes. */
  readonly sessionKey: string;
  readonly limits: CoreLimits;
  readonly log: Log;
}

/**
 * One slow-lane change: runs `work` under the log's lock, commits, and notes the newest position on the actor. The events go to the bus
 * after the commit.
 */
export type Change = <T>(actor: Actor, work: (tx: Tx) => Promise<T>) => Promise<T>;

/** The ports, the running of changes, and the directory: what `createMessages`, `createUsers` … take. */
export interface CoreContext extends CorePorts {
  readonly change: Change;
  readonly directory: Directory;
}
