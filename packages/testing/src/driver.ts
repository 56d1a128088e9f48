/**
 * What the contract suite asks of every protocol's test client (`testing/driver.ts` of its package): the same few acts, on the real
 * client library, in core ids. A driver never uses the adapter's codec: a mistake must not test itself.
 */
import type { ConversationId, JsonObject, UserId } from '@switchboard/core';

/** What a client heard, in words that all wires share. */
export type ClientEvent =
  | { readonly type: 'message'; readonly conversationId: ConversationId; readonly text: string }
  | { readonly type: 'read'; readonly conversationId: ConversationId; readonly userId: UserId }
  | { readonly type: 'joined' | 'left'; readonly conversationId: ConversationId; readonly userId: UserId }
  | { readonly type: 'presence'; readonly userId: UserId; readonly online: boolean }
  /** The server's goodbye, or a lost transport. `shouldReturn`: what a client of this wire makes of it. */
  | { readonly type: 'closed'; readonly shouldReturn: boolean };

/** Events of one client, kept from its start; waits end by the event, never by the clock. */
export interface ClientEvents {
  readonly all: readonly ClientEvent[];
  /** For the driver. */
  push(event: ClientEvent): void;
  /** The first event, past or to come, that fits; rejects after 10 s with what came instead. */
  waitFor(what: string, fits: (event: ClientEvent) => boolean): Promise<ClientEvent>;
}

export interface ProtocolClient {
  readonly events: ClientEvents;
  /** Resolves with the wire's acknowledgement, rejects with its refusal. A client ref, where the wire has one, makes it repeatable. */
  send(conversationId: ConversationId, text: string, clientRef?: string): Promise<void>;
  /** Texts of the conversation, oldest first, as this user may read them. */
  history(conversationId: ConversationId): Promise<readonly string[]>;
  /** Marks everything there as read. */
  markRead(conversationId: ConversationId): Promise<void>;
  unreadCount(conversationId: ConversationId): Promise<number>;
  leave(conversationId: ConversationId): Promise<void>;
  isOnline(userId: UserId): Promise<boolean>;
  /** Sends bytes that the wire's grammar does not know; resolves when the answer, or the end of the connection, has come. */
  sendMalformed(): Promise<'answered' | 'closed'>;
  /** As `sendMalformed`, with an operation that this wire has no name for. */
  sendUnknown(): Promise<'answered' | 'closed'>;
  /** Stops taking bytes from the socket. */
  pauseReading(): void;
  /** Cuts the transport, as a lost network does; resolves when that is done. */
  drop(): Promise<void>;
  /** Comes back as clients of this wire do, with what they kept; resolves when what was missed is in `events` or `history`. */
  comeBack(): Promise<void>;
  /** The client's own goodbye. */
  close(): Promise<void>;
}

/** What a wire may not have. Each needs its reason, which is printed. */
export type Ability =
  | 'history'
  | 'direct conversation'
  | 'echo to own other device'
  | 'unread counts'
  | 'told of reading'
  | 'told of joining'
  | 'told of leaving'
  | 'leaving'
  | 'presence'
  | 'told of presence'
  | 'resend'
  | 'malformed frame'
  | 'unknown operation'
  | 'slow reader'
  | 'shutdown';

export interface ProtocolDriver {
  readonly protocol: string;
  readonly cannot: Partial<Readonly<Record<Ability, string>>>;
  /** Signs in with what the administration's credential call answered, and listens to these conversations as its users would. */
  connect(credential: JsonObject, conversationIds: readonly ConversationId[]): Promise<ProtocolClient>;
  /** Tries to sign in with a credential that is not good; resolves when it has been refused. */
  connectRefused(credential: JsonObject): Promise<void>;
}

const GUARD_MS = 10_000;

export function createClientEvents(): ClientEvents {
  const all: ClientEvent[] = [];
  const waiting = new Set<(event: ClientEvent) => void>();
  return {
    all,
    push(event) {
      all.push(event);
      for (const hear of [...waiting]) hear(event);
    },
    waitFor(what, fits) {
      const past = all.find(fits);
      if (past) return Promise.resolve(past);
      return new Promise((resolve, reject) => {
        const guard = setTimeout(() => {
          waiting.delete(hear);
          reject(new Error(`waited for ${what}; heard ${JSON.stringify(all.slice(-20))}`));
        }, GUARD_MS);
        function hear(event: ClientEvent): void {
          if (!fits(event)) return;
          waiting.delete(hear);
          clearTimeout(guard);
          resolve(event);
        }
        waiting.add(hear);
      });
    },
  };
}
