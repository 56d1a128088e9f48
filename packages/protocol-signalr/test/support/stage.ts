/** The world with the adapter on a free port, for tests that speak the wire. */
import type { SignalrAdapterOptions } from '@switchboard/protocol-signalr';
import { createSignalrAdapter } from '@switchboard/protocol-signalr';
import { connectSignalr, type SignalrClient, type SignalrConnect } from '@switchboard/protocol-signalr/testing';
import {
  createTestHost,
  createWorld,
  type Person,
  type TestHost,
  type TestHostOptions,
  type World,
  type WorldOptions,
} from '@switchboard/testing';

export interface Stage {
  readonly world: World;
  readonly host: TestHost;
  readonly hubUrl: string;
  credential(person: Person): Promise<SignalrConnect>;
  connect(person: Person): Promise<SignalrClient>;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly adapter?: SignalrAdapterOptions;
  readonly world?: WorldOptions;
  readonly host?: TestHostOptions;
}

/** All four have their names as identities here. */
export const IDENTITIES: WorldOptions['identities'] = (person) => [{ namespace: 'signalr', externalId: person }];

export async function createStage(options: StageOptions = {}): Promise<Stage> {
  const world = await createWorld({ clock: 'real', identities: IDENTITIES, ...options.world });
  const host = await createTestHost(world.test, createSignalrAdapter(options.adapter), options.host);
  const clients: SignalrClient[] = [];
  const stage: Stage = {
    world,
    host,
    hubUrl: `${host.url}${options.adapter?.path ?? '/chathub'}`,
    async credential(person) {
      const { connect } = await host.credential(world.people[person].id);
      return connect as unknown as SignalrConnect;
    },
    async connect(person) {
      const client = await connectSignalr(await stage.credential(person));
      clients.push(client);
      return client;
    },
    async close() {
      await Promise.all(clients.map((client) => client.close().catch(() => undefined)));
      await host.close();
      await world.close();
    },
  };
  return stage;
}
