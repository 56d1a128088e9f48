/** People as this node knows them: names for views and projections. Knows nothing of what they belong to. */
import type { LogEvent } from '../events.ts';
import type { LogPosition, UserId } from '../ids.ts';
import type { User } from '../model/user.ts';
import type { UserStore } from '../ports/user-store.ts';
import { createLoadBatch } from './load-batch.ts';
import type { Recorder } from './recorder.ts';

export interface People {
  get(id: UserId): User | undefined;
  /** Known, or known not to exist. */
  has(id: UserId): boolean;
  ensure(ids: Iterable<UserId>): Promise<void>;
  apply(event: LogEvent): void;
  readonly size: number;
  /** Forgets everybody who is not in use. */
  keepOnly(inUse: ReadonlySet<UserId>): void;
  clear(): void;
}

export interface PeopleOptions {
  readonly store: Pick<UserStore, 'findMany'>;
  readonly recorder: Recorder;
  readonly position: () => LogPosition;
}

export function createPeople({ store, recorder, position }: PeopleOptions): People {
  /** Null: there is no such user. */
  const users = new Map<UserId, User | null>();
  let epoch = 0;

  const load = createLoadBatch<UserId>((ids) =>
    recorder.during(position(), async () => {
      const begun = epoch;
      const from = position();
      const found = await store.findMany(ids);
      if (begun !== epoch) return;
      for (const id of ids) users.set(id, null);
      for (const user of found) users.set(user.id, user);
      // What was told meanwhile may be older than what was read; it ends at the newest either way.
      for (const event of recorder.since(from)) apply(event);
    }),
  );

  function apply(event: LogEvent): void {
    if (event.type === 'user.created' || event.type === 'user.updated') {
      if (users.has(event.user.id)) users.set(event.user.id, event.user);
    } else if (event.type === 'user.deleted') {
      const user = users.get(event.userId);
      if (user) users.set(event.userId, toErased(user, event.at));
    }
  }

  return {
    get: (id) => users.get(id) ?? undefined,
    has: (id) => users.has(id),
    async ensure(ids) {
      const missing: UserId[] = [];
      for (const id of ids) if (!users.has(id)) missing.push(id);
      if (missing.length > 0) await load(missing);
    },
    apply,
    get size() {
      return users.size;
    },
    keepOnly(inUse) {
      for (const id of users.keys()) if (!inUse.has(id)) users.delete(id);
    },
    clear() {
      epoch += 1;
      users.clear();
    },
  };
}

/** What is left of a user: the ids, by which wires may still say who has gone. */
function toErased(user: User, at: number): User {
  return {
    ...user,
    displayName: '',
    avatar: null,
    language: null,
    timeZone: null,
    statusText: '',
    attributes: {},
    account: null,
    updatedAt: at,
    deletedAt: at,
  };
}
