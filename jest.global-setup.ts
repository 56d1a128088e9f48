// Runs once before the `service` tests of jest.config.mjs: starts what packages/persistence offers them (one embedded
// PostgreSQL for the run). Workers inherit what it leaves in process.env.
// Node loads this file without the `source` condition: what it imports may take only types from other packages.
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

type Stop = () => Promise<void>;
interface SetupModule {
  readonly globalSetup: () => Promise<Stop | undefined>;
}

const setupFile = resolve(__dirname, 'packages/persistence/src/testing/global-setup.ts');

export default async function globalSetup(): Promise<void> {
  if (!existsSync(setupFile)) return;
  const { globalSetup: start } = (await import(setupFile)) as SetupModule;
  globalForTests.stopTestServices = await start();
}

/** Jest loads setup and teardown apart from each other; the process is all they share. */
export const globalForTests = globalThis as { stopTestServices?: Stop | undefined };
