/** Making, changing and removing spaces. Everybody may make a workspace, the administration alone queues. */
import type { Actor } from '../actor.ts';
import type { CoreContext } from '../context.ts';
import { removeAll, requireUsers } from '../conversations/people.ts';
import { DomainError } from '../errors.ts';
import { checkedJson, checkedKey, checkedText } from '../field-checks.ts';
import type { UserId } from '../ids.ts';
import type { Space, SpaceKind, SpaceRole } from '../model/space.ts';
import type { Tx } from '../ports/store.ts';
import { isAdministration } from '../rights.ts';
import type { CreateSpace, Spaces } from '../spaces.ts';
import { tellSpaceCreated, tellSpaceDeleted, tellSpaceUpdated } from './entries.ts';
import { forbiddenSpace, requireRole, requireRoleOf, spaceAccess } from './rights.ts';

type Life = Pick<Spaces, 'create' | 'ensure' | 'update' | 'remove'>;
type SpaceFields = Parameters<Spaces['update']>[2];

export function createSpaceLife({ change, ids, store }: CoreContext): Life {
  async function createIn(tx: Tx, actor: Actor, command: CreateSpace & { name: string }) {
    await requireFreeName(tx, command);
    const people = peopleOf(actor, command);
    await requireUsers(
      tx,
      people.map(({ userId }) => userId),
    );
    const { kind, name, title = '', description = '', avatar = null, settings = {}, externalIds = {} } = command;
    const values = { kind, name, title, description, avatar, settings, createdBy: actor.userId };
    const made = await tx.spaces.insert(values);
    await tx.spaces.setExternalIds(made.id, externalIds);
    const space = { ...made, externalIds };
    for (const { role } of people) requireRoleOf(space, role);
    const members = (await tx.spaces.setMembers(space.id, people, 'one')).map(({ member }) => member);
    tellSpaceCreated(tx, space, members);
    return { space, members };
  }

  return {
    async create(actor, command) {
      if (command.kind === 'queue' && !isAdministration(actor)) throw forbiddenSpace('administration');
      const sound = { ...checkedSpace(command), name: command.name ?? `${command.kind}-${ids.uuid()}` };
      return change(actor, (tx) => createIn(tx, actor, sound));
    },

    async ensure(actor, { kind, name, title }) {
      const known = await store.spaces.findByName(kind, name);
      if (known) return known;
      const command = checkedSpace({ kind, name, title });
      return change(actor, async (tx) => {
        const made = await tx.spaces.findByName(kind, name);
        return made ?? (await createIn(tx, actor, { ...command, name })).space;
      });
    },

    async update(actor, id, fields) {
      const sound = checkedSpace(fields);
      return change(actor, async (tx) => {
        const access = await spaceAccess(tx, actor, id);
        requireRole(actor, access, access.space.kind === 'workspace' ? ['admin', 'moderator'] : ['admin']);
        const changed = changedFields(access.space, sound);
        if (changed.length === 0) return access.space;
        if (sound.name !== undefined && changed.includes('name')) {
          await requireFreeName(tx, { kind: access.space.kind, name: sound.name });
        }
        const { externalIds, ...columns } = sound;
        if (externalIds) await tx.spaces.setExternalIds(id, externalIds);
        const position = { updatedAt: tx.at, changedPosition: tx.nextPosition };
        const space = await tx.spaces.update(id, { ...columns, ...position });
        tellSpaceUpdated(tx, space, changed);
        return space;
      });
    },

    async remove(actor, id) {
      await change(actor, async (tx) => {
        const access = await spaceAccess(tx, actor, id);
        requireRole(actor, access, ['admin']);
        const members = await tx.spaces.members(id);
        await removeAll(tx, await tx.conversations.idsOfSpace(id));
        const space = await tx.spaces.remove(id);
        tellSpaceDeleted(
          tx,
          space,
          members.map(({ userId }) => userId),
        );
      });
    },
  };
}

/** Each once; whoever makes a workspace is an admin of it. */
function peopleOf(actor: Actor, { kind, members = [] }: CreateSpace): readonly { userId: UserId; role: SpaceRole }[] {
  const byUser = new Map<UserId, { userId: UserId; role: SpaceRole }>();
  if (actor.userId !== null && kind === 'workspace') byUser.set(actor.userId, { userId: actor.userId, role: 'admin' });
  for (const member of members) if (!byUser.has(member.userId)) byUser.set(member.userId, member);
  return [...byUser.values()];
}

async function requireFreeName(tx: Tx, { kind, name }: { readonly kind: SpaceKind; readonly name: string }) {
  const holder = await tx.spaces.findByName(kind, name);
  if (!holder) return;
  throw new DomainError('already_exists', `There is a ${kind} of this name`, {
    subject: 'space',
    field: 'name',
    id: holder.id,
  });
}

function checkedSpace<T extends Partial<CreateSpace> | SpaceFields>(fields: T): T {
  const text = (field: 'title' | 'description' | 'avatar', maxLength: number) => {
    const value = fields[field];
    return typeof value === 'string' ? { [field]: checkedText(value, { subject: 'space', field, maxLength }) } : {};
  };
  const { name, settings, externalIds } = fields;
  if (name !== undefined) checkedKey(name, { subject: 'space', field: 'name', maxLength: 200 });
  for (const [field, value] of Object.entries(externalIds ?? {})) {
    if (value !== null) checkedKey(value, { subject: 'space', field, maxLength: 512 });
  }
  return {
    ...fields,
    ...text('title', 1_000),
    ...text('description', 10_000),
    ...text('avatar', 4_096),
    ...(settings && { settings: checkedJson(settings, { subject: 'space', field: 'settings', maxBytes: 64 * 1024 }) }),
  };
}

function changedFields(before: Space, fields: SpaceFields): readonly string[] {
  const plain = ['name', 'title', 'description', 'avatar'] as const;
  const changed: string[] = plain.filter((field) => fields[field] !== undefined && fields[field] !== before[field]);
  const { settings = {}, externalIds = {} } = fields;
  const differs = (key: string) => JSON.stringify(settings[key]) !== JSON.stringify(before.settings[key]);
  if (Object.keys(settings).some(differs)) changed.push('settings');
  if (Object.entries(externalIds).some(([namespace, id]) => (before.externalIds[namespace] ?? null) !== id)) {
    changed.push('externalIds');
  }
  return changed;
}
