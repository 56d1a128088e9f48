/**
 * What objects of this wire need besides the lookup: presence, files, messages that others refer to, totals of channels and inboxes,
 * e-mail addresses. Kept in bounded memory, exact by the log's events; whoever misses something asks for it to be loaded and tries again.
 * Judges no rights.
 */
import {
  type Clock,
  type ConversationId,
  type Core,
  type DomainEvent,
  type FileId,
  type LogEvent,
  type Message,
  type MessageId,
  type SpaceId,
  type StoredFile,
  systemActor,
  type UnixMs,
  type UserId,
} from '@switchboard/core';
import { createMemory, type Memory } from './facts/memory.ts';

type Core$ = Core['conversations'];
export type Totals = Awaited<ReturnType<Core$['totalsOf']>>;
export type Work = Awaited<ReturnType<Core$['workOf']>>;

export interface Presence {
  readonly online: boolean;
  readonly lastSeenAt: UnixMs | null;
}

/** What was missing while something was built. Keys of totals and work are made by `totalsKey` and `workKey`. */
export interface Needs {
  readonly users: Set<UserId>;
  readonly conversations: Set<ConversationId>;
  readonly spaces: Set<SpaceId>;
  readonly presence: Set<UserId>;
  readonly messages: Set<MessageId>;
  readonly files: Set<FileId>;
  readonly emails: Set<UserId>;
  readonly totals: Set<string>;
  readonly work: Set<string>;
}

/** `undefined`: not loaded; `null`: there is none. */
export interface Facts {
  presence(id: UserId): Presence | undefined;
  message(id: MessageId): Message | null | undefined;
  file(id: FileId): StoredFile | null | undefined;
  email(id: UserId): string | undefined;
  totals(key: string): Totals | undefined;
  work(key: string): Work | undefined;
  /** Puts messages in that were read anyway. */
  learn(messages: readonly Message[]): void;
  load(needs: Needs): Promise<void>;
  close(): void;
}

export function noNeeds(): Needs {
  return {
    users: new Set(),
    conversations: new Set(),
    spaces: new Set(),
    presence: new Set(),
    messages: new Set(),
    files: new Set(),
    emails: new Set(),
    totals: new Set(),
    work: new Set(),
  };
}

export function isNothing(needs: Needs): boolean {
  return Object.values(needs).every((set: Set<unknown>) => set.size === 0);
}

/** Of all in a queue, or of those in a workspace in which the user takes part. */
export function totalsKey(spaceId: SpaceId, participantId: UserId | null): string {
  return `${spaceId}:${participantId ?? ''}`;
}

/** Everywhere, or in these queues alone. */
export function workKey(userId: UserId, spaceIds: ReadonlySet<SpaceId> | null): string {
  return `${userId}:${spaceIds ? [...spaceIds].join(',') : '*'}`;
}

/** Sessions of presence that were lost with a node are noticed this late at most. */
const PRESENCE_MS = 60_000;

export function createFacts(core: Core, clock: Clock): Facts {
  const presence = createMemory<UserId, Presence & { readonly at: UnixMs }>();
  const messages = createMemory<MessageId, Message | null>();
  const files = createMemory<FileId, StoredFile | null>();
  const emails = createMemory<UserId, string>();
  const totals = createMemory<string, Totals>();
  const work = createMemory<string, Work>();
  const all: readonly Memory<never, unknown>[] = [presence, messages, files, emails, totals, work] as never;

  function forgetTotals(spaceId: SpaceId | null): void {
    if (spaceId === null) return;
    for (const key of [...totals.keys()]) if (key.startsWith(`${spaceId}:`)) totals.drop(key);
    totals.dropLoading((key) => key.startsWith(`${spaceId}:`));
  }

  function forgetWork(userId: UserId | null): void {
    if (userId === null) return;
    for (const key of [...work.keys()]) if (key.startsWith(`${userId}:`)) work.drop(key);
    work.dropLoading((key) => key.startsWith(`${userId}:`));
  }

  /** A channel shows its newest change. */
  function moveTotals(event: LogEvent): void {
    if (event.spaceId === null) return;
    for (const [key, known] of totals.entries()) {
      if (key.startsWith(`${event.spaceId}:`) && known.changedPosition < event.position) {
        totals.put(key, { ...known, changedPosition: event.position });
      }
    }
  }

  function learnOne(message: Message): void {
    messages.change(message.id, (known) =>
      known && known.changedPosition > message.changedPosition ? known : message,
    );
  }

  function apply(event: DomainEvent): void {
    switch (event.type) {
      case 'presence.changed':
        presence.change(event.userId, () => ({
          online: event.status !== 'offline',
          lastSeenAt: event.lastSeenAt,
          at: clock.now(),
        }));
        return;
      case 'message.sent':
      case 'message.deleted':
        moveTotals(event);
        learnOne(event.message);
        return;
      case 'message.edited':
      case 'message.updated':
        learnOne(event.message);
        return;
      case 'receipts.advanced':
        if (!event.first) return;
        learnOne(event.first.message);
        if (event.first.kind === 'read') moveTotals(event);
        return;
      case 'file.updated':
        files.drop(event.fileId);
        return;
      case 'user.updated':
        emails.drop(event.user.id);
        return;
      case 'user.deleted':
        for (const memory of all) memory.clear();
        return;
      case 'conversation.created':
      case 'conversation.deleted':
        forgetTotals(event.spaceId);
        if (event.type === 'conversation.deleted') work.clear();
        return;
      case 'conversation.opened':
        forgetTotals(event.spaceId);
        return;
      case 'conversation.closed':
        forgetTotals(event.spaceId);
        for (const userId of event.presentIds) forgetWork(userId);
        forgetWork(event.actorId);
        return;
      case 'conversation.assigned':
        moveTotals(event);
        forgetWork(event.assigneeId);
        forgetWork(event.previousId);
        return;
      case 'conversation.unassigned':
        moveTotals(event);
        forgetWork(event.previousId);
        return;
      case 'participant.joined':
      case 'participant.left':
        forgetTotals(event.spaceId);
        forgetWork(event.participant.userId);
        return;
      default:
    }
  }

  const unsubscribe = core.events.subscribe({
    onEvents(batch) {
      for (const { event } of batch) apply(event);
    },
    onReset() {
      for (const memory of all) memory.clear();
    },
  });

  async function loadPresence(ids: readonly UserId[]): Promise<ReadonlyMap<UserId, Presence & { at: UnixMs }>> {
    const [statuses] = await Promise.all([core.presence.statuses(ids), core.directory.ensureUsers(ids)]);
    return new Map(
      ids.map((id) => {
        const online = (statuses.get(id) ?? 'offline') !== 'offline';
        return [id, { online, lastSeenAt: core.directory.user(id)?.lastSeenAt ?? null, at: clock.now() }];
      }),
    );
  }

  async function loadMessages(ids: readonly MessageId[]): Promise<ReadonlyMap<MessageId, Message | null>> {
    const found = new Map<MessageId, Message | null>(ids.map((id) => [id, null]));
    for (const message of await core.messages.find(systemActor(), ids)) found.set(message.id, message);
    return found;
  }

  async function loadFiles(ids: readonly FileId[]): Promise<ReadonlyMap<FileId, StoredFile | null>> {
    const found = new Map<FileId, StoredFile | null>(ids.map((id) => [id, null]));
    for (const file of await core.files.findMany(ids)) found.set(file.id, file);
    return found;
  }

  function each<Key, Value>(one: (key: Key) => Promise<Value>) {
    return async (keys: readonly Key[]) =>
      new Map(await Promise.all(keys.map(async (key) => [key, await one(key)] as const)));
  }

  return {
    presence(id) {
      const known = presence.get(id);
      return known && clock.now() - known.at < PRESENCE_MS ? known : undefined;
    },
    message: messages.get,
    file: files.get,
    email: emails.get,
    totals: totals.get,
    work: work.get,
    learn(read) {
      for (const message of read) messages.put(message.id, newer(messages.get(message.id), message));
    },

    async load(needs) {
      await Promise.all([
        needs.users.size > 0 && core.directory.ensureUsers([...needs.users]),
        needs.conversations.size > 0 && core.directory.ensureConversations([...needs.conversations]),
        needs.spaces.size > 0 && core.directory.ensureSpaces([...needs.spaces]),
        presence.load(needs.presence, loadPresence),
        messages.load(needs.messages, loadMessages, (known, read) => newer(known, read)),
        files.load(needs.files, loadFiles),
        emails.load(
          needs.emails,
          each(async (id) => (await core.users.findAccount(id))?.email ?? ''),
        ),
        totals.load(
          needs.totals,
          each((key) => {
            const [spaceId, participantId] = key.split(':').map(Number) as [SpaceId, UserId];
            return core.conversations.totalsOf(spaceId, participantId > 0 ? participantId : undefined);
          }),
        ),
        work.load(
          needs.work,
          each((key) => {
            const [userId = '', spaceIds = '*'] = key.split(':');
            const named = spaceIds.split(',').filter(Boolean).map(Number) as SpaceId[];
            return core.conversations.workOf(Number(userId) as UserId, spaceIds === '*' ? undefined : named);
          }),
        ),
      ]);
    },

    close: unsubscribe,
  };
}

function newer(known: Message | null | undefined, read: Message | null): Message | null {
  if (!known || !read) return read;
  return known.changedPosition > read.changedPosition ? known : read;
}
