/** The IQChannels wire of the gateway as a target: operators on event streams of one chat, and its client, who sends over REST. */
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { type Gateway, inParallel, startGateway } from './gateway.ts';
import { toHttpSender } from './http-sender.ts';

const CHANNEL = 'bench';

interface Operator {
  readonly userId: number;
  readonly token: string;
}

export function createIqchannelsTarget(context: TargetContext): Target {
  let gateway: Gateway | null = null;
  let queueId = 0;
  let last = 0;

  function running(): Gateway {
    if (!gateway) throw new Error('the gateway has not been started');
    return gateway;
  }

  async function post<T>(path: string, body: unknown, headers: Record<string, string> = {}): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${running().port}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    const { OK, Error: error, Result } = (await response.json()) as { OK: boolean; Error: unknown; Result: T };
    if (!OK) throw new Error(`${path}: ${JSON.stringify(error)}`);
    return Result;
  }

  /** Staff of the queue. */
  async function createOperators(count: number): Promise<Operator[]> {
    const names = Array.from({ length: count }, (_, at) => `operator-${last + at + 1}`);
    last += count;
    const userIds = await running().createPeople('signalr', names);
    return inParallel(userIds, async (userId) => {
      await running().admin('PUT', `/spaces/${queueId}/members/${userId}`, { role: 'staff' });
      const body = { protocol: 'iqchannels', userId, role: 'operator' };
      const { connect } = await running().admin<{ connect: { token: string } }>('POST', '/credentials', body);
      return { userId, token: connect.token };
    });
  }

  async function signIn(): Promise<string> {
    const { Session } = await post<{ Session: { Token: string } }>('/public/api/v1/clients/integration_auth', {
      Credentials: 'the customer',
    });
    return Session.Token;
  }

  const stream = (path: string, { token }: Operator): PlanLine => ({
    kind: 'http',
    path: `/api/v1/sse/chats/events/${path}`,
    headers: { Authorization: `User ${token}` },
    steps: [{ expect: ': ok' }],
  });

  return {
    name: 'iqchannels',
    get port() {
      return running().port;
    },
    async start() {
      gateway = await startGateway(context);
      const body = { kind: 'queue', name: CHANNEL, title: 'Bench' };
      queueId = (await gateway.admin<{ id: number }>('POST', '/spaces', body)).id;
    },
    async planReaders(count) {
      const operators = await createOperators(count);
      const headers = { 'X-Client-Authorization': await signIn() };
      await post(`/public/api/v1/chats/channel/send/${CHANNEL}`, { Text: 'the first' }, headers);
      const first = { Authorization: `User ${operators[0]?.token}` };
      const [chat] = await post<{ Id: number }[]>(`/api/v1/chats/query_by_channel/${queueId}`, {}, first);
      return operators.map((operator) => stream(`listen_to_chat/${chat?.Id}`, operator));
    },
    async planSenders(count) {
      const sender = toHttpSender('/readyz', {
        path: `/public/api/v1/chats/channel/send/${CHANNEL}`,
        headers: { 'X-Client-Authorization': await signIn() },
        body: { Payload: 'text', Text: MESSAGE_TEXT },
        ack: '"OK":true',
      });
      return Array<PlanLine>(count).fill(sender);
    },
    async planIdle(count) {
      const operators = await createOperators(count);
      return operators.map((operator) => stream(`listen_to_user/${operator.userId}`, operator));
    },
    usage: () => running().usage(),
    memory: () => running().memory(),
    beginProfile: () => running().beginProfile(),
    endProfile: (file) => running().endProfile(file),
    lastWords: () => running().lastWords(),
    async stop() {
      await gateway?.stop();
      gateway = null;
      last = 0;
    },
  };
}
