/** What a deployment may set for this wire, with what each setting is when it is not set. */
import type { Namespace } from '@switchboard/core';
import type { RateLimits } from '@switchboard/protocol';

export interface WorkspaceAdapterOptions {
  /** Id space of users, workspaces and channels. Default `workspace`. */
  readonly namespace?: Namespace;
  /** Life of an access token. Default 1 h. */
  readonly accessTtlMs?: number;
  /** Life of a session after its last rotation. Default 31 days. */
  readonly refreshTtlMs?: number;
  /** How long a connection counts after the transport is lost, and in a call; after the client's own `disconnect()`. Defaults 5, 60, 1 s. */
  readonly graceMs?: number;
  readonly callGraceMs?: number;
  readonly leaveGraceMs?: number;
  /** How long an invite into a channel waits for its answer. Default 40 s. */
  readonly inviteMs?: number;
  /** Life of invites to workspaces and channels. Default 24 h. */
  readonly inviteTtlMs?: number;
  /** Life of a sign-in link. Default 10 min. */
  readonly signInLinkTtlMs?: number;
  /** `mini-chat` is kept as messages, and messages of other wires are shown in the call. Default true. */
  readonly storeMiniChat?: boolean;
  /** Largest `conversation-broadcast`. Default 64 KiB. */
  readonly broadcastLimitBytes?: number;
  /** Largest body of a request. Default 1 MiB. */
  readonly bodyLimitBytes?: number;
  /** The media server, as clients reach it. Without one clients are given addresses at which nobody answers. */
  readonly janusUrl?: string;
  readonly janusWsUrl?: string;
  readonly rates?: RateLimits;
}

/** Nobody answers there: a client that wants media leaves the call by itself. */
const NO_JANUS = { http: 'http://127.0.0.1:8088/janus', ws: 'ws://127.0.0.1:8188' };

export type WorkspaceOptions = Required<Omit<WorkspaceAdapterOptions, 'rates'>> & {
  readonly rates: RateLimits | undefined;
};

export function withDefaults({ rates, ...given }: WorkspaceAdapterOptions): WorkspaceOptions {
  return {
    namespace: 'workspace',
    accessTtlMs: 60 * 60 * 1000,
    refreshTtlMs: 31 * 24 * 60 * 60 * 1000,
    graceMs: 5_000,
    callGraceMs: 60_000,
    leaveGraceMs: 1_000,
    inviteMs: 40_000,
    inviteTtlMs: 24 * 60 * 60 * 1000,
    signInLinkTtlMs: 10 * 60 * 1000,
    storeMiniChat: true,
    broadcastLimitBytes: 64 * 1024,
    bodyLimitBytes: 1024 * 1024,
    janusUrl: NO_JANUS.http,
    janusWsUrl: NO_JANUS.ws,
    ...given,
    rates,
  };
}
