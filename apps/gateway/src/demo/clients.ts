/** Real clients for the demo: one row for each protocol that has one, all with the same few words. */
import { connectEvent, type EventConversation, type EventMessage } from '@switchboard/protocol-event/testing';
import { connectNetalo, type NetaloConnect } from '@switchboard/protocol-netalo/testing';
import { connectSignalr, type SignalrConnect } from '@switchboard/protocol-signalr/testing';
import { createRest, openSocket, type WorkspaceConnect } from '@switchboard/protocol-workspace/testing';
import type { ProtocolName } from '../config/schema.ts';

export interface DemoClient {
  say(text: string): Promise<void>;
  /** The next message of somebody else in the conversation. */
  hear(): Promise<{ readonly from: number | string; readonly text: string }>;
  close(): Promise<void>;
}

interface NewMessage {
  readonly conversationId: string;
  readonly senderId: string;
  readonly content: string;
}

/** `connect` is what the administration gave for the protocol, `conversationId` the core's. */
type OpenClient = (connect: Readonly<Record<string, unknown>>, conversationId: number) => Promise<DemoClient>;

export const DEMO_CLIENTS: Partial<Readonly<Record<ProtocolName, OpenClient>>> = {
  async signalr(connect, id) {
    const client = await connectSignalr(connect as unknown as SignalrConnect);
    const conversationId = String(id);
    const { identity } = connect as unknown as SignalrConnect;
    const isOthers = (message: NewMessage) =>
      message.conversationId === conversationId && message.senderId !== identity;
    return {
      async say(content) {
        await client.ask('SendMessageToConversation', { content, conversationId });
      },
      async hear() {
        const { senderId, content } = await client.events.next<NewMessage>('OnNewMessage', isOthers);
        return { from: senderId, text: content };
      },
      close: () => client.close(),
    };
  },

  async event(connect, conversationId) {
    const { url, sid, token } = connect as { url: string; sid: number; token: string };
    const client = await connectEvent({ url, token });
    const { conversations } = await client.ask<{ conversations: EventConversation[] }>('Event.GetConversationList', {
      user_id: sid,
    });
    const conversation = conversations.find(({ id }) => id === conversationId);
    if (!conversation) throw new Error(`sid ${sid} does not see the conversation`);
    const { application_id, session_channel } = conversation;
    await client.ask('Event.AddConversation', { user_id: sid, application_id });
    return {
      async say(content) {
        await client.ask('Event.SendMessage', { session_channel, sender_id: sid, content });
      },
      async hear() {
        const { sender_id, content }: EventMessage = await client.message();
        return { from: sender_id, text: content };
      },
      async close() {
        await client.close();
      },
    };
  },

  async netalo(connect, conversationId) {
    const client = await connectNetalo(connect as unknown as NetaloConnect);
    const group_id = String(conversationId);
    return {
      async say(message) {
        await client.ask('create_message', { group_id, message });
      },
      async hear() {
        const isHere = (message: { group_id: string }) => message.group_id === group_id;
        const said = await client.next<{ group_id: string; sender_uin: string; message: string }>('message', isHere);
        return { from: said.sender_uin, text: said.message };
      },
      async close() {
        client.close();
      },
    };
  },

  /** In the call of the channel: what is said there is mini-chat. */
  async workspace(connect, conversationId) {
    const { url, token, workspaceId, userId } = connect as unknown as WorkspaceConnect;
    const rest = createRest(url, token);
    const socket = openSocket(url);
    await socket.auth({ token, workspaceId });
    const channelId = `00000000-0000-8300-8000-${conversationId.toString(16).padStart(12, '0')}`;
    const media = { microphone: false, speakers: true, screen: false, camera: false, speaking: false };
    await rest.ask('POST', `/channels/${channelId}/select?socketId=${socket.id}`, media);
    return {
      async say(message) {
        socket.emit('conversation-broadcast', { action: 'mini-chat', userId, data: { message } });
      },
      async hear() {
        const isOthers = (said: { action: string; userId: string }) =>
          said.action === 'mini-chat' && said.userId !== userId;
        const { userId: from, data } = await socket.next('conversation-broadcast', isOthers);
        return { from, text: data.message };
      },
      async close() {
        socket.disconnect();
      },
    };
  },
};
