/**
 * Who calls: the places where this wire carries tokens, their order, and what each API makes of a client's or a user's token. Decides
 * nothing about chat. Wire: PROTOCOL.md, "Connection and sign-in".
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type Core,
  DomainError,
  type Session as IssuedSession,
  isDomainError,
  type SessionId,
  type UserActor,
  type UserId,
} from '@switchboard/core';
import { createActor, ProtocolError, type Viewer } from '@switchboard/protocol';
import { decodeCookies, decodeSignedToken } from './codec.ts';
import type { IqchannelsOptions } from './options.ts';
import type { Reader } from './views.ts';

export type Api = 'client' | 'operator';
export type Part = 'client' | 'user';

/** Of one call, or of one stream. */
export interface IqSession {
  readonly api: Api;
  /** Null until signed in. */
  readonly part: Part | null;
  readonly actor: UserActor | null;
  /** Null for the open operator, too. */
  readonly issued: IssuedSession | null;
  /** The bare token of the cookie, for the one call that looks at nothing else. */
  readonly cookie: string | null;
}

export type SignedInSession = IqSession & { readonly part: Part; readonly actor: UserActor };

/** Claims of sessions issued here: which of the two parts they are for. */
export const CLAIM = { part: 'part', integration: 'integration' } as const;

export function partOf(session: IssuedSession): Part {
  return session.claims[CLAIM.part] === 'user' ? 'user' : 'client';
}

type Carried =
  | { readonly part: Part; readonly form: 'token'; readonly value: string }
  | { readonly part: 'client'; readonly form: 'signed'; readonly value: string };

function scheme(header: string | undefined, name: string): string {
  const match = /^(\S+)(?:\s+(.*))?$/.exec(header?.trim() ?? '');
  return match && match[1]?.toLowerCase() === name ? (match[2]?.trim() ?? '') : '';
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return (Array.isArray(value) ? value[0] : value)?.trim() ?? '';
}

/** `null` in a cookie is what some clients write for none. */
function cookieOf(cookies: ReadonlyMap<string, string>, name: string): string {
  const value = cookies.get(name) ?? '';
  return value === 'null' || value === 'undefined' ? '' : value;
}

/** What is carried, of clients and of users, each in its order of precedence. Empty ones are none. */
function carried(request: IncomingMessage, query: ReadonlyMap<string, string>, api: Api): readonly Carried[] {
  const cookies = decodeCookies(request.headers.cookie);
  const { authorization } = request.headers;
  const token = (part: Part, value: string): Carried => ({ part, form: 'token', value });
  const clients: Carried[] = [
    token('client', headerOf(request, 'x-client-authorization')),
    token('client', scheme(authorization, 'client')),
    { part: 'client', form: 'signed', value: query.get('x-client-token') ?? '' },
    token('client', cookieOf(cookies, 'client-session')),
  ];
  const users: Carried[] = [
    token('user', scheme(authorization, 'user') || scheme(authorization, 'bearer')),
    token('user', headerOf(request, 'x-user-authorization')),
    token('user', cookieOf(cookies, 'user-session')),
    token('user', query.get('x-user-token') ?? ''),
  ];
  return (api === 'client' ? [...clients, ...users] : [...users, ...clients]).filter(({ value }) => value !== '');
}

/** `Time` in a signed token may be off by so much. */
const SIGNED_MS = 24 * 60 * 60 * 1000;

export interface SessionContext {
  readonly core: Core;
  readonly options: IqchannelsOptions;
  now(): number;
}

export function createSessions({ core, options, now }: SessionContext) {
  async function ofSignedToken(value: string): Promise<IssuedSession> {
    const refused = () => new DomainError('unauthenticated', 'no good signed token', { subject: 'session' });
    let id: number;
    let time: number;
    let token: string;
    let sign: string;
    try {
      ({ token, sign } = decodeSignedToken(value));
      const inner = JSON.parse(token) as { SessionID?: unknown; Time?: unknown };
      id = Number(inner.SessionID);
      time = Number(inner.Time);
    } catch {
      throw refused();
    }
    if (!Number.isSafeInteger(id) || id <= 0 || !(Math.abs(now() - time) <= SIGNED_MS)) throw refused();
    const session = await core.sessions.find(id as SessionId);
    if (!session || session.namespace !== options.namespace || session.kind !== 'opaque') throw refused();
    const wanted = createHmac('sha1', core.sessions.secretOf(session)).update(token).digest('hex');
    const given = Buffer.from(sign, 'utf8');
    const expected = Buffer.from(wanted, 'utf8');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw refused();
    await core.sessions.touch(session.id);
    return session;
  }

  async function issuedOf({ form, value, part }: Carried): Promise<IssuedSession> {
    const session =
      form === 'signed' ? await ofSignedToken(value) : await core.sessions.authenticate(options.namespace, value);
    if (partOf(session) !== part) {
      // A user's token where clients carry theirs is known for what it is.
      const code = part === 'client' ? 'forbidden' : 'unauthenticated';
      throw new DomainError(code, 'a token of another part', { subject: 'session' });
    }
    return session;
  }

  function signedIn(api: Api, issued: IssuedSession): SignedInSession {
    const part = partOf(issued);
    return { api, part, issued, cookie: null, actor: createActor(viewerOf(part, issued), null) };
  }

  function viewerOf(part: Part, issued: IssuedSession): Viewer {
    return {
      userId: issued.userId,
      namespace: options.namespace,
      capacity: part === 'user' ? 'staff' : 'customer',
      sessionId: issued.id,
    };
  }

  async function openOperatorId(): Promise<UserId | null> {
    const { openOperator } = options;
    if (openOperator === null || typeof openOperator === 'number') return openOperator;
    return (await core.identities.resolve(openOperator.namespace, openOperator.externalId))?.id ?? null;
  }

  function anonymous(api: Api, cookie: string | null): IqSession {
    return { api, part: null, actor: null, issued: null, cookie };
  }

  return {
    signedIn,
    viewerOf,
    anonymous,

    /** Looks at no token: calls that sign in, and those that need none. */
    unauthenticated(request: IncomingMessage, api: Api): IqSession {
      return anonymous(api, cookieOf(decodeCookies(request.headers.cookie), 'client-session') || null);
    },

    /** The first carrier counts, and a bad one is no reason to look at the next. No carrier: nobody, or the open operator. */
    async authenticate(request: IncomingMessage, query: ReadonlyMap<string, string>, api: Api): Promise<IqSession> {
      const [first] = carried(request, query, api);
      if (first) {
        const issued = await issuedOf(first).catch((error: unknown) => {
          throw isDomainError(error) && error.code === 'expired'
            ? new DomainError('unauthenticated', 'the session has run out', { subject: 'session' })
            : error;
        });
        if (api === 'client' && partOf(issued) === 'user') {
          throw new DomainError('forbidden', 'a user on the client API', { subject: 'session' });
        }
        return signedIn(api, issued);
      }
      const openOperator = api === 'operator' ? await openOperatorId() : null;
      if (openOperator !== null) {
        const viewer: Viewer = {
          userId: openOperator,
          namespace: options.namespace,
          capacity: 'staff',
          sessionId: null,
        };
        return { api, part: 'user', issued: null, cookie: null, actor: createActor(viewer, null) };
      }
      return anonymous(api, null);
    },

    /** An anonymous session by its cookie. `unauthenticated` for any other. */
    async anonymousOf(cookie: string | null): Promise<IssuedSession> {
      const session = cookie === null ? null : await core.sessions.authenticate(options.namespace, cookie);
      if (!session || partOf(session) !== 'client' || session.claims[CLAIM.integration] === true) {
        throw new DomainError('unauthenticated', 'no anonymous session', { subject: 'session' });
      }
      return session;
    },
  };
}

export type Sessions = ReturnType<typeof createSessions>;

/** How objects are written for whoever calls. */
export function readerOf({ api, part, actor }: IqSession): Reader {
  return {
    userId: actor?.userId ?? null,
    part: part === 'user' ? 'operator' : 'client',
    isHtml: api === 'client',
    spaceIds: null,
  };
}

/** Guards: what a row asks of its session. */
export function anybody(session: IqSession): IqSession {
  return session;
}

export function signedInAny(session: IqSession): SignedInSession {
  if (session.part === null || session.actor === null) throw new ProtocolError('not_signed_in', 'no session');
  return session as SignedInSession;
}

export function client(session: IqSession): SignedInSession {
  const known = signedInAny(session);
  if (known.part !== 'client') throw new DomainError('forbidden', 'a call for clients', { subject: 'session' });
  return known;
}

export function user(session: IqSession): SignedInSession {
  const known = signedInAny(session);
  if (known.part !== 'user') throw new DomainError('forbidden', 'a call for users', { subject: 'session' });
  return known;
}

/** Files of clients go over the client API alone. */
export function fileCaller(session: SignedInSession): SignedInSession {
  if (session.api === 'operator' && session.part === 'client') {
    throw new DomainError('forbidden', 'files of clients go over the client API', { subject: 'file' });
  }
  return session;
}
