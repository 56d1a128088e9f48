import { describeProtocolContract } from '@switchboard/testing';
import { createEventAdapter } from '../src/index.ts';
import { createEventDriver } from '../testing/contract-driver.ts';
import { SECRET } from './support/tokens.ts';

describeProtocolContract({
  driver: createEventDriver(),
  createAdapter: () => createEventAdapter({ secret: SECRET }),
  world: { identities: (_person, index) => [{ namespace: 'event', externalId: String(index) }] },
});
