/** The contract suite is itself tried on the smallest wire there is; with it kit, host, world and core together. */
import { describeProtocolContract } from '@switchboard/testing';
import { createToyAdapter } from './toy/adapter.ts';
import { toyDriver } from './toy/driver.ts';

describeProtocolContract({ driver: toyDriver, createAdapter: createToyAdapter });
