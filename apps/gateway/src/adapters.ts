/** The protocols that are built in, in the order in which they claim their paths: one row each. */
import type { Clock, Log } from '@switchboard/core';
import type { MountedAdapter, ProtocolAdapter } from '@switchboard/protocol';
import { createEventAdapter } from '@switchboard/protocol-event';
import { createIqchannelsAdapter } from '@switchboard/protocol-iqchannels';
import { createNetaloAdapter } from '@switchboard/protocol-netalo';
import { createSignalrAdapter } from '@switchboard/protocol-signalr';
import { createWorkspaceAdapter } from '@switchboard/protocol-workspace';
import type { JwtSettings, ProtocolName } from './config/schema.ts';
import type { Config } from './config.ts';
import { createVerifierChain } from './verifiers/chain.ts';
import { createIntrospectionVerifier } from './verifiers/introspection.ts';
import { createJwks } from './verifiers/jwks.ts';
import { createJwtVerifier, type JwtVerifierOptions } from './verifiers/jwt.ts';

export interface AdapterRow {
  readonly name: ProtocolName;
  /** Null when the configuration switches it off. */
  readonly create: (config: Config, ports: { readonly clock: Clock; readonly log: Log }) => ProtocolAdapter | null;
}

/** A protocol at work, as the administration sees it. */
export interface RunningAdapter {
  readonly name: ProtocolName;
  readonly mounted: MountedAdapter;
  /** Known once the gateway listens. */
  baseUrl(): string;
}

export const ADAPTERS: readonly AdapterRow[] = [
  {
    name: 'iqchannels',
    create({ iqchannels }, ports) {
      if (!iqchannels) return null;
      const { introspection, ...settings } = iqchannels;
      const verifier = introspection ? createIntrospectionVerifier({ ...introspection, ...ports }) : null;
      return createIqchannelsAdapter({ ...settings, verifier });
    },
  },
  {
    name: 'signalr',
    create({ signalr }, ports) {
      if (!signalr) return null;
      const { introspection, jwt, ...settings } = signalr;
      const verifiers = [
        ...(jwt ? [createJwtVerifier(toJwtOptions(jwt, ports))] : []),
        ...(introspection ? [createIntrospectionVerifier({ ...introspection, ...ports })] : []),
      ];
      return createSignalrAdapter({
        ...settings,
        ...(verifiers.length > 0 && { verifier: createVerifierChain(verifiers) }),
      });
    },
  },
  {
    name: 'event',
    create: ({ event, listen }) => event && createEventAdapter({ ...event, ownPort: 'event' in listen.adapters }),
  },
  {
    name: 'netalo',
    create({ netalo }, ports) {
      if (!netalo) return null;
      const { introspection, ...settings } = netalo;
      const verifier = introspection ? createIntrospectionVerifier({ ...introspection, ...ports }) : null;
      return createNetaloAdapter({ ...settings, ...(verifier && { verifier }) });
    },
  },
  // Last: every path that is nobody's is its.
  { name: 'workspace', create: ({ workspace }) => workspace && createWorkspaceAdapter(workspace) },
];

function toJwtOptions(settings: JwtSettings, ports: { readonly clock: Clock; readonly log: Log }): JwtVerifierOptions {
  const { secret, publicKey, jwksUrl, ...rest } = settings;
  const keys = secret ? { secret } : publicKey ? { publicKey } : { jwks: createJwks({ url: jwksUrl ?? '', ...ports }) };
  return { keys, clock: ports.clock, ...rest };
}
