import type { UserId } from '@switchboard/core';
import { describeProtocolContract, type World } from '@switchboard/testing';
import { createNetaloAdapter } from '../src/index.ts';
import { createNetaloDriver } from '../testing/contract-driver.ts';

let world: World;

function userOf(uin: string): UserId {
  const user = Object.values(world.people).find(({ identities }) => identities.netalo === uin);
  if (!user) throw new Error(`nobody has the uin ${uin}`);
  return user.id;
}

describeProtocolContract({
  driver: createNetaloDriver(userOf),
  createAdapter: (made) => {
    world = made;
    return createNetaloAdapter();
  },
  world: { identities: (_person, index) => [{ namespace: 'netalo', externalId: String(index) }] },
});
