/**
 * One mounted adapter on a core of its own, and people who come to it with REST and real socket.io clients. Time stands still unless a
 * test moves it.
 */
import { randomUUID } from 'node:crypto';
import { adminActor, type Core } from '@switchboard/core';
import {
  createTestCore,
  createTestHost,
  type TestCore,
  type TestCoreOptions,
  type TestHost,
  type TestHostOptions,
} from '@switchboard/testing';
import { createWorkspaceAdapter, type WorkspaceAdapterOptions } from '../../src/index.ts';
import {
  createRest,
  openSocket,
  type RestClient,
  type SocketClient,
  type SocketOptions,
} from '../../testing/driver.ts';

export interface OfficeOptions extends TestHostOptions {
  readonly adapter?: WorkspaceAdapterOptions;
  readonly core?: TestCoreOptions;
}

export interface Credentials {
  readonly sessionId: string;
  readonly accessToken: string;
  readonly refreshToken: string;
}

/** Somebody with an account. */
export interface Clerk {
  readonly id: string;
  readonly email: string;
  readonly rest: RestClient;
  readonly credentials: Credentials;
  /** A socket that is bound to the workspace. */
  sit(workspaceId: string, options?: SocketOptions & { readonly onlineStatus?: string }): Promise<SocketClient>;
  /** Comes into the call of a channel. */
  select(channelId: string, socket: SocketClient, media?: object): Promise<Shape>;
}

export interface Office {
  readonly test: TestCore;
  readonly core: Core;
  readonly host: TestHost;
  readonly rest: RestClient;
  socket(options?: SocketOptions): SocketClient;
  /** Somebody with an account and a pair of tokens, without the cost of a password. */
  hire(name: string): Promise<Clerk>;
  /** Signs up over the wire, with an invite code where one is given. The password is `secret1`. */
  signUp(name: string, inviteCode?: string): Promise<Clerk>;
  /** A workspace of the first, joined by the others. */
  found(owner: Clerk, ...others: Clerk[]): Promise<{ readonly id: string; readonly general: string }>;
  /** Everything committed has been delivered and has reached these sockets. */
  settled(...sockets: SocketClient[]): Promise<void>;
  close(): Promise<void>;
}

export const QUIET = { microphone: false, speakers: true, screen: false, camera: false, speaking: false };

/** Objects of the wire, looked into freely. */
// biome-ignore lint/suspicious/noExplicitAny: a test says what it expects by what it compares with
export type Shape = any;

export async function createOffice(options: OfficeOptions = {}): Promise<Office> {
  const test = await createTestCore(options.core);
  const { core } = test;
  const host = await createTestHost(test, createWorkspaceAdapter(options.adapter), options);
  const sockets: SocketClient[] = [];

  function socket(about?: SocketOptions): SocketClient {
    const opened = openSocket(host.url, about);
    sockets.push(opened);
    return opened;
  }

  function toClerk(about: Pick<Clerk, 'id' | 'email' | 'credentials'>): Clerk {
    const rest = createRest(host.url, about.credentials.accessToken);
    return {
      ...about,
      rest,
      async sit(workspaceId, { onlineStatus, ...library } = {}) {
        const opened = socket(library);
        await opened.auth({ workspaceId, token: rest.token, ...(onlineStatus && { onlineStatus }) });
        return opened;
      },
      select: (channelId, { id }, media = QUIET) =>
        rest.ask('POST', `/channels/${channelId}/select?socketId=${id}`, media),
    };
  }

  return {
    test,
    core,
    host,
    rest: createRest(host.url),
    socket,

    async hire(name) {
      const email = emailOf(name);
      const made = await core.users.create(adminActor(), {
        displayName: name,
        language: 'en',
        identities: [{ namespace: 'workspace', externalId: randomUUID() }],
      });
      await core.users.setAccount(adminActor(), made.id, { email });
      const ttls = { accessTtlMs: options.adapter?.accessTtlMs ?? 3_600_000, ttlMs: options.adapter?.refreshTtlMs };
      const { session, secret, refreshSecret } = await core.sessions.issue(adminActor(), {
        userId: made.id,
        namespace: 'workspace',
        kind: 'pair',
        accessTtlMs: ttls.accessTtlMs,
        ...(ttls.ttlMs !== undefined && { ttlMs: ttls.ttlMs }),
      });
      await test.settled();
      const credentials = { sessionId: session.publicId, accessToken: secret, refreshToken: refreshSecret ?? '' };
      return toClerk({ id: made.identities.workspace ?? '', email, credentials });
    },

    async signUp(name, inviteCode) {
      const email = emailOf(name);
      const user = { name, email, password: 'secret1', ...(inviteCode && { inviteCode }) };
      const made = await createRest(host.url).ask<{ user: { id: string }; credentials: Credentials }>(
        'POST',
        '/signup',
        {
          user,
        },
      );
      return toClerk({ id: made.user.id, email, credentials: made.credentials });
    },

    async found(owner, ...others) {
      const { workspace } = await owner.rest.ask<{ workspace: { id: string } }>('POST', '/workspaces', {
        name: 'Acme',
      });
      const { code } = await owner.rest.ask<{ code: string }>('POST', `/workspaces/${workspace.id}/invites`);
      for (const other of others) await other.rest.ask('POST', `/join/${code}`);
      const state = await owner.rest.ask<{ channels: { id: string; name: string }[] }>(
        'GET',
        `/workspaces/${workspace.id}`,
      );
      return { id: workspace.id, general: state.channels.find(({ name }) => name === 'general')?.id ?? '' };
    },

    async settled(...told) {
      await test.settled();
      for (const one of told) await one.roundTrip();
    },

    async close() {
      for (const one of sockets) one.disconnect();
      await host.close();
      await test.close();
    },
  };
}

const emailOf = (name: string) => `${name.split(' ')[0]?.toLowerCase()}@example.com`;

/** What a socket heard of these names, in order. */
export function heardOf(socket: SocketClient, ...names: string[]): [name: string, payload: unknown][] {
  return socket.heard.filter(({ name }) => names.includes(name)).map(({ name, payload }) => [name, payload]);
}
