/** The plain reference of event streams as a target. */
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@switchboard/persistence/testing';
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { toHttpSender } from './http-sender.ts';
import { type NodeServer, startNodeServer } from './node-server.ts';

const SCRIPT = fileURLToPath(new URL('../../dist/sse-reference-server.js', import.meta.url));

const READER: PlanLine = { kind: 'http', path: '/events', steps: [{ expect: ': ok' }] };
const SENDER = toHttpSender('/ready', { path: '/send', body: { sender: 'x', text: MESSAGE_TEXT }, ack: '"OK":true' });

export function createExpressTarget({ postgres, pins }: TargetContext): Target {
  let database: TestDatabase | null = null;
  let server: NodeServer | null = null;

  function running(): NodeServer {
    if (!server) throw new Error('the reference has not been started');
    return server;
  }

  return {
    name: 'express',
    get port() {
      return running().port;
    },
    async start({ stores }) {
      database = await createTestDatabase(postgres);
      server = await startNodeServer({
        prefix: pins.server,
        script: SCRIPT,
        args: stores ? [] : ['--relay'],
        env: { DATABASE_URL: database.connectionString },
      });
    },
    planReaders: async (count) => Array<PlanLine>(count).fill(READER),
    planSenders: async (count) => Array<PlanLine>(count).fill(SENDER),
    planIdle: async (count) => Array<PlanLine>(count).fill(READER),
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
