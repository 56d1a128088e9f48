/**
 * Netalo on the gateway as a target: session strings of the administration's, clients of socket.io's fourth revision of Engine.IO or of its
 * third, which pass through `/` into `/data`. Messages name everybody they are for: in a room of a thousand people that is most of what is
 * sent.
 */
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { type Gateway, inParallel, startGateway } from './gateway.ts';

export function createNetaloTarget(context: TargetContext): Target {
  return createTarget(context, { name: 'netalo', revision: 4 });
}

/** The same with clients of the versions that are known to exist. */
export function createOldNetaloTarget(context: TargetContext): Target {
  return createTarget(context, { name: 'netalo-eio3', revision: 3 });
}

function createTarget(
  context: TargetContext,
  { name, revision }: { readonly name: string; readonly revision: 3 | 4 },
): Target {
  let gateway: Gateway | null = null;
  let conversationId: number | null = null;
  let last = 0;

  function running(): Gateway {
    if (!gateway) throw new Error('the gateway has not been started');
    return gateway;
  }

  async function createPeople(count: number): Promise<number[]> {
    const uins = Array.from({ length: count }, (_, at) => String(last + at + 1));
    last += count;
    return running().createPeople('netalo', uins);
  }

  const sessionsOf = (userIds: readonly number[]) =>
    inParallel(userIds, async (userId) => {
      const body = { protocol: 'netalo', userId };
      return (await running().admin<{ connect: { session: string } }>('POST', '/credentials', body)).connect.session;
    });

  /** The conversation is made with those who come first; others join it. */
  async function takeMembers(count: number): Promise<string[]> {
    const userIds = await createPeople(count);
    if (conversationId === null) conversationId = await running().createConversation({}, userIds);
    else {
      for (const userId of userIds) {
        await running().admin('PUT', `/conversations/${conversationId}/participants/${userId}`, {});
      }
    }
    return sessionsOf(userIds);
  }

  function toReader(session: string): PlanLine {
    const query = `session=${session}`;
    return {
      path: `/socket.io/?EIO=${revision}&transport=websocket&${query}`,
      steps: [
        { expect: '0{' },
        { send: revision === 4 ? '40/data,' : `40/data?${query},`, expect: '"login",{"result":0' },
      ],
    };
  }

  function toSender(session: string): PlanLine {
    const message = { group_id: String(conversationId), type: 0, message: MESSAGE_TEXT };
    return {
      ...toReader(session),
      sends: {
        frame: `42/data,1${JSON.stringify(['create_message', message])}`,
        ack: '43/data,1[{"result":0',
        hears: true,
        echoed: true,
      },
    };
  }

  return {
    name,
    get port() {
      return running().port;
    },
    async start() {
      gateway = await startGateway(context);
    },
    planReaders: async (count) => (await takeMembers(count)).map(toReader),
    planSenders: async (count) => (await takeMembers(count)).map(toSender),
    planIdle: async (count) => (await sessionsOf(await createPeople(count))).map(toReader),
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
