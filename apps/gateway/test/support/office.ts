/** Clerks of the workspace wire, who come with REST and real socket.io clients to one gateway or another. */
import {
  createRest,
  openSocket,
  type RestClient,
  type SocketClient,
  type SocketOptions,
} from '@switchboard/protocol-workspace/testing';

/** Objects of the wire, looked into freely. */
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by what it compares with
export type Shape = any;

export const QUIET = { microphone: false, speakers: true, screen: false, camera: false, speaking: false };

export interface Clerk {
  readonly id: string;
  readonly name: string;
  readonly token: string;
  readonly rest: RestClient;
  /** A socket bound to the workspace; `url` where it is not the one that the clerk signed up at. */
  sit(workspaceId: string, options?: SocketOptions & { readonly url?: string }): Promise<SocketClient>;
}

export async function signUp(url: string, name: string, inviteCode?: string): Promise<Clerk> {
  const email = `${name.toLowerCase()}@example.com`;
  const user = { name, email, password: 'secret1', ...(inviteCode && { inviteCode }) };
  const made = await createRest(url).ask<Shape>('POST', '/signup', { user });
  return toClerk(url, { id: made.user.id, name, token: made.credentials.accessToken });
}

export function toClerk(url: string, about: Pick<Clerk, 'id' | 'name' | 'token'>): Clerk {
  return {
    ...about,
    rest: createRest(url, about.token),
    async sit(workspaceId, { url: place = url, ...library } = {}) {
      const socket = openSocket(place, library);
      await socket.auth({ workspaceId, token: about.token });
      return socket;
    },
  };
}

export function select(clerk: Clerk, channelId: string, socket: SocketClient, media: object = QUIET): Promise<Shape> {
  return clerk.rest.ask('POST', `/channels/${channelId}/select?socketId=${socket.id}`, media);
}

/** What a socket heard of these names, in order. */
export function heardOf(socket: SocketClient, ...names: string[]): [name: string, payload: Shape][] {
  return socket.heard.filter(({ name }) => names.includes(name)).map(({ name, payload }) => [name, payload]);
}
