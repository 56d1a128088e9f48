/** The SignalR hub of the gateway as a target: WebSockets without negotiation, JSON. Everybody has a token of the administration's. */
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { type Gateway, inParallel, startGateway } from './gateway.ts';

const RS = '\x1e';
const PATH = '/chathub';

interface Member {
  readonly token: string;
  readonly identity: string;
}

export function createSignalrTarget(context: TargetContext): Target {
  let gateway: Gateway | null = null;
  let conversationId: number | null = null;
  let last = 0;

  function running(): Gateway {
    if (!gateway) throw new Error('the gateway has not been started');
    return gateway;
  }

  async function createMembers(count: number): Promise<{ userIds: number[]; members: Member[] }> {
    const names = Array.from({ length: count }, (_, at) => `person-${last + at + 1}`);
    last += count;
    const userIds = await running().createPeople('signalr', names);
    const members = await inParallel(userIds, async (userId) => {
      const body = { protocol: 'signalr', userId };
      return (await running().admin<{ connect: Member }>('POST', '/credentials', body)).connect;
    });
    return { userIds, members };
  }

  /** The conversation is made with those who come first; others join it. */
  async function takeMembers(count: number): Promise<Member[]> {
    const { userIds, members } = await createMembers(count);
    if (conversationId === null) conversationId = await running().createConversation({}, userIds);
    else {
      for (const userId of userIds) {
        await running().admin('PUT', `/conversations/${conversationId}/participants/${userId}`, {});
      }
    }
    return members;
  }

  function toSender(member: Member): PlanLine {
    const message = { content: MESSAGE_TEXT, conversationId: String(conversationId) };
    return {
      ...toReader(member),
      sends: {
        frame: call('s', 'SendMessageToConversation', message),
        ack: '"invocationId":"s","result":{',
        hears: true,
        // In the completion; this gateway is set to bring it once (gateway.ts).
        echoed: true,
      },
    };
  }

  return {
    name: 'signalr',
    get port() {
      return running().port;
    },
    async start() {
      gateway = await startGateway(context);
    },
    planReaders: async (count) => (await takeMembers(count)).map(toReader),
    planSenders: async (count) => (await takeMembers(count)).map(toSender),
    planIdle: async (count) => (await createMembers(count)).members.map(toReader),
    usage: () => running().usage(),
    memory: () => running().memory(),
    beginProfile: () => running().beginProfile(),
    endProfile: (file) => running().endProfile(file),
    lastWords: () => running().lastWords(),
    async stop() {
      await gateway?.stop();
      gateway = null;
      conversationId = null;
      last = 0;
    },
  };
}

/** Signed in as the wire's document says. */
function toReader({ token, identity }: Member): PlanLine {
  const signIn = call('p', 'Ping') + call('q', 'Pong') + call('a', 'Authorize', { token, identity });
  return {
    path: PATH,
    steps: [
      { send: `{"protocol":"json","version":1}${RS}`, expect: `{}${RS}` },
      { send: signIn, expect: '"isOk":true' },
    ],
  };
}

function call(invocationId: string, target: string, ...args: readonly object[]): string {
  return JSON.stringify({ type: 1, invocationId, target, arguments: args }) + RS;
}
