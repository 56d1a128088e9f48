/**
 * One engine connection and the namespaces its client is in. Writes prebuilt frames to the socket itself, past Engine.IO and `ws`, and
 * through Engine.IO's packets while the client polls. Plain data and shared functions: an idle connection keeps no closure of ours.
 * Knows no namespace's meaning.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '@switchboard/core';
import { type Drainable, splitFrames } from '@switchboard/protocol';
import type { Socket as EngineSocket } from 'engine.io';
import type { Handshake, NamespaceHandlers, NamespaceSocket } from './namespace.ts';
import { encodeDisconnect, type RawPacket } from './packets.ts';

/** A namespace that an adapter has claimed. */
export interface Claim {
  readonly name: string;
  readonly handlers: NamespaceHandlers<unknown>;
  readonly sockets: Set<Member>;
  isClosed: boolean;
  /** Called whenever a socket is gone. */
  onGone: (() => void) | null;
}

/** One client in one namespace, as this package sees it. */
export interface Member extends NamespaceSocket {
  readonly link: Link;
  readonly claim: Claim;
  owner: Drainable | null;
  isPaused: boolean;
}

export interface Link {
  readonly conn: EngineSocket;
  /** The engine's id of the connection. */
  readonly sid: string;
  readonly clock: Clock;
  /** Without `auth`, which each namespace has for itself. */
  readonly handshake: Omit<Handshake, 'auth'>;
  members: Member[];
  /** The stream under the WebSocket; null while the client polls. */
  stream: Duplex | null;
  /** Bytes that Engine.IO holds for us. */
  heldBytes: number;
  /** An event whose binary parts are on their way. */
  partial: { readonly packet: RawPacket; readonly binaries: Buffer[] } | null;
  /** Requests with data that wait until the namespaces take events again. */
  waiting: (() => void)[] | null;
  /** Called when no namespace holds the connection any more. */
  readonly onEmpty: (link: Link) => void;
}

/** How long a client may take to close, or to read what is left, before it is cut. */
const LINGER_MS = 3_000;

export function createLink(options: Pick<Link, 'conn' | 'clock' | 'handshake' | 'onEmpty'>): Link {
  // Private by its type alone: it is in the client's every request.
  const { id: sid } = options.conn as unknown as { readonly id: string };
  return { ...options, sid, members: [], stream: null, heldBytes: 0, partial: null, waiting: null };
}

/** What of a WebSocket Engine.IO and `ws` keep to themselves. Where it is not as expected, everything goes through their packets. */
interface EngineWebSocket {
  readonly _socket?: Duplex;
  pause?(): void;
  resume?(): void;
}

/** Null: the client polls. */
export function webSocketOf({ conn }: Link): EngineWebSocket | null {
  if (conn.transport.name !== 'websocket') return null;
  return (conn.transport as unknown as { readonly socket?: EngineWebSocket }).socket ?? null;
}

/** Whole frames. False: no more until the link has drained. */
export function writeToLink(link: Link, bytes: Buffer): boolean {
  const { conn, stream } = link;
  if (conn.readyState !== 'open') return true;
  // Packets that Engine.IO still holds come first: it has them from the time of polling.
  if (stream && heldPackets(conn) === 0) {
    if (stream.destroyed || stream.writableEnded) return true;
    return stream.write(bytes);
  }
  for (const { payload } of splitFrames(bytes)) {
    link.heldBytes += payload.length;
    // The first character is Engine.IO's type, which `send` writes itself.
    conn.send(payload.toString('utf8', 1));
  }
  return heldPackets(conn) === 0;
}

function heldPackets(conn: EngineSocket): number {
  return (conn as unknown as { readonly writeBuffer: readonly unknown[] }).writeBuffer.length;
}

/** Engine.IO has handed on what it held, or the kernel takes bytes again. */
export function drainLink(link: Link): void {
  link.heldBytes = 0;
  for (const { owner } of [...link.members]) owner?.drained();
}

/** Closes the engine connection in order; whoever does not close in turn is cut. */
export function endLink(link: Link): void {
  const { conn, clock } = link;
  if (conn.readyState === 'closed') return;
  // Engine.IO would give a client that polls half a minute to come for its goodbye.
  Object.assign(conn.transport, { closeTimeout: LINGER_MS });
  const cancel = clock.after(LINGER_MS, () => cutLink(link));
  conn.once('close', cancel);
  conn.close();
}

export function cutLink(link: Link): void {
  const { stream, conn } = link;
  if (stream) stream.destroy();
  // `close` waits for a poll, even when it is told not to.
  else (conn as unknown as { onClose(reason: string): void }).onClose('forced close');
}

export function createMember(link: Link, claim: Claim, about: { readonly id: string; readonly auth: object }): Member {
  const member: Member = {
    id: about.id,
    handshake: { ...link.handshake, auth: about.auth as Handshake['auth'] },
    state: null,
    link,
    claim,
    owner: null,
    isPaused: false,
    write,
    bufferedBytes,
    attach,
    pause,
    resume,
    end,
    destroy,
    leave,
  };
  link.members.push(member);
  claim.sockets.add(member);
  return member;
}

/** Takes a member out, and tells its namespace. */
export function removeMember(member: Member, hasLeft = false): void {
  const { link, claim } = member;
  if (!claim.sockets.delete(member)) return;
  link.members = link.members.filter((other) => other !== member);
  member.resume();
  claim.handlers.disconnected(member, hasLeft);
  claim.onGone?.();
}

function write(this: Member, bytes: Buffer): boolean {
  return writeToLink(this.link, bytes);
}

function bufferedBytes(this: Member): number {
  return (this.link.stream?.writableLength ?? 0) + this.link.heldBytes;
}

function attach(this: Member, owner: Drainable): void {
  this.owner = owner;
}

function pause(this: Member): void {
  this.isPaused = true;
  webSocketOf(this.link)?.pause?.();
}

function resume(this: Member): void {
  this.isPaused = false;
  const { link } = this;
  if (isPaused(link)) return;
  webSocketOf(link)?.resume?.();
  const { waiting } = link;
  link.waiting = null;
  for (const go of waiting ?? []) go();
}

export function isPaused(link: Link): boolean {
  return link.members.some((member) => member.isPaused);
}

function end(this: Member, last?: Buffer): void {
  if (last) this.write(last);
  endLink(this.link);
}

function destroy(this: Member): void {
  cutLink(this.link);
}

function leave(this: Member): void {
  const { link, claim } = this;
  if (!claim.sockets.has(this)) return;
  this.write(encodeDisconnect(claim.name));
  removeMember(this);
  if (link.members.length === 0) link.onEmpty(link);
}
