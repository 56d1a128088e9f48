/** The suite that every protocol is asked. */
import { createSignalrAdapter } from '@switchboard/protocol-signalr';
import { describeProtocolContract } from '@switchboard/testing';
import { signalrDriver } from './support/contract-driver.ts';

describeProtocolContract({ driver: signalrDriver, createAdapter: () => createSignalrAdapter() });
