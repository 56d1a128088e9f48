/** A plain reference as a target: a server of ours on a database of its own, whose readers and senders are all alike. */
import { createTestDatabase, type TestDatabase } from '@switchboard/persistence/testing';
import type { PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { type NodeServer, startNodeServer } from './node-server.ts';

export interface PlainServer {
  readonly name: string;
  /** Built; takes `--relay` when nothing is to be stored. */
  readonly script: string;
  readonly reader: PlanLine;
  readonly sender: PlanLine;
  readonly idle: PlanLine;
}

export function createPlainTarget(plain: PlainServer, { postgres, pins }: TargetContext): Target {
  let database: TestDatabase | null = null;
  let server: NodeServer | null = null;

  function running(): NodeServer {
    if (!server) throw new Error('the reference has not been started');
    return server;
  }

  return {
    name: plain.name,
    get port() {
      return running().port;
    },
    async start({ stores }) {
      database = await createTestDatabase(postgres);
      server = await startNodeServer({
        prefix: pins.server,
        script: plain.script,
        args: stores ? [] : ['--relay'],
        env: { DATABASE_URL: database.connectionString },
      });
    },
    planReaders: async (count) => Array<PlanLine>(count).fill(plain.reader),
    planSenders: async (count) => Array<PlanLine>(count).fill(plain.sender),
    planIdle: async (count) => Array<PlanLine>(count).fill(plain.idle),
    usage: () => running().usage(),
    memory: () => running().memory(),
    beginProfile: () => running().beginProfile(),
    endProfile: (file) => running().endProfile(file),
    lastWords: () => running().lastWords(),
    async stop() {
      await server?.stop();
      await database?.drop();
      server = null;
      database = null;
    },
  };
}
