/** What the contract suite asks of this wire, as an operator says it over bare HTTP and an event stream of its own user. */
import type { ConversationId, JsonObject, UserId } from '@switchboard/core';
import { createClientEvents, type ProtocolClient, type ProtocolDriver } from '@switchboard/testing';
import { createIqClient, type IqClient, type IqStream, type Loose, send } from './driver.ts';

const NO_RECEIPTS = 'chats without a client have neither counts nor receipt events; support chats are tested apart';

export function createIqDriver(): ProtocolDriver {
  return {
    protocol: 'iqchannels',
    cannot: {
      'unread counts': NO_RECEIPTS,
      'told of reading': NO_RECEIPTS,
      leaving: 'who takes part in a chat without a client is decided on the other protocol',
      'told of presence': 'no event tells it; objects show it',
    },

    async connect(credential, conversationIds) {
      const client = createClient(credential, conversationIds);
      await client.comeBack();
      return client;
    },

    async connectRefused(credential) {
      const { url, token, role } = credential;
      const scheme = role === 'operator' ? 'User' : 'Client';
      const me = role === 'operator' ? '/users/me' : '/clients/me';
      const answer = await createIqClient(String(url), String(token), scheme).call(me);
      if (answer.Error?.Code !== 'unauthorized') throw new Error(`not refused: ${JSON.stringify(answer)}`);
    },
  };
}

function toClient({ url, token }: JsonObject): IqClient {
  return createIqClient(String(url), String(token), 'User');
}

/** Event type → what it says in the suite's words. */
const MEMBERSHIP: Readonly<Record<string, 'joined' | 'left'>> = { member_added: 'joined', member_removed: 'left' };

function createClient(credential: JsonObject, conversationIds: readonly ConversationId[]): ProtocolClient {
  const events = createClientEvents();
  const client = toClient(credential);
  const userId = Number(credential.userId);
  let stream: IqStream | null = null;
  let cursor = 0;
  let isLeaving = false;

  function hear(frame: Loose): void {
    if (!frame.OK) return;
    for (const event of frame.Result) {
      cursor = Math.max(cursor, event.Id);
      const conversationId = event.ChatId as ConversationId;
      const membership = MEMBERSHIP[event.Type];
      if (event.Type === 'message_created') {
        const message = frame.Rels.ChatMessages.find(({ Id }: Loose) => Id === event.MessageId);
        events.push({ type: 'message', conversationId, text: message.Text });
      } else if (membership) {
        const member = frame.Rels.ChatMembers.find(({ Id }: Loose) => Id === event.MemberId);
        events.push({ type: membership, conversationId, userId: member.UserId });
      }
    }
  }

  async function open(): Promise<void> {
    const from = cursor > 0 ? `?FromId=${cursor}` : '';
    const opened = await client.events(`/sse/chats/events/listen_to_user/${userId}${from}`);
    opened.onFrame(hear);
    stream = opened;
    void opened.ended.then(() => {
      if (isLeaving || stream !== opened) return;
      // A refusal before the end tells clients not to come back.
      events.push({ type: 'closed', shouldReturn: opened.frames.every(({ OK }) => OK) });
    });
    await opened.until('its first bytes', ({ bytes }) => bytes.length > 0);
  }

  async function cut(): Promise<void> {
    isLeaving = true;
    const open$ = stream;
    stream = null;
    open$?.cut();
    await open$?.ended;
    isLeaving = false;
  }

  return {
    events,
    async send(conversationId, text, clientRef) {
      const LocalId = clientRef === undefined ? 0 : Number(clientRef.replace(/\D/g, ''));
      await client.ask(`/chats/send/${conversationId}`, { LocalId, Payload: 'text', Text: text });
    },
    async history(conversationId) {
      const list = await client.ask(`/chats/messages/query_by_chat/${conversationId}`, { Limit: 1000 });
      return list.map(({ Text }: Loose) => Text as string);
    },
    async markRead(conversationId) {
      const list = await client.ask(`/chats/messages/query_by_chat/${conversationId}`, { Limit: 1000 });
      await client.ask(
        '/chats/messages/read',
        list.map(({ Id }: Loose) => Id),
      );
    },
    async unreadCount(conversationId) {
      return (await client.ask(`/chats/get/${conversationId}`)).UserUnread;
    },
    async leave(conversationId) {
      await client.ask(`/chats/leave/${conversationId}`);
    },
    async isOnline(wanted: UserId) {
      const { Rels } = await client.call(`/chats/members/query_by_chat/${conversationIds[0]}`);
      return Rels.Users.some(({ Id, Online }: Loose) => Id === wanted && Online);
    },
    async sendMalformed() {
      const { envelope } = await send(`${String(credential.url)}/channels/query`, {
        headers: client.headers,
        body: '{"Limit":',
      });
      if (envelope.Error?.Code !== 'bad_request') throw new Error(`taken: ${JSON.stringify(envelope)}`);
      return 'answered';
    },
    async sendUnknown() {
      const { status } = await send(`${String(credential.url)}/chats/pin/1`, { headers: client.headers });
      if (status !== 404) throw new Error(`taken: ${status}`);
      return 'answered';
    },
    pauseReading: () => stream?.pause(),
    drop: cut,
    comeBack: open,
    close: cut,
  };
}
