/** What every target is given. */
import type { TestServer } from '@switchboard/persistence/testing';
import type { Pins } from '../machine.ts';

export interface TargetContext {
  readonly postgres: TestServer;
  readonly pins: Pins;
}
