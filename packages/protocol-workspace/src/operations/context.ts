/** What the rows of all nouns need, and the few look-ups they share. */
import {
  type Actor,
  type ConnectionId,
  type Conversation,
  type ConversationId,
  type Core,
  isDomainError,
  type Space,
  type SpaceMember,
  systemActor,
  type UnixMs,
  type User,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import type { Hub } from '@switchboard/protocol';
import { type RefusalName, refusal } from '../errors.ts';
import type { Names } from '../names.ts';
import type { WorkspaceOptions } from '../options.ts';
import type { Views } from '../views.ts';

export interface OperationsContext {
  readonly core: Core;
  readonly hub: Hub;
  readonly names: Names;
  readonly views: Views;
  readonly options: WorkspaceOptions;
  /** The host's clock. */
  readonly now: () => UnixMs;
}

export interface SocketPlace {
  readonly connectionId: ConnectionId;
  /** The workspace it is bound to. */
  readonly spaceId: number;
}

export interface Helpers {
  /** The gateway itself, as this wire: for what follows from a right that was judged here. */
  system(): Actor;
  /** The workspace and the caller's membership; refused as named when there is none. */
  membership(
    actor: UserActor,
    workspaceId: string,
    name: RefusalName,
  ): Promise<{ readonly space: Space; readonly member: SpaceMember }>;
  /** A channel of which the caller is a member; `accessDenied` otherwise, also for what does not exist. */
  ownChannel(actor: UserActor, channelId: string): Promise<{ readonly channel: Conversation; readonly space: Space }>;
  /** A bound socket of the caller, on whatever node it is. */
  socket(actor: UserActor, socketId: string): Promise<SocketPlace | null>;
  requireUser(id: string): Promise<User>;
  users(ids: readonly UserId[]): Promise<ReadonlyMap<UserId, User>>;
  /** Brings what views look at into the lookup. */
  ensure(what: { readonly spaces?: readonly Space[]; readonly channels?: readonly ConversationId[] }): Promise<void>;
}

export function createHelpers({ core, hub, names, options }: OperationsContext): Helpers {
  const { namespace } = options;
  return {
    system: () => ({ ...systemActor(), via: namespace, namespace }),

    async membership(actor, workspaceId, name) {
      const space = await names.findWorkspace(workspaceId);
      const member = space && (await core.spaces.membership(actor.userId, space.id));
      if (!space || !member) throw refusal(name);
      return { space, member };
    },

    async ownChannel(actor, channelId) {
      const found = await names.findChannel(channelId);
      if (!found || !(await core.conversations.participation(actor.userId, found.channel.id))) {
        throw refusal('accessDenied');
      }
      return found;
    },

    async socket({ userId }, socketId) {
      const connectionId = socketId as ConnectionId;
      const here = hub.get(connectionId);
      if (here) {
        const { spaceId } = here.session as { readonly spaceId?: number | null };
        const isOwn = here.viewer?.userId === userId && here.viewer.namespace === namespace;
        return isOwn && spaceId != null && here.closed === null ? { connectionId, spaceId } : null;
      }
      const records = await core.presence.connections({ namespace, userId });
      const record = records.find(({ id, endedAt }) => id === connectionId && endedAt === null);
      return record ? { connectionId, spaceId: Number(record.info.space) } : null;
    },

    async requireUser(id) {
      const user = await names.findUser(id);
      if (!user) throw refusal('notFound');
      return user;
    },

    async users(ids) {
      const users = await core.users.findMany([...new Set(ids)]);
      return new Map(users.map((user) => [user.id, user]));
    },

    async ensure({ spaces = [], channels = [] }) {
      await Promise.all([
        core.directory.ensureSpaces(spaces.map(({ id }) => id)),
        core.directory.ensureConversations(channels),
      ]);
    },
  };
}

/** Runs, and words core's refusals of these codes in this wire's way. */
export async function worded<T>(work: Promise<T>, words: Partial<Record<string, RefusalName>>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isDomainError(error)) throw error;
    const { code, details } = error;
    const name = words[`${code}:${details.reason}`] ?? words[`${code}:${details.subject}`] ?? words[code];
    throw name === undefined ? error : refusal(name);
  }
}
