/**
 * The world that a developer finds in an empty store: four people and what they share, so that every wire has something to show. Never
 * made in production, where everybody would know the passwords.
 */
import { setTimeout as delay } from 'node:timers/promises';
import {
  adminActor,
  type Core,
  isDomainError,
  type Log,
  type SpaceId,
  type User,
  type UserId,
} from '@switchboard/core';

export const DEMO_PEOPLE = ['alice', 'bob', 'carol', 'dave'] as const;
export type DemoPerson = (typeof DEMO_PEOPLE)[number];

const PASSWORD = 'demo';
const NAMESPACE = 'demo';
const ATTEMPTS = 50;

/**
 * Does nothing unless the store is empty, or an earlier run was interrupted in the middle: then it goes on where that one stopped. Where
 * two gateways start on one store, each finds what the other has made.
 */
export async function createDemoWorld(core: Core, log: Log): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await createWhatIsMissing(core, log);
    } catch (error) {
      const isElsewhere = isDomainError(error) && (error.code === 'already_exists' || error.code === 'conflict');
      if (!isElsewhere || attempt === ATTEMPTS) throw error;
      await delay(100);
    }
  }
}

async function createWhatIsMissing(core: Core, log: Log): Promise<void> {
  const [first] = await core.users.list(adminActor(), { limit: 1 });
  if (first && first.identities.signalr !== DEMO_PEOPLE[0]) return;
  const workspace = await core.spaces.findByName('workspace', 'demo');
  // Written last: with it the world is complete.
  if (workspace?.settings[NAMESPACE]) return;

  const people = await createPeople(core);
  const id = (name: DemoPerson): UserId => (people.get(name) as User).id;
  const everybody = DEMO_PEOPLE.map(id);
  const spaceId = await createWorkspace(core, id);
  await createConversations(core, spaceId, everybody);
  await core.conversations.create(adminActor(), {
    kind: 'direct',
    participants: [{ userId: id('alice') }, { userId: id('bob') }],
  });
  await createQueue(core, id);
  await core.spaces.update(adminActor(), spaceId, { settings: { [NAMESPACE]: true } });
  log('info', 'the store was empty: made the demo world of alice, bob, carol and dave');
}

/** One after the other, so that their ids are 1 to 4. */
async function createPeople(core: Core): Promise<ReadonlyMap<DemoPerson, User>> {
  const people = new Map<DemoPerson, User>();
  for (const [index, name] of DEMO_PEOPLE.entries()) {
    const number = String(index + 1);
    const email = `${name}@demo.local`;
    const known = await core.identities.resolve('signalr', name);
    const user =
      known ??
      (await core.users.create(adminActor(), {
        displayName: name.charAt(0).toUpperCase() + name.slice(1),
        identities: [
          { namespace: 'signalr', externalId: name },
          { namespace: 'event', externalId: number },
          { namespace: 'netalo', externalId: number },
          ...(name === 'carol' ? [{ namespace: 'iqchannels', externalId: name }] : []),
        ],
      }));
    if (!(await core.users.findAccount(user.id))) {
      await core.users.setAccount(adminActor(), user.id, { email, password: PASSWORD, verified: true });
    }
    people.set(name, user);
  }
  return people;
}

async function createWorkspace(core: Core, id: (name: DemoPerson) => UserId): Promise<SpaceId> {
  const known = await core.spaces.findByName('workspace', 'demo');
  if (known) return known.id;
  const { space } = await core.spaces.create(adminActor(), {
    kind: 'workspace',
    name: 'demo',
    title: 'Demo',
    members: DEMO_PEOPLE.map((name) => ({ userId: id(name), role: name === 'alice' ? 'admin' : 'user' })),
  });
  return space.id;
}

/** In the workspace, so that every wire shows them. None has an id of its own on any wire. */
async function createConversations(core: Core, spaceId: SpaceId, everybody: readonly UserId[]): Promise<void> {
  const participants = everybody.map((userId) => ({ userId }));
  const wanted = [
    { key: 'lobby', kind: 'group', title: 'Lobby' },
    { key: 'general', kind: 'channel', title: 'general' },
    { key: 'standup', kind: 'channel', title: 'standup' },
  ] as const;
  for (const { key, kind, title } of wanted) {
    if (await core.conversations.findByExternalId(NAMESPACE, key)) continue;
    const visibility = kind === 'channel' ? 'public' : 'private';
    const externalIds = { [NAMESPACE]: key };
    await core.conversations.create(adminActor(), { kind, title, spaceId, visibility, participants, externalIds });
  }
}

async function createQueue(core: Core, id: (name: DemoPerson) => UserId): Promise<void> {
  const known = await core.spaces.findByName('queue', 'support');
  const queue =
    known ??
    (
      await core.spaces.create(adminActor(), {
        kind: 'queue',
        name: 'support',
        title: 'Support',
        members: [{ userId: id('dave'), role: 'admin' }],
      })
    ).space;
  const customerId = id('carol');
  if (await core.conversations.findByExternalId(NAMESPACE, 'support')) return;
  await core.conversations.create(adminActor(), {
    kind: 'support',
    spaceId: queue.id,
    customerId,
    participants: [{ userId: customerId, side: 'customer' }],
    externalIds: { [NAMESPACE]: 'support' },
  });
}
