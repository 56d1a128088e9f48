/** The plain reference of event streams as a target. */
import { fileURLToPath } from 'node:url';
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { toHttpSender } from './http-sender.ts';
import { createPlainTarget } from './plain-server.ts';

const SCRIPT = fileURLToPath(new URL('../../dist/sse-reference-server.js', import.meta.url));

const READER: PlanLine = { kind: 'http', path: '/events', steps: [{ expect: ': ok' }] };
const SENDER = toHttpSender('/ready', { path: '/send', body: { sender: 'x', text: MESSAGE_TEXT }, ack: '"OK":true' });

export function createExpressTarget(context: TargetContext): Target {
  return createPlainTarget({ name: 'express', script: SCRIPT, reader: READER, sender: SENDER, idle: READER }, context);
}
