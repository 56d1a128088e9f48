/** What the contract suite asks of this wire, said with a real client: what people say is mini-chat in the call of a channel. */
import type { ConversationId, UserId } from '@switchboard/core';
import { createClientEvents, type ProtocolClient, type ProtocolDriver } from '@switchboard/testing';
import { createRest, openSocket, type SocketClient, type WorkspaceConnect } from './driver.ts';

/** Wire: PROTOCOL.md, "Ids". */
const computed = (type: 1 | 3, coreId: number) =>
  `00000000-0000-8${type}00-8000-${coreId.toString(16).padStart(12, '0')}`;
const coreIdOf = (id: string) => Number.parseInt(id.slice(-12), 16);

const QUIET = { microphone: false, speakers: true, screen: false, camera: false, speaking: false };
const PASSES = 'what is said in a call passes: the wire has no history, no receipts and no counts';
const TOLD_TO_ONESELF = 'membership is told to the one whom it concerns';

export function createWorkspaceDriver(): ProtocolDriver {
  return {
    protocol: 'workspace',
    cannot: {
      history: PASSES,
      'direct conversation': 'a conversation without a workspace is no channel, and nobody is in two calls',
      'echo to own other device': 'one device of a user is in a call, and what is said reaches those in it',
      'unread counts': PASSES,
      'told of reading': PASSES,
      'told of joining': TOLD_TO_ONESELF,
      'told of leaving': TOLD_TO_ONESELF,
      resend: 'a broadcast carries no key of the client: a repeated one is a second message',
      'slow reader': 'broadcasts are signals: a slow reader loses them, and is cut off by lasting events alone',
    },

    async connect(credential, conversationIds) {
      const client = createClient(credential as unknown as WorkspaceConnect, conversationIds);
      await client.comeBack();
      return client;
    },

    async connectRefused(credential) {
      const { url, token, workspaceId } = credential as unknown as WorkspaceConnect;
      const socket = openSocket(url);
      const refusal = await socket.auth({ token, workspaceId }).then(
        () => null,
        (error: Error) => error.message,
      );
      socket.disconnect();
      if (refusal !== 'Invalid access token') throw new Error(`not refused: ${refusal}`);
    },
  };
}

function createClient(connect: WorkspaceConnect, conversationIds: readonly ConversationId[]): ProtocolClient {
  const { url, token, workspaceId, userId } = connect;
  const events = createClientEvents();
  const rest = createRest(url, token);
  let socket: SocketClient | null = null;
  let inCall: ConversationId | null = null;
  let trips = 0;

  const open = () => socket as SocketClient;

  /** The first of the conversations that is a channel of this user. */
  async function select(id: ConversationId): Promise<void> {
    const path = `/channels/${computed(3, id)}/select?socketId=${open().id}`;
    const { status, body } = await rest.call<{ message?: string }>('POST', path, QUIET);
    if (status !== 200) throw new Error(body.message);
    inCall = id;
  }

  function listen(opened: SocketClient): void {
    let seen = 0;
    let ended = 0;
    opened.listen(() => {
      for (; seen < opened.heard.length; seen += 1) {
        const { name, payload } = opened.heard[seen] as SocketClient['heard'][number];
        if (
          name === 'conversation-broadcast' &&
          payload.action === 'mini-chat' &&
          payload.userId !== userId &&
          inCall
        ) {
          events.push({ type: 'message', conversationId: inCall, text: payload.data.message });
        } else if (name === 'online-status-updated') {
          const online = payload.onlineStatus !== 'offline';
          events.push({ type: 'presence', userId: coreIdOf(payload.userId) as UserId, online });
        } else if (name === 'user-unselected-channel' && payload.userId === userId) inCall = null;
      }
      for (; ended < opened.ends.length; ended += 1) {
        // What clients make of a namespace that was ended for them.
        events.push({ type: 'closed', shouldReturn: opened.ends[ended] !== 'io server disconnect' });
      }
    });
  }

  return {
    events,
    async send(id, text) {
      if (inCall !== id) await select(id);
      trips += 1;
      const said = (payload: { userId: string; data: { trip?: number } }) =>
        payload.userId === userId && payload.data.trip === trips;
      open().emit('conversation-broadcast', { action: 'mini-chat', userId, data: { message: text, trip: trips } });
      await open().next('conversation-broadcast', said);
    },
    history: () => Promise.reject(new Error(PASSES)),
    markRead: () => Promise.reject(new Error(PASSES)),
    unreadCount: () => Promise.reject(new Error(PASSES)),
    async leave(id) {
      await rest.ask('POST', `/channels/${computed(3, id)}/leave`);
    },
    async isOnline(id) {
      const state = await rest.ask<{ users: { id: string; onlineStatus: string }[] }>(
        'GET',
        `/workspaces/${workspaceId}`,
      );
      return state.users.some((user) => user.id === computed(1, id) && user.onlineStatus !== 'offline');
    },
    async sendMalformed() {
      const ends = open().ends.length;
      open().sendRaw('4nonsense');
      await open().ended(ends + 1);
      return 'closed';
    },
    async sendUnknown() {
      open().emit('delete-everything', { transaction: 'unknown' });
      await open().roundTrip();
      return 'answered';
    },
    pauseReading: () => open().pause(),
    async drop() {
      const ends = open().ends.length;
      open().drop();
      await open().ended(ends + 1);
    },
    async comeBack() {
      const previous = socket;
      previous?.disconnect();
      // One transport from the start: raw frames and pauses need the WebSocket.
      const opened = openSocket(url, { transports: ['websocket'] });
      socket = opened;
      listen(opened);
      await opened.auth({ token, workspaceId, prevSocketId: previous?.id ?? null });
      for (const id of conversationIds) {
        if (inCall === null) await select(id).catch(() => undefined);
      }
    },
    async close() {
      socket?.resume();
      socket?.disconnect();
    },
  };
}
