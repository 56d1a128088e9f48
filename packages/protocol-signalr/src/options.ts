/** What a deployment may set for this wire, with what each setting is when it is not set. */
import { MAX_SEQUENCE_ID, type Namespace, type SyntheticIds, type TokenVerifier } from '@switchboard/core';
import type { RateLimits } from '@switchboard/protocol';
import type { ConversationType } from './wire.ts';

/** A conversation type as `GetGeneralInfo` shows it; what is not given is empty. */
export interface ConversationTypeOptions {
  readonly title: string;
  /** Passed through, enforced nowhere. */
  readonly validations?: readonly { readonly type: string; readonly value: unknown }[];
  readonly identityGroups?: readonly { readonly name: string; readonly title: string }[];
}

export interface SignalrAdapterOptions {
  /** Of the hub. Default `/chathub`; matched without regard to case, with or without a final slash. */
  readonly path?: string;
  /** Id space of the identities. Default `signalr`. */
  readonly namespace?: Namespace;
  /** Asked about tokens that were not issued here. */
  readonly verifier?: TokenVerifier;
  /** Added to (or in place of) the four that are always there: `direct`, `group`, `support`, `channel`. */
  readonly conversationTypes?: Readonly<Record<string, ConversationTypeOptions>>;
  /** Whether the connection that sent a message is told of it, too. Default true. */
  readonly echoNewMessageToCaller?: boolean;
  /** A connection that has not signed in by then is closed; null = never (the default). */
  readonly authorizeTimeoutMs?: number | null;
  /** Largest hub message. Default 256 KiB. */
  readonly messageLimitBytes?: number;
  readonly handshakeTimeoutMs?: number;
  /** A ping when nothing was sent for so long (WebSockets, Server-Sent Events). Default 15 s. */
  readonly keepAliveMs?: number;
  /** Silence of a client that has pinged before. Default 30 s. */
  readonly clientTimeoutMs?: number;
  /** An empty answer to a poll. Default 90 s; to be set below the patience of a proxy. */
  readonly pollTimeoutMs?: number;
  /** A connection that no transport, or no further poll, picks up is forgotten. Default 15 s. */
  readonly disconnectTimeoutMs?: number;
  /** One send to a client that does not read. Default 10 s. */
  readonly sendTimeoutMs?: number;
  /** How long a connection counts for presence after its end. Default 5 s. */
  readonly graceMs?: number;
  /** Lifetime of tokens that the administration asks for, when it names none. Default 30 days. */
  readonly tokenTtlMs?: number;
  readonly rates?: RateLimits;
}

export type SignalrOptions = Required<Omit<SignalrAdapterOptions, 'rates' | 'verifier' | 'conversationTypes'>> & {
  readonly conversationTypes: Readonly<Record<string, ConversationType>>;
  readonly syntheticIdentities: SyntheticIds;
};

/** `u17`: names whoever has no identity here. Wire: PROTOCOL.md, "Names of people". */
export const syntheticIdentities: SyntheticIds = {
  toExternal: (coreId) => `u${coreId}`,
  toCore(externalId) {
    if (!/^u[1-9][0-9]{0,9}$/.test(externalId)) return null;
    const coreId = Number(externalId.slice(1));
    return coreId <= MAX_SEQUENCE_ID ? coreId : null;
  },
};

/** Conversations born on other protocols carry these. Titles in the language of the wire's document. */
const CORE_TYPES = { direct: 'خصوصی', group: 'گروه', support: 'پشتیبانی', channel: 'کانال' } as const;

export function withDefaults(given: SignalrAdapterOptions): SignalrOptions {
  const { conversationTypes = {}, rates: _rates, verifier: _verifier, ...settings } = given;
  const types: Record<string, ConversationTypeOptions> = {};
  for (const [kind, title] of Object.entries(CORE_TYPES)) types[kind] = { title };
  return {
    path: '/chathub',
    namespace: 'signalr',
    echoNewMessageToCaller: true,
    authorizeTimeoutMs: null,
    messageLimitBytes: 256 * 1024,
    handshakeTimeoutMs: 15_000,
    keepAliveMs: 15_000,
    clientTimeoutMs: 30_000,
    pollTimeoutMs: 90_000,
    disconnectTimeoutMs: 15_000,
    sendTimeoutMs: 10_000,
    graceMs: 5_000,
    tokenTtlMs: 30 * 24 * 60 * 60 * 1000,
    ...settings,
    conversationTypes: Object.fromEntries(
      Object.entries({ ...types, ...conversationTypes }).map(([name, type]) => [name, toConversationType(type)]),
    ),
    syntheticIdentities,
  };
}

function toConversationType({
  title,
  validations = [],
  identityGroups = [],
}: ConversationTypeOptions): ConversationType {
  return {
    title,
    validations: validations.map(({ type, value }) => ({ type, value })),
    identityGroups: identityGroups.map(({ name, title: shown }) => ({ name, indicator: { title: shown } })),
  };
}
