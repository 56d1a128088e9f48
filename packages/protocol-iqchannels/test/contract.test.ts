import { adminActor } from '@switchboard/core';
import { describeProtocolContract, type World } from '@switchboard/testing';
import { createIqchannelsAdapter } from '../src/index.ts';
import { createIqDriver } from '../testing/contract-driver.ts';

describeProtocolContract({
  driver: createIqDriver(),
  createAdapter: () => createIqchannelsAdapter({ failurePauseMs: 50, graceMs: 100 }),
  role: () => 'operator',
  // Conversations without a space have no channel to be shown in: the pair talks in the workspace.
  async prepare(world) {
    const { alice, bob } = world.people;
    const { conversation } = await world.core.conversations.create(adminActor(), {
      kind: 'group',
      spaceId: world.workspace.id,
      participants: [{ userId: alice.id }, { userId: bob.id }],
    });
    (world as { direct: World['direct'] }).direct = conversation;
    await world.test.settled();
  },
});
