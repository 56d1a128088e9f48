/** Spaces and who belongs to them, as this node knows them. */
import type { LogEvent } from '../events.ts';
import type { LogPosition, SpaceId, UserId } from '../ids.ts';
import type { SpaceView } from '../lookup.ts';
import type { Space, SpaceMember } from '../model/space.ts';
import type { SpaceStore } from '../ports/space-store.ts';
import { createLoadBatch } from './load-batch.ts';
import type { Mutable } from './mutable.ts';
import type { Recorder } from './recorder.ts';

interface CachedSpace extends SpaceView {
  space: Space;
  readonly members: Map<UserId, SpaceMember>;
  readonly asOf: LogPosition;
}

export interface SpaceCache {
  get(id: SpaceId): SpaceView | undefined;
  has(id: SpaceId): boolean;
  ensure(ids: Iterable<SpaceId>): Promise<void>;
  apply(event: LogEvent): void;
  views(): Iterable<SpaceView>;
  readonly size: number;
  keepOnly(inUse: ReadonlySet<SpaceId>): void;
  clear(): void;
}

export interface SpaceCacheOptions {
  readonly store: Pick<SpaceStore, 'loadSpaces'>;
  readonly recorder: Recorder;
  readonly position: () => LogPosition;
}

export function createSpaceCache({ store, recorder, position }: SpaceCacheOptions): SpaceCache {
  /** Null: there is no such space. */
  const spaces = new Map<SpaceId, Mutable<CachedSpace> | null>();
  let epoch = 0;

  const load = createLoadBatch<SpaceId>((ids) =>
    recorder.during(position(), async () => {
      const begun = epoch;
      const { head, spaces: found } = await store.loadSpaces(ids);
      if (begun !== epoch) return;
      for (const id of ids) spaces.set(id, null);
      for (const { space, members } of found) {
        const byUser = new Map(members.map((member) => [member.userId, member]));
        spaces.set(space.id, { space, members: byUser, asOf: head });
      }
      const loaded = new Set(ids);
      for (const event of recorder.since(head)) if (event.spaceId && loaded.has(event.spaceId)) apply(event);
    }),
  );

  function apply(event: LogEvent): void {
    const cached = event.spaceId === null ? null : spaces.get(event.spaceId);
    if (cached === undefined) return;
    if (event.type === 'space.created') {
      // Looked for before it was made.
      if (cached === null) {
        const members = new Map(event.members.map((member) => [member.userId, member]));
        spaces.set(event.space.id, { space: event.space, members, asOf: event.position });
      }
      return;
    }
    if (cached === null || event.position <= cached.asOf) return;
    switch (event.type) {
      case 'space.updated':
        cached.space = event.space;
        return;
      case 'space.deleted':
        cached.space = { ...cached.space, deletedAt: event.at, changedPosition: event.position };
        cached.members.clear();
        return;
      case 'space.member_joined':
      case 'space.member_changed':
        cached.space = event.space;
        cached.members.set(event.member.userId, event.member);
        return;
      case 'space.member_left':
        cached.space = { ...cached.space, changedPosition: event.position };
        cached.members.delete(event.userId);
        return;
      default:
    }
  }

  return {
    get: (id) => spaces.get(id) ?? undefined,
    has: (id) => spaces.has(id),
    async ensure(ids) {
      const missing: SpaceId[] = [];
      for (const id of ids) if (!spaces.has(id)) missing.push(id);
      if (missing.length > 0) await load(missing);
    },
    apply,
    *views() {
      for (const cached of spaces.values()) if (cached) yield cached;
    },
    get size() {
      return spaces.size;
    },
    keepOnly(inUse) {
      for (const id of spaces.keys()) if (!inUse.has(id)) spaces.delete(id);
    },
    clear() {
      epoch += 1;
      spaces.clear();
    },
  };
}
