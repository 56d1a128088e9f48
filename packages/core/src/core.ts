/**
 * The domain, put together: every noun's use cases over the ports, the follower that applies the log in order, and what adapters may
 * read synchronously. Knows no wire, no SQL and no socket.
 */
import type { Calls } from './calls.ts';
import type { Consumers } from './consumers.ts';
import type { Conversations } from './conversations.ts';
import type { Files } from './files.ts';
import type { EventStream } from './follower.ts';
import type { Identities } from './identities.ts';
import type { Directory } from './lookup.ts';
import type { Messages } from './messages.ts';
import type { Presence } from './presence.ts';
import type { Receipts } from './receipts.ts';
import type { Sessions } from './sessions.ts';
import type { Signals } from './signals.ts';
import type { Spaces } from './spaces.ts';
import type { Users } from './users.ts';

export interface Core {
  readonly users: Users;
  readonly identities: Identities;
  readonly sessions: Sessions;
  readonly spaces: Spaces;
  readonly conversations: Conversations;
  readonly messages: Messages;
  readonly receipts: Receipts;
  readonly presence: Presence;
  readonly calls: Calls;
  readonly files: Files;
  readonly signals: Signals;
  readonly directory: Directory;
  readonly events: EventStream;
  /** Durable readers of the log: push, webhooks, retention. */
  readonly consumers: Consumers;
  /** Starts the follower, presence sweeps, deadlines and heartbeats. Resolves when the follower has reached the log's head. */
  start(): Promise<void>;
  /** Stops what `start` began; flushes commits. */
  close(): Promise<void>;
}
