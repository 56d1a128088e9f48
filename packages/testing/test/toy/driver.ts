/** A client of the toy wire, on the `ws` library. */
import type { ConversationId, JsonObject } from '@switchboard/core';
import { type ClientEvent, createClientEvents, type ProtocolClient, type ProtocolDriver } from '@switchboard/testing';
import { WebSocket } from 'ws';

interface Answer {
  readonly id: number | null;
  readonly ok?: unknown;
  readonly error?: string;
}

export const toyDriver: ProtocolDriver = {
  protocol: 'toy',
  cannot: {},

  async connect(credential) {
    return createClient(String(credential.url));
  },

  connectRefused(credential: JsonObject) {
    const socket = new WebSocket(String(credential.url));
    return new Promise((resolve, reject) => {
      socket.on('open', () => reject(new Error('was let in')));
      socket.on('error', () => resolve());
    });
  },
};

async function createClient(url: string): Promise<ProtocolClient> {
  const events = createClientEvents();
  const waiting = new Map<number | null, (answer: Answer) => void>();
  let count = 0;
  let socket = await open();

  async function open(): Promise<WebSocket> {
    const opened = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      opened.on('error', reject);
      opened.on('message', (data) => {
        const frame = JSON.parse(String(data)) as Answer & { event?: string };
        if (frame.event === 'ready') resolve();
        else if (frame.event) events.push({ ...frame, type: frame.event } as unknown as ClientEvent);
        else waiting.get(frame.id)?.(frame);
      });
      opened.on('close', (code) => events.push({ type: 'closed', shouldReturn: code !== 1008 }));
    });
    return opened;
  }

  function call(op: string, args: object | null, text?: string): Promise<unknown> {
    const id = text === undefined ? ++count : null;
    socket.send(text ?? JSON.stringify({ id, op, args }));
    return new Promise((resolve, reject) => {
      waiting.set(id, (answer) => (answer.error ? reject(new Error(answer.error)) : resolve(answer.ok)));
    });
  }

  const refused = (answer: Promise<unknown>) =>
    answer.then(
      () => Promise.reject(new Error('was accepted')),
      () => 'answered' as const,
    );

  return {
    events,
    send: async (conversationId, text, ref) => void (await call('send', { conversationId, text, ref })),
    history: (conversationId) => call('history', { conversationId }) as Promise<string[]>,
    markRead: async (conversationId) => void (await call('read', { conversationId })),
    unreadCount: (conversationId: ConversationId) => call('unread', { conversationId }) as Promise<number>,
    leave: async (conversationId) => void (await call('leave', { conversationId })),
    isOnline: (userId) => call('online', { userId }) as Promise<boolean>,
    sendMalformed: () => refused(call('', null, '{"op":')),
    sendUnknown: () => refused(call('dance', {})),
    pauseReading: () => socket.pause(),
    async drop() {
      const closed = new Promise((resolve) => socket.once('close', resolve));
      socket.terminate();
      await closed;
    },
    async comeBack() {
      socket = await open();
    },
    async close() {
      if (socket.readyState === WebSocket.CLOSED) return;
      socket.terminate();
    },
  };
}
