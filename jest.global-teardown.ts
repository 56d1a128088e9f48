// Runs once after the `service` tests: stops what jest.global-setup.ts started.
import { globalForTests } from './jest.global-setup.ts';

export default async function globalTeardown(): Promise<void> {
  await globalForTests.stopTestServices?.();
  globalForTests.stopTestServices = undefined;
}
