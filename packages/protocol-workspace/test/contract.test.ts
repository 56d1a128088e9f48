import { describeProtocolContract } from '@switchboard/testing';
import { createWorkspaceAdapter } from '../src/index.ts';
import { createWorkspaceDriver } from '../testing/contract-driver.ts';

describeProtocolContract({
  driver: createWorkspaceDriver(),
  createAdapter: () => createWorkspaceAdapter(),
});
