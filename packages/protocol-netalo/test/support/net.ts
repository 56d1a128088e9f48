/** People with `uin`s around one mounted adapter, and their clients. */
import { adminActor, type ConversationId, type User } from '@switchboard/core';
import {
  connectNetalo,
  type NetaloClient,
  type NetaloConnect,
  type NetaloOptions,
} from '@switchboard/protocol-netalo/testing';
import {
  createTestCore,
  createTestHost,
  type TestCore,
  type TestCoreOptions,
  type TestHost,
  type TestHostOptions,
} from '@switchboard/testing';
import { createNetaloAdapter, type NetaloAdapterOptions } from '../../src/index.ts';

export interface Net {
  readonly test: TestCore;
  readonly host: TestHost;
  /** A user with this `uin`, made when new. */
  person(uin: string): Promise<User>;
  credential(uin: string): Promise<NetaloConnect>;
  /** A signed-in client; a second one of the same `uin` is another device. Closed at the end. */
  connect(uin: string, options?: NetaloOptions): Promise<NetaloClient>;
  /** The group's id and the group, made by the first. */
  group(client: NetaloClient, uins: readonly string[], fields?: object): Promise<string>;
  /** Resolves when what has happened so far has been told. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface NetOptions {
  readonly adapter?: NetaloAdapterOptions;
  readonly core?: TestCoreOptions;
  readonly host?: TestHostOptions;
  readonly test?: TestCore;
}

export async function createNet(options: NetOptions = {}): Promise<Net> {
  const test = options.test ?? (await createTestCore({ clock: 'real', ...options.core }));
  const host = await createTestHost(test, createNetaloAdapter(options.adapter), options.host);
  const clients: NetaloClient[] = [];

  const net: Net = {
    test,
    host,
    person: (uin) =>
      test.core.identities.provision(adminActor(), { namespace: 'netalo', externalId: uin }, { kind: 'person' }),
    async credential(uin) {
      const user = await net.person(uin);
      return (await host.credential(user.id)).connect as unknown as NetaloConnect;
    },
    async connect(uin, clientOptions) {
      const client = await connectNetalo(await net.credential(uin), clientOptions);
      clients.push(client);
      return client;
    },
    async group(client, uins, fields = {}) {
      const { group } = await client.ask<{ group: { group_id: string } }>('create_group', {
        name: 'group',
        type: 2,
        occupants_uins: uins,
        ...fields,
      });
      return group.group_id;
    },
    async settled() {
      await test.settled();
      // A round trip on every socket: what was written before has arrived.
      await Promise.all(
        clients.filter(({ socket }) => socket.connected).map((client) => client.call('list_group', { psize: 1 })),
      );
    },
    async close() {
      for (const client of clients) client.close();
      await host.close();
      if (!options.test) await test.close();
    },
  };
  return net;
}

export function toConversationId(groupId: string): ConversationId {
  return Number(groupId) as ConversationId;
}

/** Names of what came and was not taken, once everything under way has arrived. */
export async function rest(net: Net, ...clients: readonly NetaloClient[]): Promise<string[][]> {
  await net.settled();
  return clients.map((client) => client.take().map(({ name }) => name));
}
