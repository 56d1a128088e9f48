/**
 * The domain, put together: every noun's use cases over the ports, the follower that applies the log in order, and what adapters may
 * read synchronously. Knows no wire, no SQL and no socket.
 */
import { type Calls, createCalls } from './calls.ts';
import { type Consumers, createConsumers } from './consumers.ts';
import type { CoreContext, CorePorts } from './context.ts';
import { type Conversations, createConversations } from './conversations.ts';
import { createDeadlines } from './deadlines.ts';
import { createDirectory } from './directory.ts';
import { createFiles, type Files } from './files.ts';
import { createFollower, type EventStream } from './follower.ts';
import { createIdentities, type Identities } from './identities.ts';
import type { Directory } from './lookup.ts';
import { createMessages, type Messages } from './messages.ts';
import { createNodeWatch } from './node-watch.ts';
import { createPresence, type Presence } from './presence.ts';
import { createReceipts, type Receipts } from './receipts.ts';
import { createRetention } from './retention.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { createSignals, type Signals } from './signals.ts';
import { createSpaces, type Spaces } from './spaces.ts';
import { createSyntheticForms } from './synthetic-ids.ts';
import { createChange } from './unit-of-work.ts';
import { createUsers, type Users } from './users.ts';

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

export function createCore(ports: CorePorts): Core {
  const directory = createDirectory(ports);
  const follower = createFollower({ ...ports, directory });
  const context: CoreContext = { ...ports, change: createChange(ports.store), directory };
  const consumers = createConsumers(context, follower);
  const nodes = createNodeWatch(ports);
  const retention = createRetention(ports);
  const deadlines = createDeadlines(context);
  const forms = createSyntheticForms(ports.log, { subject: 'identity', fieldOf: () => 'externalId' });
  const files = createFiles(context);
  const conversations = createConversations(context, { deadlines });
  const presence = createPresence(context, follower);
  const calls = createCalls(context, { deadlines, isHere: presence.isHere });
  let stopSweeping = () => {};

  return {
    users: createUsers(context, { deadlines, forms }),
    identities: createIdentities(context, forms),
    sessions: createSessions(context),
    spaces: createSpaces(context),
    conversations,
    messages: createMessages(context, { isAttended: presence.isAttended, join: conversations.join }),
    receipts: createReceipts(context),
    presence,
    calls,
    files,
    signals: createSignals(context),
    directory,
    events: follower,
    consumers,
    async start() {
      await follower.start();
      await nodes.start();
      retention.start();
      await calls.startLooking();
      deadlines.start();
      presence.start();
      stopSweeping = sweepFiles(ports, files);
    },
    async close() {
      stopSweeping();
      await presence.close();
      await calls.close();
      await deadlines.close();
      await consumers.close();
      await retention.close();
      await ports.committer.close();
      await nodes.close();
      await follower.close();
    },
  };
}

/** Uploads that nobody finished are a matter of days: once an hour is often enough. */
function sweepFiles({ clock, log }: CorePorts, files: Files): () => void {
  return clock.every(3_600_000, () => {
    files.sweep().catch((error: unknown) => log('warn', 'sweeping files failed', { reason: String(error) }));
  });
}
