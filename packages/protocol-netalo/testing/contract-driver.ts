/** What the contract suite asks of this wire, said with a real client. */
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ConversationId, JsonObject, UserId } from '@switchboard/core';
import { createClientEvents, type ProtocolClient, type ProtocolDriver } from '@switchboard/testing';
import { type NetaloClient, type NetaloConnect, openNetalo } from './driver.ts';

/** `uin`s of the suite's people, in the order of their core ids. */
export function createNetaloDriver(userOf: (uin: string) => UserId): ProtocolDriver {
  return {
    protocol: 'netalo',
    cannot: {},

    async connect(credential, conversationIds) {
      const client = createClient(toConnect(credential), { conversationIds, userOf });
      await client.comeBack();
      return client;
    },

    async connectRefused(credential) {
      const client = openNetalo(toConnect(credential));
      const { result } = await client.login;
      client.close();
      if (result !== 2) throw new Error(`login said ${result}`);
    },
  };
}

function toConnect({ url, session, uin }: JsonObject): NetaloConnect {
  return { url: String(url), session: String(session), uin: String(uin) };
}

interface Message {
  readonly message: string;
  readonly message_id: string;
  readonly group_id: string;
  readonly sender_uin: string;
  readonly seen_uins: readonly string[];
}

interface Group {
  readonly group_id: string;
  readonly unread_cnt: number;
  readonly status_list: readonly { readonly uin: string; readonly online_status: number }[];
}

/** Wire: PROTOCOL.md §1.3. The library's words for an end upon which it does not return. */
const STAY_AWAY = 'io server disconnect';

function createClient(
  connect: NetaloConnect,
  { conversationIds, userOf }: { conversationIds: readonly ConversationId[]; userOf: (uin: string) => UserId },
): ProtocolClient {
  const events = createClientEvents();
  const known = new Set<number>(conversationIds);
  let client: NetaloClient;

  function hear(name: string, tell: (payload: never) => void): void {
    client.socket.on(name, tell);
  }

  async function open(): Promise<void> {
    client = openNetalo(connect);
    hear('message', ({ group_id, message }: Message) => {
      const conversationId = Number(group_id) as ConversationId;
      if (known.has(conversationId)) events.push({ type: 'message', conversationId, text: message });
    });
    hear('update_message', ({ group_id, seen_uins }: Message) => {
      const [reader] = seen_uins;
      if (reader === undefined) return;
      events.push({ type: 'read', conversationId: Number(group_id) as ConversationId, userId: userOf(reader) });
    });
    hear(
      'update_group',
      ({ group_id, push_all, pull_all }: { group_id: string; push_all: string[]; pull_all: string[] }) => {
        const conversationId = Number(group_id) as ConversationId;
        for (const uin of push_all) events.push({ type: 'joined', conversationId, userId: userOf(uin) });
        for (const uin of pull_all) events.push({ type: 'left', conversationId, userId: userOf(uin) });
      },
    );
    hear('user_status', ({ uin, online_status }: { uin: string; online_status: number }) => {
      events.push({ type: 'presence', userId: userOf(uin), online: online_status === 1 });
    });
    hear('disconnect', (reason: string) => {
      events.push({ type: 'closed', shouldReturn: reason !== STAY_AWAY });
    });
    const { result } = await client.login;
    if (result !== 0) throw new Error(`login said ${result}`);
  }

  const listOf = async (id: ConversationId) =>
    (await client.ask<{ messages: Message[] }>('list_message', { group_id: id, psize: 200 })).messages;

  const groups = async () => (await client.ask<{ groups: Group[] }>('list_group', { psize: 100 })).groups;

  /** The TCP socket under the library's WebSocket. */
  function stream(): Socket {
    const { transport } = client.socket.io.engine as { transport: { ws: { _socket: Socket } } };
    return transport.ws._socket;
  }

  return {
    events,
    async send(id, message, nonce) {
      await client.ask('create_message', { group_id: String(id), message, type: 0, ...(nonce && { nonce }) });
    },
    history: async (id) => (await listOf(id)).map(({ message }) => message).reverse(),
    async markRead(id) {
      const [newest] = await listOf(id);
      if (newest) await client.ask('update_message', { group_id: id, message_id: newest.message_id, status: 3 });
    },
    async unreadCount(id) {
      return (await groups()).find(({ group_id }) => group_id === String(id))?.unread_cnt ?? 0;
    },
    async leave(id) {
      await client.ask('leave_group', { group_id: id });
    },
    async isOnline(userId) {
      const statuses = (await groups()).flatMap(({ status_list }) => status_list);
      return statuses.some(({ uin, online_status }) => userOf(uin) === userId && online_status === 1);
    },
    async sendMalformed() {
      const { result } = await client.call('create_message', 'no payload at all');
      if (result !== 6) throw new Error(`nonsense was answered ${result}`);
      return 'answered';
    },
    async sendUnknown() {
      const { result } = await client.call('fly_to_the_moon', {});
      if (result !== 18) throw new Error(`the unknown was answered ${result}`);
      return 'answered';
    },
    pauseReading: () => void stream().pause(),
    async drop() {
      const gone = client.ended;
      stream().destroy();
      await gone;
    },
    comeBack: open,
    async close() {
      if (!client.socket.connected) return;
      const socket = stream();
      socket.resume();
      const gone = once(socket, 'close');
      client.close();
      await gone;
    },
  };
}
