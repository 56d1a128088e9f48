/** One mounted adapter on a core of its own, and people who come to it with REST and real socket.io clients. */
import type { Core } from '@switchboard/core';
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
  readonly accessTokenExpiredAt: string;
  readonly refreshTokenExpiredAt: string;
}

/** Somebody with an account. */
export interface Clerk {
  readonly id: string;
  readonly email: string;
  readonly rest: RestClient;
  readonly credentials: Credentials;
  /** A socket that is bound to the workspace. */
  sit(workspaceId: string, options?: SocketOptions & { readonly onlineStatus?: string }): Promise<SocketClient>;
}

export interface Office {
  readonly test: TestCore;
  readonly core: Core;
  readonly host: TestHost;
  readonly rest: RestClient;
  socket(options?: SocketOptions): SocketClient;
  /** Signs up, with an invite code where one is given. */
  hire(name: string, inviteCode?: string): Promise<Clerk>;
  /** A workspace of the first, joined by the others. */
  found(owner: Clerk, ...others: Clerk[]): Promise<{ readonly id: string; readonly general: string }>;
  /** Everything committed has been delivered and has reached these sockets. */
  settled(...sockets: SocketClient[]): Promise<void>;
  close(): Promise<void>;
}

export const QUIET = { microphone: false, speakers: true, screen: false, camera: false, speaking: false };

/** Graces that a test can wait for. */
export const SHORT_GRACES = { graceMs: 150, callGraceMs: 300, leaveGraceMs: 30 };

export async function createOffice(options: OfficeOptions = {}): Promise<Office> {
  const test = await createTestCore({ clock: 'real', ...options.core });
  const host = await createTestHost(test, createWorkspaceAdapter({ ...SHORT_GRACES, ...options.adapter }), options);
  const sockets: SocketClient[] = [];

  function socket(about?: SocketOptions): SocketClient {
    const opened = openSocket(host.url, about);
    sockets.push(opened);
    return opened;
  }

  return {
    test,
    core: test.core,
    host,
    rest: createRest(host.url),
    socket,

    async hire(name, inviteCode) {
      const email = `${name.toLowerCase()}@example.com`;
      const rest = createRest(host.url);
      const user = { name, email, password: 'secret1', ...(inviteCode && { inviteCode }) };
      const made = await rest.ask<{ user: { id: string }; credentials: Credentials }>('POST', '/signup', { user });
      rest.token = made.credentials.accessToken;
      return {
        id: made.user.id,
        email,
        rest,
        credentials: made.credentials,
        async sit(workspaceId, { onlineStatus, ...about } = {}) {
          const opened = socket(about);
          await opened.auth({ workspaceId, token: rest.token, ...(onlineStatus && { onlineStatus }) });
          return opened;
        },
      };
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
      // A refusal comes behind everything that was on its way to the socket.
      for (const one of told) {
        const transaction = `settled-${Math.random()}`;
        one.emit('auth', { transaction });
        await one.next(`socket-api-error-${transaction}`);
      }
    },

    async close() {
      for (const one of sockets) one.disconnect();
      await host.close();
      await test.close();
    },
  };
}

/** What a socket heard of these names, in order. */
export function heardOf(socket: SocketClient, ...names: string[]): [name: string, payload: unknown][] {
  return socket.heard.filter(({ name }) => names.includes(name)).map(({ name, payload }) => [name, payload]);
}
