/** What a deployment may set for this wire, with what each setting is when it is not set. */
import type { Namespace, TokenVerifier, UserId } from '@switchboard/core';
import type { RateLimits } from '@switchboard/protocol';

/** Who an outside credential stands for. */
export interface KnownClient {
  readonly integrationId: string;
  readonly name?: string;
}

/** A user by an identity; nobody, where there is none. */
export interface OutsideName {
  readonly namespace: Namespace;
  readonly externalId: string;
}

export interface IqchannelsAdapterOptions {
  /** Credential → client. Looked at first. */
  readonly credentials?: Readonly<Record<string, KnownClient>>;
  /** The outside system that knows clients by their credentials. Asked second. */
  readonly verifier?: TokenVerifier | null;
  /** Any text that is not empty is its own `IntegrationId`. Default: outside production, where nothing else is configured. */
  readonly developmentCredentials?: boolean;
  /** Calls under `/api/v1` without any credential act as this user. Refused in production. */
  readonly openOperator?: UserId | OutsideName | null;
  /** Text from other wires is made harmless for clients that render HTML. Default true. */
  readonly escapeForeignText?: boolean;
  /** A directory served at `/widget/`; default none. */
  readonly widgetDir?: string | null;
  /** As the widget is told; decides what it asks. Default `4.4.0`. */
  readonly version?: string;
  /** Of clients who give none. Default `Гость`. */
  readonly guestName?: string;
  /** Id space of integration ids, and the mark of what was written here. Default `iqchannels`. */
  readonly namespace?: Namespace;
  /** How long a file link lives. Default 1 h. */
  readonly fileTokenTtlMs?: number;
  /** Largest upload; never above the core's own limit. Default 64 MiB. */
  readonly fileBytes?: number;
  /** Lower case, without a dot. `null` allowed = everything. */
  readonly allowedExtensions?: readonly string[] | null;
  readonly forbiddenExtensions?: readonly string[] | null;
  /** Largest JSON body. Default 1 MiB. */
  readonly bodyBytes?: number;
  /** After its last use an integrated session ends. Default 90 days. */
  readonly integratedIdleMs?: number;
  /** How long a caller without a stream is online after its last call. Default 60 s. */
  readonly graceMs?: number;
  /** Comments that keep silent streams open. Default 20 s. */
  readonly heartbeatMs?: number;
  /** Default 25 s. */
  readonly pingIntervalMs?: number;
  /** Between the failure frame of a stream and its end. Default 3 s. */
  readonly failurePauseMs?: number;
  readonly rates?: RateLimits;
}

export type IqchannelsOptions = Required<Omit<IqchannelsAdapterOptions, 'rates' | 'developmentCredentials'>> & {
  readonly developmentCredentials: boolean | null;
  readonly rates: RateLimits | undefined;
};

const DAY_MS = 86_400_000;

export function withDefaults({ rates, developmentCredentials, ...given }: IqchannelsAdapterOptions): IqchannelsOptions {
  return {
    credentials: {},
    verifier: null,
    openOperator: null,
    escapeForeignText: true,
    widgetDir: null,
    version: '4.4.0',
    guestName: 'Гость',
    namespace: 'iqchannels',
    fileTokenTtlMs: 3_600_000,
    fileBytes: 64 * 1024 * 1024,
    allowedExtensions: null,
    forbiddenExtensions: null,
    bodyBytes: 1024 * 1024,
    integratedIdleMs: 90 * DAY_MS,
    graceMs: 60_000,
    heartbeatMs: 20_000,
    pingIntervalMs: 25_000,
    failurePauseMs: 3_000,
    ...given,
    developmentCredentials: developmentCredentials ?? null,
    rates,
  };
}
