/**
 * Once per test run: the PostgreSQL that all its tests share, and the migrated template they copy. Workers find both in
 * the environment. TEST_DATABASE_URL names a server to use instead, as a user who may create databases.
 */
import { createTemplate, SERVER_VARIABLE, TEMPLATE_VARIABLE } from './database.ts';
import { runAlone } from './scratch-database.ts';
import { startTestServer } from './server.ts';

/** Answers how to stop it all. Databases that tests have left behind go with an embedded server, not with another. */
export async function globalSetup(): Promise<() => Promise<void>> {
  const server = await borrowServer();
  try {
    const template = await createTemplate(server.adminConnectionString);
    process.env[SERVER_VARIABLE] = server.adminConnectionString;
    process.env[TEMPLATE_VARIABLE] = template;
    return async () => {
      await runAlone(server.adminConnectionString, `DROP DATABASE IF EXISTS ${template} WITH (FORCE)`);
      await server.close();
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}

export interface BorrowedServer {
  adminConnectionString: string;
  close(): Promise<void>;
}

/** The server at TEST_DATABASE_URL, which is not ours to stop, or a fresh one. */
export async function borrowServer(): Promise<BorrowedServer> {
  const external = process.env.TEST_DATABASE_URL;
  return external ? { adminConnectionString: external, close: async () => undefined } : startTestServer();
}
