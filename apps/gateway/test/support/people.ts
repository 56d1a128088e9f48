/** People of the event wire as the application that embeds the chat makes them: with tokens it signs itself. */
import { createServer } from 'node:net';
import { connectEvent, type EventClient, type EventMessage } from '@switchboard/protocol-event/testing';
import jwt from 'jsonwebtoken';

export const EVENT_SECRET = '!!SECRET!!';

/** As text, because the library refuses claims that applications in the field do send (`iat: null`). */
export function signToken(claims: object): string {
  const payload = JSON.stringify({ exp: Math.floor(Date.now() / 1000) + 3_600, ...claims });
  return jwt.sign(payload, EVENT_SECRET, { header: { alg: 'HS256', typ: 'JWT' } });
}

export interface Wanted {
  readonly sid: number;
  readonly role?: 'customer' | 'moderator';
}

/** `url` is the gateway's main address. */
export function connectAs(url: string, { sid, role = 'customer' }: Wanted): Promise<EventClient> {
  const token = signToken(role === 'moderator' ? { admin_id: '1' } : { request_id: '1' });
  return connectEvent({ url: `${url.replace(/^http/, 'ws')}/ws?sid=${sid}`, token });
}

/** Connects and joins the application's conversation. */
export async function joinAs(url: string, wanted: Wanted & { readonly application: number }): Promise<EventClient> {
  const client = await connectAs(url, wanted);
  await client.ask('Event.AddConversation', { user_id: wanted.sid, application_id: wanted.application });
  return client;
}

export function sendTo(client: EventClient, application: number, content: string) {
  return client.call('Event.SendMessage', { session_channel: String(application), sender_id: client.sid, content });
}

export async function historyOf(client: EventClient, application: number): Promise<readonly EventMessage[]> {
  const args = { session_channel: String(application), executor_id: client.sid };
  return (await client.ask<{ Messages: EventMessage[] }>('Event.GetMessageList', args)).Messages;
}

/** A port that was free a moment ago: for gateways that must come back where they were. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks again and again until the answer is yes; the test's own time limit is the only other end. */
export async function until(isSo: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 20));
}
