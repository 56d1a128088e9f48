/** Signing in and up: credentials to a client and a session. The outside system is asked through a port. Wire: PROTOCOL.md, "Connection and sign-in". */
import { DomainError, type Session as IssuedSession, type Space, systemActor, type User } from '@switchboard/core';
import { type Operations, operation } from '@switchboard/protocol';
import type { KnownClient } from '../options.ts';
import { anybody, CLAIM, client, type IqSession, readerOf, user } from '../session.ts';
import { toClient, toClientSession, toMultiChatsInfo, toUser } from '../views/people.ts';
import { OP, schemas } from '../wire.ts';
import { type Access, notFound, type OperationsContext } from './access.ts';
import { type Answer, built, NOTHING } from './answer.ts';

type Names =
  | typeof OP.integrationAuth
  | typeof OP.integrationAuthInProject
  | typeof OP.integrationRefresh
  | typeof OP.clientsAuth
  | typeof OP.anonymousAuth
  | typeof OP.signup
  | typeof OP.clientsMe
  | typeof OP.setLanguage
  | typeof OP.usersMe;

export function createSignIn(context: OperationsContext, access: Access): Pick<Operations<Names, IqSession>, Names> {
  const { core, options, views, sessions, production } = context;
  const isOpenToAnything =
    options.developmentCredentials ??
    (!production && options.verifier === null && Object.keys(options.credentials).length === 0);

  /** Who is behind a credential. `unauthenticated` when nobody knows it, `unavailable` when nobody can be asked. */
  async function resolve(credential: string): Promise<KnownClient> {
    if (Object.hasOwn(options.credentials, credential)) return options.credentials[credential] as KnownClient;
    if (options.verifier) {
      const { externalId, claims } = await options.verifier.verify(options.namespace, credential);
      if (externalId !== null) {
        const name = [claims.name, claims.Name, claims.displayName].find(
          (one) => typeof one === 'string' && one !== '',
        );
        return { integrationId: externalId, ...(typeof name === 'string' && { name }) };
      }
    }
    if (isOpenToAnything) return { integrationId: credential };
    throw new DomainError('unauthenticated', 'an unknown credential', { subject: 'session' });
  }

  async function integrated(credentials: string | number | undefined): Promise<User> {
    const credential = String(credentials ?? '');
    if (credential.trim() === '') {
      throw new DomainError('invalid', 'no credentials', { field: 'Credentials', reason: 'credentials' });
    }
    const { integrationId, name } = await resolve(credential);
    const actor = systemActor();
    const options$ = { kind: 'person' as const, ...(name && { displayName: name }) };
    const found = await core.identities.provision(
      actor,
      { namespace: options.namespace, externalId: integrationId },
      options$,
    );
    if (!name || found.displayName === name) return found;
    return core.users.update(actor, found.id, { displayName: name });
  }

  async function issue(userId: User['id'], integration: boolean): Promise<{ session: IssuedSession; token: string }> {
    const { session, secret } = await core.sessions.issue(systemActor(), {
      userId,
      namespace: options.namespace,
      kind: 'opaque',
      claims: { [CLAIM.part]: 'client', [CLAIM.integration]: integration },
      ...(integration && { idleTimeoutMs: options.integratedIdleMs }),
    });
    return { session, token: secret };
  }

  /** A `ClientAuth`; its client is online from now on. */
  async function authAnswer(
    caller: IqSession,
    { session, token }: { readonly session: IssuedSession; readonly token: string },
    channel: Space | null,
  ): Promise<Answer> {
    const own = sessions.signedIn(caller.api, session);
    context.seen(sessions.viewerOf('client', session));
    await core.directory.ensureUsers([session.userId]);
    const answer = await built(views, readerOf(own), (builder) => {
      const known = core.directory.user(session.userId);
      if (!known) throw notFound('user');
      builder.client(known.id);
      const info = channel ? toMultiChatsInfo(channel.name) : null;
      return { Client: toClient(builder, known, info), Session: toClientSession(session, token) };
    });
    return { ...answer, token };
  }

  /** An unknown channel ends the attempts of clients that would go on for ever. */
  async function channelOf(name: string | undefined): Promise<Space | null> {
    if (!name) return null;
    const found = await access.findQueue(name);
    if (!found) throw new DomainError('invalid', 'no such channel', { field: 'Channel', reason: 'channel' });
    return found;
  }

  const integrationAuth = operation({
    guard: anybody,
    args: schemas.integrationAuth,
    run: async (_core, session, { body }) => {
      const channel = await channelOf(body.channel);
      const found = await integrated(body.credentials);
      return authAnswer(session, await issue(found.id, true), channel);
    },
  });

  return {
    [OP.integrationAuth]: integrationAuth,
    [OP.integrationAuthInProject]: integrationAuth,

    [OP.integrationRefresh]: operation({
      guard: client,
      args: schemas.integrationAuth,
      run: async (_core, session, { body }) => {
        const found = await integrated(body.credentials);
        if (found.id !== session.actor.userId) {
          throw new DomainError('forbidden', 'credentials of another client', { subject: 'user' });
        }
        await core.directory.ensureUsers([found.id]);
        return built(views, readerOf(session), (builder) => ({ Client: toClient(builder, found) }));
      },
    }),

    [OP.clientsAuth]: operation({
      guard: anybody,
      args: schemas.clientsAuth,
      run: async (_core, session, { body }) => {
        const token = body.token ?? '';
        const issued = await core.sessions.authenticate(options.namespace, token);
        if (issued.claims[CLAIM.part] === 'user') {
          throw new DomainError('unauthenticated', "a user's token", { subject: 'session' });
        }
        return authAnswer(session, { session: issued, token }, null);
      },
    }),

    [OP.anonymousAuth]: operation({
      guard: anybody,
      args: schemas.none,
      run: async (_core, session) => {
        const issued = await sessions.anonymousOf(session.cookie);
        const answer = await authAnswer(session, { session: issued, token: session.cookie ?? '' }, null);
        const auth = answer.result as { readonly Client: object };
        // The widget takes the whole result for the client.
        return { ...answer, result: { ...auth.Client, ...auth } };
      },
    }),

    [OP.signup]: operation({
      guard: anybody,
      args: schemas.signup,
      run: async (_core, session, { body }) => {
        const channel = await channelOf(body.channel);
        if (!channel) throw new DomainError('invalid', 'no channel', { field: 'Channel', reason: 'channel' });
        const displayName = (body.name?.trim() || nameInForm(body.personaldata) || options.guestName).slice(0, 200);
        const made = await core.users.create(systemActor(), { kind: 'guest', displayName });
        return authAnswer(session, await issue(made.id, false), channel);
      },
    }),

    [OP.clientsMe]: operation({
      guard: client,
      args: schemas.none,
      run: async (_core, session) => {
        const found = await core.users.find(session.actor.userId);
        if (!found) throw notFound('user');
        return built(views, readerOf(session), (builder) => toClient(builder, found));
      },
    }),

    [OP.setLanguage]: operation({
      guard: client,
      args: schemas.setLanguage,
      run: async (_core, session, { body }) => {
        const code = (body.code ?? '').slice(0, 64);
        if (code !== '') await core.users.update(session.actor, session.actor.userId, { language: code });
        return NOTHING;
      },
    }),

    [OP.usersMe]: operation({
      guard: user,
      args: schemas.none,
      run: async (_core, session) => {
        const found = await core.users.find(session.actor.userId);
        if (!found) throw notFound('user');
        return built(views, readerOf(session), (builder) => toUser(builder, found));
      },
    }),
  };
}

/** Family, first and middle name, as the form's fields name them. */
const NAME_FIELDS = ['фамилия', 'имя', 'отчество'];

/** `{State, ClientConsent, Form: {Fields: [{Name, CorrespondingField}]}}`, keys in lower case; either of the two names the field. */
function nameInForm(personalData: unknown): string {
  const form = (personalData as { form?: { fields?: unknown } } | undefined)?.form;
  const fields = Array.isArray(form?.fields) ? (form.fields as { name?: unknown; correspondingfield?: unknown }[]) : [];
  const read = (wanted: string): string => {
    for (const { name, correspondingfield } of fields) {
      if (isText(name, wanted) && typeof correspondingfield === 'string') return correspondingfield.trim();
      if (isText(correspondingfield, wanted) && typeof name === 'string') return name.trim();
    }
    return '';
  };
  return NAME_FIELDS.map(read).filter(Boolean).join(' ');
}

function isText(value: unknown, wanted: string): boolean {
  return typeof value === 'string' && value.trim().toLowerCase() === wanted;
}
