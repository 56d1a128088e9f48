/** What the tests of this wire share: a queue with operators, a client that signs in, and streams. */
import { adminActor, type Space, type User } from '@switchboard/core';
import type { ProtocolAdapter } from '@switchboard/protocol';
import {
  createTestCore,
  createTestHost,
  type TestCore,
  type TestHost,
  type TestHostOptions,
} from '@switchboard/testing';
import { createIqchannelsAdapter, type IqchannelsAdapterOptions } from '../../src/index.ts';
import { createIqClient, type IqClient, type Loose, send } from '../../testing/driver.ts';

export interface Desk {
  readonly test: TestCore;
  readonly core: TestCore['core'];
  readonly host: TestHost;
  readonly queue: Space;
  readonly dave: User;
  readonly erin: User;
  /** Signed in on the operator API. */
  operator(user: User): Promise<IqClient>;
  /** Signs a client in with an integration credential, on the client API. */
  client(credentials: string): Promise<IqClient & { readonly id: number; readonly auth: Loose }>;
  /** The same session on the operator API. */
  seed(client: IqClient): IqClient;
  readonly apis: { readonly client: string; readonly operator: string };
  close(): Promise<void>;
}

export interface DeskOptions {
  readonly adapter?: IqchannelsAdapterOptions;
  readonly host?: TestHostOptions;
  readonly clock?: 'fake' | 'real';
  readonly test?: TestCore;
}

export async function createDesk(options: DeskOptions = {}): Promise<Desk> {
  const test = options.test ?? (await createTestCore({ clock: options.clock ?? 'real' }));
  const { core } = test;
  const admin = adminActor();
  const dave = await core.users.create(admin, { displayName: 'Dave' });
  const erin = await core.users.create(admin, { displayName: 'Erin' });
  const { space: queue } = await core.spaces.create(admin, {
    kind: 'queue',
    name: 'support',
    title: 'Поддержка',
    members: [
      { userId: dave.id, role: 'admin' },
      { userId: erin.id, role: 'staff' },
    ],
  });
  const adapter: ProtocolAdapter = createIqchannelsAdapter({ failurePauseMs: 50, ...options.adapter });
  const host = await createTestHost(test, adapter, options.host);
  return {
    test,
    core,
    host,
    queue,
    dave,
    erin,
    ...speakers(host),
    close: async () => {
      await host.close();
      if (!options.test) await test.close();
    },
  };
}

/** Clients of a host. */
export function speakers(host: TestHost) {
  const apis = { client: `${host.url}/public/api/v1`, operator: `${host.url}/api/v1` };
  return {
    apis,
    async operator(user: User): Promise<IqClient> {
      const { connect } = await host.credential(user.id, { role: 'operator' });
      return createIqClient(apis.operator, String(connect.token), 'User');
    },
    async client(credentials: string) {
      const { envelope } = await send(`${apis.client}/clients/integration_auth`, {
        body: { Credentials: credentials },
      });
      const auth = envelope.Result;
      const made = createIqClient(apis.client, auth.Session.Token, 'Client');
      return Object.assign(made, { id: auth.Client.Id as number, auth });
    },
    seed: (client: IqClient) => createIqClient(apis.operator, client.token, 'Client'),
  };
}
