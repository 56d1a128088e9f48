/** The plain reference as a target: socket.io's own protocol, written out for the load client. */
import { fileURLToPath } from 'node:url';
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { createPlainTarget } from './plain-server.ts';

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

export function createReferenceTarget(context: TargetContext): Target {
  return createPlainTarget({ name: 'reference', script: SCRIPT, reader: READER, sender: SENDER, idle: IDLE }, context);
}
