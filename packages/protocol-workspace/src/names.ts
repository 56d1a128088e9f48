/**
 * Ids on this wire: UUIDs of users, workspaces and channels, each thing's own or computed from the core's id; and back. Decides nothing
 * about who may know what. Wire: PROTOCOL.md, "Ids".
 */
import { randomUUID } from 'node:crypto';
import {
  type Conversation,
  type ConversationId,
  type Core,
  DomainError,
  MAX_SEQUENCE_ID,
  type Namespace,
  type Space,
  type SpaceId,
  type SyntheticIds,
  type User,
} from '@switchboard/core';
import { refusal } from './errors.ts';

/** What stands behind the version digit of a computed id. */
const TYPE = { user: '1', workspace: '2', channel: '3' } as const;

function computed(type: keyof typeof TYPE): SyntheticIds {
  const head = `00000000-0000-8${TYPE[type]}00-8000-`;
  return {
    toExternal: (coreId) => head + coreId.toString(16).padStart(12, '0'),
    toCore(externalId) {
      if (!externalId.startsWith(head) || !/^[0-9a-f]{12}$/.test(externalId.slice(head.length))) return null;
      const coreId = Number.parseInt(externalId.slice(head.length), 16);
      return coreId >= 1 && coreId <= MAX_SEQUENCE_ID ? coreId : null;
    },
  };
}

export const computedUserIds = computed('user');
const computedWorkspaceIds = computed('workspace');
const computedChannelIds = computed('channel');

export interface Names {
  user(user: Pick<User, 'id' | 'identities'>): string;
  workspace(space: Pick<Space, 'id' | 'externalIds'>): string;
  channel(conversation: Pick<Conversation, 'id' | 'externalIds'>): string;
  /** For what is made here. */
  fresh(): string;
  findUser(id: string): Promise<User | null>;
  findWorkspace(id: string): Promise<Space | null>;
  /** A live conversation of a workspace, with that. */
  findChannel(id: string): Promise<{ readonly channel: Conversation; readonly space: Space } | null>;
  /** As `find…`; 404 `Not found` when there is none. */
  requireWorkspace(id: string): Promise<Space>;
  requireChannel(id: string): Promise<{ readonly channel: Conversation; readonly space: Space }>;
}

export function createNames(core: Core, namespace: Namespace): Names {
  const workspace: Names['workspace'] = ({ id, externalIds }) =>
    externalIds[namespace] ?? computedWorkspaceIds.toExternal(id);
  const channel: Names['channel'] = ({ id, externalIds }) =>
    externalIds[namespace] ?? computedChannelIds.toExternal(id);

  async function findWorkspace(id: string): Promise<Space | null> {
    const coreId = computedWorkspaceIds.toCore(id);
    const space =
      coreId === null ? await core.spaces.findByExternalId(namespace, id) : await core.spaces.find(coreId as SpaceId);
    return space?.kind === 'workspace' && workspace(space) === id ? space : null;
  }

  async function findChannel(id: string) {
    const coreId = computedChannelIds.toCore(id);
    const found =
      coreId === null
        ? await core.conversations.findByExternalId(namespace, id)
        : await core.conversations.find(coreId as ConversationId);
    if (!found || found.spaceId === null || channel(found) !== id) return null;
    const space = await core.spaces.find(found.spaceId);
    return space?.kind === 'workspace' ? { channel: found, space } : null;
  }

  return {
    user: ({ id, identities }) => identities[namespace] ?? computedUserIds.toExternal(id),
    workspace,
    channel,
    fresh: () => randomUUID(),
    findUser: (id) => core.identities.resolve(namespace, id),
    findWorkspace,
    findChannel,
    async requireWorkspace(id) {
      const space = await findWorkspace(id);
      if (!space) throw refusal('notFound');
      return space;
    },
    async requireChannel(id) {
      const found = await findChannel(id);
      if (!found) throw new DomainError('not_found', 'no such channel', { subject: 'conversation' });
      return found;
    },
  };
}
