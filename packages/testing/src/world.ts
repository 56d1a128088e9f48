/**
 * The people whom every test knows, and where they talk: alice, bob, carol and dave in a group, a direct conversation, a workspace and a
 * queue, on a core of their own. Knows no wire: outside identities are the caller's.
 */
import {
  adminActor,
  type Conversation,
  type Namespace,
  type Space,
  type User,
  type UserActor,
} from '@switchboard/core';
import { createTestCore, type TestCore, type TestCoreOptions } from './core.ts';

export const PEOPLE = ['alice', 'bob', 'carol', 'dave'] as const;
export type Person = (typeof PEOPLE)[number];

export interface World {
  readonly test: TestCore;
  readonly core: TestCore['core'];
  readonly people: Readonly<Record<Person, User>>;
  /** Workspace of all four; dave is its admin. */
  readonly workspace: Space;
  /** Queue with dave on staff. */
  readonly queue: Space;
  /** Group of all four in the workspace. */
  readonly lobby: Conversation;
  /** Of alice and bob. */
  readonly direct: Conversation;
  actor(person: Person, fields?: Partial<UserActor>): UserActor;
  close(): Promise<void>;
}

export interface WorldOptions extends TestCoreOptions {
  /** What people are called on the wires under test: `index` counts from 1. */
  readonly identities?: (
    person: Person,
    index: number,
  ) => readonly { readonly namespace: Namespace; readonly externalId: string }[];
}

export async function createWorld(options: WorldOptions = {}): Promise<World> {
  const test = await createTestCore(options);
  const { core } = test;
  const admin = adminActor();
  const users: User[] = [];
  for (const [at, person] of PEOPLE.entries()) {
    const identities = options.identities?.(person, at + 1) ?? [];
    const displayName = person[0]?.toUpperCase() + person.slice(1);
    users.push(await core.users.create(admin, { displayName, identities }));
  }
  const people = Object.fromEntries(PEOPLE.map((person, at) => [person, users[at]])) as Record<Person, User>;
  const { space: workspace } = await core.spaces.create(admin, {
    kind: 'workspace',
    name: 'demo',
    title: 'Demo',
    members: users.map((user) => ({ userId: user.id, role: user === people.dave ? 'admin' : 'user' })),
  });
  const { space: queue } = await core.spaces.create(admin, {
    kind: 'queue',
    name: 'support',
    title: 'Support',
    members: [{ userId: people.dave.id, role: 'staff' }],
  });
  const { conversation: lobby } = await core.conversations.create(admin, {
    kind: 'group',
    title: 'Lobby',
    spaceId: workspace.id,
    participants: users.map((user) => ({ userId: user.id })),
  });
  const { conversation: direct } = await core.conversations.direct(test.actor(people.alice), people.bob.id);
  await test.settled();

  return {
    test,
    core,
    people,
    workspace,
    queue,
    lobby,
    direct,
    actor: (person, fields) => test.actor(people[person], fields),
    close: () => test.close(),
  };
}
