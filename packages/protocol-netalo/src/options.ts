/** What a deployment may set for this wire, with what each setting is when it is not set. */
import { type Namespace, numericSyntheticIds, type SyntheticIds, type TokenVerifier } from '@switchboard/core';
import type { Rate } from '@switchboard/protocol';

export interface NetaloAdapterOptions {
  /** Id space of the `uin`s. Default `netalo`. */
  readonly namespace?: Namespace;
  /** Asked about session strings that were not issued here: a deployment's own login server. */
  readonly verifier?: TokenVerifier;
  /** Which older connection falls when somebody logs in: of the same session string, of the same user, or none. Default `session`. */
  readonly conflictPolicy?: 'session' | 'user' | 'none';
  /** How ids are written: decimal strings, or JSON numbers for clients written from the document. Default `string`. */
  readonly idFormat?: 'string' | 'number';
  /** The type as which one-to-one conversations of other protocols appear. Default 3. */
  readonly directGroupType?: 1 | 3;
  /** Whether unknown `uin`s become users when they are named. Default true; else they are refused with 3. */
  readonly provisionUnknownUsers?: boolean;
  /** Less one: where computed `uin`s begin. Default 9000000000000000. */
  readonly syntheticUinBase?: number;
  /** How long a connection counts for presence after its end. Default 0. */
  readonly offlineDelayMs?: number;
  /** Default 60 s. */
  readonly ringMs?: number;
  /** How long a call waits for a participant whose connections are gone. Default 15 s. */
  readonly callGraceMs?: number;
  /** Whether a call leaves a message behind. Default true. */
  readonly recordCalls?: boolean;
  /** Requests of one connection; null = unlimited. Default 50 a second, 200 at once. */
  readonly rate?: Rate | null;
  /** Lifetime of sessions that the administration asks for, when it names none. Default: for ever. */
  readonly sessionTtlMs?: number | null;
  /** The engine's, where this adapter is the first to ask for it. Defaults 25 s, 15 s and 1 MiB. */
  readonly pingIntervalMs?: number;
  readonly pingTimeoutMs?: number;
  readonly maxPacketBytes?: number;
}

export type NetaloOptions = Required<
  Omit<NetaloAdapterOptions, 'verifier' | 'syntheticUinBase' | 'pingIntervalMs' | 'pingTimeoutMs' | 'maxPacketBytes'>
> & {
  readonly verifier: TokenVerifier | undefined;
  readonly syntheticUins: SyntheticIds;
};

export function withDefaults(options: NetaloAdapterOptions): NetaloOptions {
  const { syntheticUinBase = 9_000_000_000_000_000, verifier, ...given } = options;
  const { pingIntervalMs: _interval, pingTimeoutMs: _timeout, maxPacketBytes: _bytes, ...settings } = given;
  return {
    namespace: 'netalo',
    conflictPolicy: 'session',
    idFormat: 'string',
    directGroupType: 3,
    provisionUnknownUsers: true,
    offlineDelayMs: 0,
    ringMs: 60_000,
    callGraceMs: 15_000,
    recordCalls: true,
    rate: { perSecond: 50, burst: 200 },
    sessionTtlMs: null,
    ...settings,
    verifier,
    syntheticUins: numericSyntheticIds(syntheticUinBase, 'netalo.syntheticUinBase'),
  };
}
