/** The listening addresses of one gateway: the common one, the administration's, and those of adapters that have a port of their own. */
import type { Log } from '@switchboard/core';
import type { ProtocolName } from './config/schema.ts';
import type { Config } from './config.ts';
import { type BoundAddress, createHttpHost, type HttpHost } from './http-host.ts';

export interface Hosts {
  readonly main: HttpHost;
  /** The main one, unless the administration has an address of its own. */
  readonly admin: HttpHost;
  hostOf(protocol: ProtocolName): HttpHost;
  /** Throws ListenError. */
  listen(): Promise<BoundHosts>;
  /** Clients are taken no more; the administration answers until `close`. */
  stopListening(): void;
  /** Cuts what is still open. */
  close(): Promise<void>;
}

export interface BoundHosts {
  readonly main: BoundAddress;
  readonly admin: BoundAddress;
  readonly own: ReadonlyMap<string, BoundAddress>;
}

/** Goodbyes have left; clients are given this long to hang up by themselves. */
const HANG_UP_MS = 300;

export function createHosts(config: Config, log: Log): Hosts {
  const { listen } = config;
  const main = createHttpHost({ log });
  const admin = listen.admin ? createHttpHost({ log }) : main;
  const own = new Map(Object.keys(listen.adapters).map((name) => [name, createHttpHost({ log })]));
  const clientHosts = [main, ...own.values()];

  return {
    main,
    admin,
    hostOf: (protocol) => own.get(protocol) ?? main,

    async listen() {
      const boundMain = await main.listen(listen.main);
      const boundAdmin = listen.admin ? await admin.listen(listen.admin) : boundMain;
      const boundOwn = new Map<string, BoundAddress>();
      for (const [name, host] of own) {
        const address = listen.adapters[name];
        if (address) boundOwn.set(name, await host.listen(address));
      }
      return { main: boundMain, admin: boundAdmin, own: boundOwn };
    },

    stopListening() {
      for (const host of clientHosts) host.stopListening();
    },

    async close() {
      await Promise.race([
        Promise.all(clientHosts.map((host) => host.drained())),
        new Promise((resolve) => setTimeout(resolve, HANG_UP_MS)),
      ]);
      await Promise.all([...new Set([...clientHosts, admin])].map((host) => host.close()));
    },
  };
}
