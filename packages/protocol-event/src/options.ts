/** What a deployment may set for this wire, with what each setting is when it is not set. */
import { type Namespace, numericSyntheticIds, type SyntheticIds } from '@switchboard/core';
import type { RateLimits } from '@switchboard/protocol';

export interface EventAdapterOptions {
  /** Shared HS256 secret of whoever signs the tokens. */
  readonly secret: string;
  /** Default `/ws`. */
  readonly path?: string;
  /** Whether the adapter has a port of its own: then every path answers as this wire does, token first. Default false. */
  readonly ownPort?: boolean;
  /** Id space of the `sid`s and application ids. Default `event`. */
  readonly namespace?: Namespace;
  /** The queue that holds the conversations opened here. Default `event`. */
  readonly queue?: string;
  /** `iss` of the tokens that this gateway signs. Default `switchboard`. */
  readonly tokenIssuer?: string;
  /** Foreign tokens must carry the `sid` as `sub`, too. Default false. */
  readonly bindSubToSid?: boolean;
  /** A customer may only use the application that its token names as `request_id`. Default false. */
  readonly restrictCustomersToRequest?: boolean;
  /** Moderators who have joined nothing hear of messages that nobody attends. Default true. */
  readonly notifyIdleModerators?: boolean;
  /** What answers `Event.ReadMessage`: null, or the two ids as in the younger server. Default `null`. */
  readonly readMessageResult?: 'null' | 'ids';
  /** Joined connections of one conversation, over all nodes. Default 50. */
  readonly roomLimit?: number;
  /** Largest frame. Default 512 KiB. */
  readonly frameLimitBytes?: number;
  /** First synthetic numbers less one. Defaults 3,000,000,000 and 1,000,000,000. */
  readonly syntheticSidBase?: number;
  readonly syntheticApplicationBase?: number;
  /** How long a connection counts for presence after its end. Default 5 s. */
  readonly graceMs?: number;
  /** Default 54 s and 60 s. */
  readonly pingIntervalMs?: number;
  readonly pongTimeoutMs?: number;
  /** Lifetime of tokens that the administration asks for, when it names none. Default 24 h. */
  readonly tokenTtlMs?: number;
  readonly rates?: RateLimits;
}

export type EventOptions = Required<
  Omit<EventAdapterOptions, 'rates' | 'syntheticSidBase' | 'syntheticApplicationBase'>
> & {
  readonly syntheticSids: SyntheticIds;
  readonly syntheticApplications: SyntheticIds;
  readonly rates: RateLimits | undefined;
};

export function withDefaults(options: EventAdapterOptions): EventOptions {
  const { syntheticSidBase = 3_000_000_000, syntheticApplicationBase = 1_000_000_000, rates, ...given } = options;
  return {
    path: '/ws',
    ownPort: false,
    namespace: 'event',
    queue: 'event',
    tokenIssuer: 'switchboard',
    bindSubToSid: false,
    restrictCustomersToRequest: false,
    notifyIdleModerators: true,
    readMessageResult: 'null',
    roomLimit: 50,
    frameLimitBytes: 512 * 1024,
    graceMs: 5_000,
    pingIntervalMs: 54_000,
    pongTimeoutMs: 60_000,
    tokenTtlMs: 24 * 60 * 60 * 1000,
    ...given,
    rates,
    syntheticSids: numericSyntheticIds(syntheticSidBase, 'event.syntheticSidBase'),
    syntheticApplications: numericSyntheticIds(syntheticApplicationBase, 'event.syntheticApplicationBase'),
  };
}
