/** What the contract suite asks of this wire, said with a real client: conversations of other protocols by their synthetic numbers. */
import type { ConversationId, JsonObject } from '@switchboard/core';
import { createClientEvents, type ProtocolClient, type ProtocolDriver } from '@switchboard/testing';
import { connectEvent, type EventClient, type EventConnect, type EventMessage, UpgradeRefused } from './driver.ts';

/** Wire: PROTOCOL.md §2.4. */
const APPLICATION_BASE = 1_000_000_000;
const NOBODY_IS_TOLD = 'the wire has one event, for new messages';
/** Wire: PROTOCOL.md §6. */
const STAY_AWAY = 1008;

export function createEventDriver(): ProtocolDriver {
  return {
    protocol: 'event',
    cannot: {
      'told of reading': NOBODY_IS_TOLD,
      'told of joining': NOBODY_IS_TOLD,
      'told of leaving': NOBODY_IS_TOLD,
      leaving: 'the wire has no operation for it',
      presence: 'not on this wire',
      'told of presence': NOBODY_IS_TOLD,
      resend: 'a send carries no key of the client: a repeated call is a second message',
    },

    async connect(credential, conversationIds) {
      const client = createClient(toConnect(credential), conversationIds);
      await client.comeBack();
      return client;
    },

    async connectRefused(credential) {
      const refusal = await connectEvent(toConnect(credential)).then(
        () => null,
        (error: unknown) => error,
      );
      if (!(refusal instanceof UpgradeRefused)) throw new Error(`not refused: ${String(refusal)}`);
    },
  };
}

function toConnect({ url, token }: JsonObject): EventConnect {
  return { url: String(url), token: String(token) };
}

function createClient(connect: EventConnect, conversationIds: readonly ConversationId[]): ProtocolClient {
  const events = createClientEvents();
  const byChannel = new Map(conversationIds.map((id) => [channelOf(id), id]));
  let client: EventClient;

  async function open(): Promise<void> {
    const opened = await connectEvent(connect);
    client = opened;
    const sid = opened.sid;
    for (const id of conversationIds) {
      // Somebody who takes no part is refused, and hears nothing of it.
      await opened.call('Event.AddConversation', { user_id: sid, application_id: APPLICATION_BASE + id });
    }
    void listen(opened);
  }

  async function listen(opened: EventClient): Promise<void> {
    void opened.ended.then(({ code }) => events.push({ type: 'closed', shouldReturn: code !== STAY_AWAY }));
    for (;;) {
      const message = await opened.message().catch(() => null);
      if (!message) return;
      const conversationId = byChannel.get(message.session_channel);
      if (conversationId) events.push({ type: 'message', conversationId, text: message.content });
    }
  }

  const listOf = async (id: ConversationId) => {
    const args = { session_channel: channelOf(id), executor_id: client.sid };
    return (await client.ask<{ Messages: EventMessage[] }>('Event.GetMessageList', args)).Messages;
  };

  async function answerTo(frame: string): Promise<'answered' | 'closed'> {
    client.send(frame);
    return client.answer().then(
      () => 'answered' as const,
      () => 'closed' as const,
    );
  }

  return {
    events,
    async send(id, text) {
      const args = { session_channel: channelOf(id), sender_id: client.sid, content: text };
      await client.ask('Event.SendMessage', args);
    },
    history: async (id) => (await listOf(id)).map(({ content }) => content),
    async markRead(id) {
      const unread = (await listOf(id)).filter(({ sender_id, read }) => sender_id !== client.sid && !read);
      for (const message of unread) {
        await client.ask('Event.ReadMessage', { executor_id: client.sid, message_id: message.id });
      }
    },
    /** Over all conversations: the wire has no count of one. */
    async unreadCount() {
      const info = await client.ask<{ unread_count: number }>('Event.GetUnreadInfo', { user_id: client.sid });
      return info.unread_count;
    },
    leave: () => Promise.reject(new Error('nobody leaves on this wire')),
    isOnline: () => Promise.reject(new Error('nobody sees presence on this wire')),
    sendMalformed: () => answerTo('hello'),
    sendUnknown: () => answerTo('{"name":"Event.DeleteMessage","args":"{}"}'),
    pauseReading: () => client.pause(),
    async drop() {
      client.terminate();
      await client.ended;
    },
    comeBack: open,
    async close() {
      client.resume();
      await client.close();
    },
  };
}

function channelOf(id: ConversationId): string {
  return String(APPLICATION_BASE + id);
}
