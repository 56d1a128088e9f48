/** The event wire of the gateway as a target. Everybody has a token of an application's own, signed with the development secret. */
import { createHmac } from 'node:crypto';
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { type Gateway, startGateway } from './gateway.ts';

const SECRET = '!!SECRET!!';
const CHANNEL = 100;

export function createEventTarget(context: TargetContext): Target {
  let gateway: Gateway | null = null;
  let conversationId: number | null = null;
  let lastSid = 0;

  function running(): Gateway {
    if (!gateway) throw new Error('the gateway has not been started');
    return gateway;
  }

  function takeSids(count: number): number[] {
    const sids = Array.from({ length: count }, (_, at) => lastSid + at + 1);
    lastSid += count;
    return sids;
  }

  /** The conversation is made with those who come first; others join it. */
  async function takeMembers(count: number): Promise<number[]> {
    const sids = takeSids(count);
    const userIds = await running().createPeople('event', sids.map(String));
    if (conversationId === null) {
      conversationId = await running().createConversation({ event: String(CHANNEL) }, userIds);
    } else {
      for (const userId of userIds) {
        await running().admin('PUT', `/conversations/${conversationId}/participants/${userId}`, {});
      }
    }
    return sids;
  }

  return {
    name: 'event',
    get port() {
      return running().port;
    },
    async start() {
      gateway = await startGateway(context);
    },
    planReaders: async (count) => (await takeMembers(count)).map(toReader),
    planSenders: async (count) => (await takeMembers(count)).map(toSender),
    planIdle: async (count) => takeSids(count).map(toIdle),
    usage: () => running().usage(),
    memory: () => running().memory(),
    beginProfile: () => running().beginProfile(),
    endProfile: (file) => running().endProfile(file),
    lastWords: () => running().lastWords(),
    async stop() {
      await gateway?.stop();
      gateway = null;
      conversationId = null;
      lastSid = 0;
    },
  };
}

function toIdle(sid: number): PlanLine {
  return { path: `/ws?sid=${sid}`, headers: { 'Sec-WebSocket-Protocol': `access_token, ${tokenFor(sid)}` } };
}

function toReader(sid: number): PlanLine {
  const join = envelope('Event.AddConversation', { user_id: sid, application_id: CHANNEL });
  return { ...toIdle(sid), steps: [{ send: join, expect: '"Event.AddConversation","ok":true' }] };
}

function toSender(sid: number): PlanLine {
  const message = { session_channel: String(CHANNEL), sender_id: sid, content: MESSAGE_TEXT, content_type: 1 };
  return {
    ...toReader(sid),
    sends: {
      frame: envelope('Event.SendMessage', message),
      ack: '"Event.SendMessage","ok":true',
      hears: true,
      echoed: true,
    },
  };
}

/** Arguments are JSON in a string, as this wire's clients write them. */
function envelope(name: string, args: object): string {
  return JSON.stringify({ name, args: JSON.stringify(args) });
}

function tokenFor(sid: number): string {
  const exp = Math.floor(Date.now() / 1000) + 86_400;
  const content = [
    { alg: 'HS256', typ: 'JWT' },
    { request_id: CHANNEL, sub: String(sid), exp },
  ]
    .map(base64)
    .join('.');
  return `${content}.${createHmac('sha256', SECRET).update(content).digest('base64url')}`;
}

function base64(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
