/** Issued sessions: secrets computed from a key, never stored; rotation, revocation, one-time codes. */
import { createHash, createHmac } from 'node:crypto';
import type { Actor } from './actor.ts';
import { createBatchLoader, GATHER_CROWDS } from './batch-loader.ts';
import { createCodes } from './codes.ts';
import type { CoreContext } from './context.ts';
import { DomainError } from './errors.ts';
import { checkedJson, checkedKey, checkedText } from './field-checks.ts';
import type { ConversationId, Namespace, SessionId, SpaceId, UnixMs, UserId } from './ids.ts';
import type { JsonObject, OneTimeCode, Session, SessionKind } from './model/user.ts';
import { requireOwn } from './rights.ts';

export interface IssueSession {
  readonly userId: UserId;
  readonly namespace: Namespace;
  readonly kind: SessionKind;
  readonly spaceId?: SpaceId | null;
  readonly device?: string | null;
  readonly claims?: JsonObject;
  /** From now, and for a pair from each rotation on; absent = never. */
  readonly ttlMs?: number;
  /** Ends so long after its last use; not below two minutes, because uses are noted by the minute. */
  readonly idleTimeoutMs?: number;
  /** Of the access secret (kind pair). */
  readonly accessTtlMs?: number;
}

/** What only the owner may learn: it is computed, not kept. */
export interface IssuedSession {
  readonly session: Session;
  /** 43 characters of base64url. Empty for kind jwt: whoever signs the token puts `jti` = session id into it. */
  readonly secret: string;
  readonly refreshSecret: string | null;
}

export interface CodeFormat {
  /** Default 32. */
  readonly length?: number;
  /** At most 256 characters; default base64url's. */
  readonly alphabet?: string;
}

export interface Sessions {
  /** Judges no right: whoever asks has seen a credential, or is the administration. `not_found` unless the user is live. */
  issue(actor: Actor, command: IssueSession): Promise<IssuedSession>;
  /**
   * By its secret (opaque), or the access secret of a pair, the previous one included. `unauthenticated`; `expired` for a pair whose
   * access time is over. Many at once are one statement; counts as use.
   */
  authenticate(namespace: Namespace, secret: string): Promise<Session>;
  /** Live by id: not revoked, not run out; null otherwise. Many at once are one statement. */
  find(id: SessionId): Promise<Session | null>;
  /** The live ones, newest first. */
  list(userId: UserId): Promise<readonly Session[]>;
  /** The secret again, for the one wire that must know it (signed stream tokens). */
  secretOf(session: Session): string;
  /**
   * Rotates a pair. Accepts the current or the previous pair; `unauthenticated`, `expired`. Shown the previous one while the current
   * is fresh, it answers the current one again: however many refresh at once, all end with the same working pair.
   */
  refresh(namespace: Namespace, access: string, refresh: string): Promise<IssuedSession>;
  /** Moves "last used"; at most one write a minute and session. */
  touch(id: SessionId): Promise<void>;
  /** The owner's, or the administration's. Open connections of the session fall within 5 s on every node. Repeating is fine. */
  revoke(actor: Actor, id: SessionId): Promise<void>;
  /** Told even when there was no session: connections that came with a credential from outside fall too. Answers how many ended. */
  revokeAll(actor: Actor, userId: UserId, namespace?: Namespace): Promise<number>;

  createCode(
    actor: Actor,
    command: CodeFormat & {
      readonly purpose: string;
      readonly userId?: UserId;
      readonly spaceId?: SpaceId;
      readonly conversationId?: ConversationId;
      readonly email?: string;
      readonly data?: JsonObject;
      readonly ttlMs?: number;
      /** Null = any number of times. Default 1. */
      readonly uses?: number | null;
    },
  ): Promise<{ readonly code: string; readonly oneTimeCode: OneTimeCode }>;
  /** The code again, given the format it was made with. */
  codeOf(oneTimeCode: OneTimeCode, format?: CodeFormat): string;
  /** Looks without using it up. `not_found`, `expired`. */
  peekCode(purpose: string, code: string): Promise<OneTimeCode>;
  /** Uses it up, atomically over all nodes. `not_found`, `expired`. */
  useCode(purpose: string, code: string): Promise<OneTimeCode>;
  /** That can still be used, newest first. */
  listCodes(query: {
    readonly purpose: string;
    readonly spaceId?: SpaceId;
    readonly conversationId?: ConversationId;
  }): Promise<readonly OneTimeCode[]>;
  /** Its maker, admins and moderators of its space or conversation, the administration. `not_found`, `forbidden`. */
  removeCode(actor: Actor, id: string): Promise<void>;
}

/** When the session ends if nobody uses it again; null = never. */
export function sessionEndsAt(session: Session): UnixMs | null {
  const idleEnd = session.idleTimeoutMs === null ? Infinity : session.lastUsedAt + session.idleTimeoutMs;
  const end = Math.min(session.expiresAt ?? Infinity, idleEnd);
  return end === Infinity ? null : end;
}

export function isSessionLive(session: Session, now: UnixMs): boolean {
  return session.revokedAt === null && (sessionEndsAt(session) ?? Infinity) > now;
}

const TOUCH_EVERY_MS = 60_000;
const LONGEST_SECRET = 1_024;
const ROTATION_ATTEMPTS = 5;

type Role = 'secret' | 'access' | 'refresh';

export function createSessions(context: CoreContext): Sessions {
  const { store, clock, ids, sessionKey, change, log } = context;
  const bySecret = createBatchLoader<string, Session>({
    gather: GATHER_CROWDS,
    load: (hashes) => store.sessions.findBySecrets(hashes),
  });
  const byId = createBatchLoader<SessionId, Session>({
    gather: GATHER_CROWDS,
    load: async (wanted) => new Map((await store.sessions.findMany(wanted)).map((session) => [session.id, session])),
  });
  const touches = createBatchLoader<SessionId, true>({
    load: async (touched) => {
      await store.sessions.touch(touched, clock.now());
      return new Map();
    },
  });
  const touchedAt = new Map<SessionId, UnixMs>();

  function secret(id: SessionId, counter: number, role: Role): string {
    return createHmac('sha256', sessionKey).update(`${id}.${counter}.${role}`).digest('base64url');
  }

  function secretsOf(id: SessionId, counter: number, kind: SessionKind) {
    return {
      secret: kind === 'jwt' ? '' : secret(id, counter, kind === 'pair' ? 'access' : 'secret'),
      refreshSecret: kind === 'pair' ? secret(id, counter, 'refresh') : null,
    };
  }

  async function touch(id: SessionId, lastUsedAt: UnixMs): Promise<void> {
    const now = clock.now();
    if (now - Math.max(lastUsedAt, touchedAt.get(id) ?? 0) < TOUCH_EVERY_MS) return;
    // The map only spares statements; the store takes times forward alone.
    if (touchedAt.size > 50_000) touchedAt.clear();
    touchedAt.set(id, now);
    await touches(id);
  }

  return {
    ...createCodes(context),

    async issue(_actor, command) {
      const { userId, namespace, kind, spaceId = null, device = null, claims = {} } = command;
      const now = clock.now();
      const id = await store.sessions.nextId();
      const issued = secretsOf(id, 0, kind);
      const accessTtlMs = kind === 'pair' ? (command.accessTtlMs ?? null) : null;
      const session: Session = {
        id,
        publicId: ids.uuid(),
        userId,
        namespace: checkedKey(namespace, { subject: 'session', field: 'namespace', maxLength: 64 }),
        spaceId,
        device: device === null ? null : checkedText(device, { subject: 'session', field: 'device', maxLength: 1_024 }),
        kind,
        claims: checkedJson(claims, { subject: 'session', field: 'claims', maxBytes: 16_384 }),
        counter: 0,
        accessExpiresAt: from(now, accessTtlMs),
        expiresAt: from(now, command.ttlMs ?? null),
        idleTimeoutMs: command.idleTimeoutMs ?? null,
        createdAt: now,
        lastUsedAt: now,
        revokedAt: null,
      };
      const hashes = { secretHash: hashOf(issued.secret), refreshHash: hashOf(issued.refreshSecret) };
      const made = await store.sessions.insert({ ...session, ...hashes, ttlMs: command.ttlMs ?? null, accessTtlMs });
      if (!made) throw new DomainError('not_found', `No live user ${userId}`, { subject: 'user', id: userId });
      return { session, ...issued };
    },

    async authenticate(namespace, given) {
      const hash = given.length <= LONGEST_SECRET ? hashOf(given) : null;
      const session = hash === null ? undefined : await bySecret(hash);
      if (!session || session.namespace !== namespace || session.revokedAt !== null) throw unauthenticated();
      const now = clock.now();
      if (
        session.kind === 'pair' &&
        Math.min(session.accessExpiresAt ?? Infinity, sessionEndsAt(session) ?? Infinity) <= now
      ) {
        throw new DomainError('expired', `The access time of session ${session.id} is over`, { subject: 'session' });
      }
      if (!isSessionLive(session, now)) throw unauthenticated();
      await touch(session.id, session.lastUsedAt);
      return session;
    },

    async find(id) {
      const session = await byId(id);
      return session && isSessionLive(session, clock.now()) ? session : null;
    },

    list: (userId) => store.sessions.listOf(userId, clock.now()),

    secretOf: (session) => secretsOf(session.id, session.counter, session.kind).secret,

    async refresh(namespace, access, refresh) {
      const accessHash = access.length <= LONGEST_SECRET ? hashOf(access) : null;
      const refreshHash = refresh.length <= LONGEST_SECRET ? hashOf(refresh) : null;
      if (accessHash === null || refreshHash === null) throw unauthenticated();
      for (let attempt = 0; attempt < ROTATION_ATTEMPTS; attempt += 1) {
        const found = await store.sessions.findPair(namespace, accessHash, refreshHash);
        if (!found || found.session.revokedAt !== null) throw unauthenticated();
        const { session, shown, ttlMs, accessTtlMs } = found;
        const now = clock.now();
        if (!isSessionLive(session, now)) {
          throw new DomainError('expired', `Session ${session.id} has run out`, { subject: 'session' });
        }
        const fresh = (session.accessExpiresAt ?? Infinity) - now > (accessTtlMs ?? 0) / 2;
        if (shown === 'previous' && fresh) return { session, ...secretsOf(session.id, session.counter, 'pair') };
        const next = secretsOf(session.id, session.counter + 1, 'pair');
        const rotated = await store.sessions.rotate(session, {
          secretHash: hashOf(next.secret),
          refreshHash: hashOf(next.refreshSecret),
          accessExpiresAt: from(now, accessTtlMs),
          expiresAt: from(now, ttlMs),
          at: now,
        });
        if (rotated) return { session: rotated, ...next };
        // Somebody was quicker: what was shown is the previous pair by now.
      }
      throw new DomainError('unavailable', 'A pair was rotated again and again meanwhile', { subject: 'session' });
    },

    touch: (id) => touch(id, 0),

    async revoke(actor, id) {
      await change(actor, async (tx) => {
        const session = await tx.sessions.find(id);
        if (!session) throw new DomainError('not_found', `No session ${id}`, { subject: 'session', id });
        requireOwn(actor, session.userId, 'session');
        if (!(await tx.sessions.revoke(id))) return;
        const payload = { userId: session.userId, sessionId: id, namespace: session.namespace };
        tx.append('session.revoked', { userIds: [session.userId], subjectId: id, data: payload }, payload);
      });
      log('info', 'session revoked', { sessionId: id, by: actor.userId, via: actor.via });
    },

    async revokeAll(actor, userId, namespace) {
      requireOwn(actor, userId, 'session');
      return change(actor, async (tx) => {
        const user = await tx.users.find(userId);
        if (!user) throw new DomainError('not_found', `No live user ${userId}`, { subject: 'user', id: userId });
        const count = await tx.sessions.revokeAll(userId, namespace ?? null);
        const payload = { userId, sessionId: null, namespace: namespace ?? null };
        tx.append('session.revoked', { userIds: [userId], data: payload }, payload);
        return count;
      });
    },
  };
}

function from(now: UnixMs, durationMs: number | null): UnixMs | null {
  return durationMs === null ? null : now + durationMs;
}

/** What lookups go by. Null for what never was a secret. */
function hashOf(secret: string | null): string | null {
  return secret ? createHash('sha256').update(secret).digest('hex') : null;
}

function unauthenticated(): DomainError {
  return new DomainError('unauthenticated', 'Unknown, revoked or run-out session', { subject: 'session' });
}
