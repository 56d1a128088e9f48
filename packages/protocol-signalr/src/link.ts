/**
 * One client from negotiation to its end, whatever carries it: what has been read and not been understood yet, what the timers look at,
 * and the kit's connection once hands were shaken. Plain data and functions; decides nothing about chat.
 */
import type { UnixMs } from '@switchboard/core';
import type { Connection, Inbox, Transport } from '@switchboard/protocol';
import type { Dress, HubProtocol, Splitter } from './codec.ts';
import type { SignalrSession } from './session.ts';

/** Hub messages of one client; `VIOLATION` stands for one that cannot be read, in its place in the order. */
export type HubMessage = Buffer | typeof VIOLATION;
export const VIOLATION: unique symbol = Symbol('a message above the limit');

/** What carries a link, once it has been chosen. */
export interface Carrier extends Transport {
  readonly dress: Dress;
  /** What a WebSocket says at its end; others have no such thing. */
  closeCode?: number;
  /** Cut without a goodbye: the client went, or is taken to have gone. */
  destroy(): void;
}

export interface Link {
  /** Public; the connection's id in the kit. */
  readonly id: string;
  /** What requests name it by: the secret token, or (negotiate version 0) the id. Null for WebSockets that negotiated nothing. */
  readonly key: string | null;
  readonly openedAt: UnixMs;
  /** `waiting`: no transport yet. `ended`: nothing is read any more; a long poll may still take the goodbye. */
  phase: 'waiting' | 'handshake' | 'open' | 'ended';
  dress: Dress | null;
  carrier: Carrier | null;
  readonly splitter: Splitter;
  protocol: HubProtocol;
  connection: Connection<SignalrSession> | null;
  inbox: Inbox<HubMessage, SignalrSession> | null;
  /** Bytes that came before a transport was chosen. */
  early: Buffer[] | null;
  earlyBytes: number;
  phaseSince: UnixMs;
  lastHeardAt: UnixMs;
  lastSentAt: UnixMs;
  /** The client has sent a ping: from then on its silence counts. */
  hasPinged: boolean;
  /** Since when the transport has taken nothing more; null: it takes. */
  blockedAt: UnixMs | null;
}
