/**
 * The workspace wire of the gateway as a target: sockets of the newer clients, in one channel's call. The wire acknowledges nothing: what
 * counts as acknowledgement is one's own broadcast, come back.
 */
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';
import type { Target } from '../scenario.ts';
import type { TargetContext } from './context.ts';
import { type Gateway, inParallel, startGateway } from './gateway.ts';

const PATH = '/socket.io/?EIO=4&transport=websocket';
const QUIET = { microphone: false, speakers: true, screen: false, camera: false, speaking: false };

export interface Member {
  readonly token: string;
  readonly workspaceId: string;
  readonly userId: string;
  /** Of a socket that came into the call and is gone: whoever names it takes its place. */
  readonly prevSocketId?: string;
}

interface Office {
  readonly spaceId: number;
  readonly conversationId: number;
}

export function createWorkspaceTarget(context: TargetContext): Target {
  let gateway: Gateway | null = null;
  let office: Office | null = null;

  function running(): Gateway {
    if (!gateway) throw new Error('the gateway has not been started');
    return gateway;
  }

  async function openOffice(): Promise<Office> {
    if (office) return office;
    const space = await running().admin<{ id: number }>('POST', '/spaces', { kind: 'workspace', name: 'bench' });
    const fields = { kind: 'channel', title: 'Everybody', spaceId: space.id, participants: [] };
    const conversation = await running().admin<{ id: number }>('POST', '/conversations', fields);
    office = { spaceId: space.id, conversationId: conversation.id };
    return office;
  }

  async function createMembers(count: number): Promise<Member[]> {
    const { spaceId, conversationId } = await openOffice();
    const userIds = await running().createPeople(
      'workspace',
      Array.from({ length: count }, () => randomUUID()),
    );
    return inParallel(userIds, async (userId) => {
      await running().admin('PUT', `/spaces/${spaceId}/members/${userId}`, { role: 'guest' });
      await running().admin('PUT', `/conversations/${conversationId}/participants/${userId}`, {});
      const body = { protocol: 'workspace', userId, spaceId };
      return (await running().admin<{ connect: Member }>('POST', '/credentials', body)).connect;
    });
  }

  /** Devices in the call need ids that only the server knows: sockets of ours come in, and leave their places. */
  async function takeSeats(count: number): Promise<Member[]> {
    const { port } = running();
    const { conversationId } = await openOffice();
    const channelId = `00000000-0000-8300-8000-${conversationId.toString(16).padStart(12, '0')}`;
    return inParallel(await createMembers(count), async (member) => {
      const { socket, id } = await sitDown(port, member);
      const response = await fetch(`http://127.0.0.1:${port}/channels/${channelId}/select?socketId=${id}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${member.token}`, 'content-type': 'application/json' },
        body: JSON.stringify(QUIET),
      });
      if (!response.ok) throw new Error(`select: ${response.status} ${await response.text()}`);
      socket.terminate();
      return { ...member, prevSocketId: id };
    });
  }

  function toSender(member: Member): PlanLine {
    const broadcast = { action: 'mini-chat', userId: member.userId, data: { message: MESSAGE_TEXT } };
    return {
      ...toReader(member),
      sends: {
        frame: `42${JSON.stringify(['conversation-broadcast', broadcast])}`,
        ack: `"userId":"${member.userId}"`,
        hears: true,
        echoed: true,
      },
    };
  }

  return {
    name: 'workspace',
    get port() {
      return running().port;
    },
    async start() {
      gateway = await startGateway(context);
    },
    planReaders: async (count) => (await takeSeats(count)).map(toReader),
    planSenders: async (count) => (await takeSeats(count)).map(toSender),
    planIdle: async (count) => (await createMembers(count)).map(toReader),
    usage: () => running().usage(),
    memory: () => running().memory(),
    beginProfile: () => running().beginProfile(),
    endProfile: (file) => running().endProfile(file),
    lastWords: () => running().lastWords(),
    async stop() {
      await gateway?.stop();
      gateway = null;
      office = null;
    },
  };
}

function toReader({ token, workspaceId, prevSocketId }: Member): PlanLine {
  const auth = { token, workspaceId, prevSocketId: prevSocketId ?? null };
  return {
    path: PATH,
    steps: [
      { expect: '0{' },
      { send: '40', expect: '40{' },
      { send: `42${JSON.stringify(['auth', auth])}`, expect: '"auth-success"' },
    ],
  };
}

/** A socket that is bound, and its id. */
export function sitDown(
  port: number,
  { token, workspaceId }: Member,
  heard: (text: string) => void = () => undefined,
): Promise<{ socket: WebSocket; id: string }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${PATH}`);
    let id = '';
    socket.on('error', reject);
    socket.on('message', (data) => {
      const text = String(data);
      heard(text);
      if (text === '2') socket.send('3');
      else if (text.startsWith('0{')) socket.send('40');
      else if (text.startsWith('40{')) {
        id = (JSON.parse(text.slice(2)) as { sid: string }).sid;
        socket.send(`42${JSON.stringify(['auth', { token, workspaceId }])}`);
      } else if (text.includes('"auth-success"')) resolve({ socket, id });
    });
  });
}
