/** The plain reference as a target: socket.io's own protocol, written out for the load client. */
import { fileURLToPath } from 'node:url';
import { createTestDatabase, type TestDatabase } from '@switchboard/persistence/testing';
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { type NodeServer, startNodeServer } from './node-server.ts';

const SCRIPT = fileURLToPath(new URL('../../dist/reference-server.js', import.meta.url));
const ROOM = 'room';

const IDLE: PlanLine = {
  path: '/socket.io/?EIO=4&transport=websocket',
  steps: [{ expect: '0{' }, { send: '40', expect: '40{' }],
};

const READER: PlanLine = {
  ...IDLE,
  steps: [...(IDLE.steps ?? []), { send: `420${JSON.stringify(['join', ROOM])}`, expect: '430[' }],
};

const SENDER: PlanLine = {
  ...READER,
  sends: {
    frame: `421${JSON.stringify(['send', ROOM, MESSAGE_TEXT])}`,
    ack: '431[{"ok":true',
    hears: true,
    echoed: true,
  },
};

export function createReferenceTarget({ postgres, pins }: TargetContext): Target {
  let database: TestDatabase | null = null;
  let server: NodeServer | null = null;

  function running(): NodeServer {
    if (!server) throw new Error('the reference has not been started');
    return server;
  }

  return {
    name: 'reference',
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
    planIdle: async (count) => Array<PlanLine>(count).fill(IDLE),
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
