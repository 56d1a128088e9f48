/**
 * Operations of a wire as a table: hub method, socket event or `POST` path alike → guard, schema, use case, reply. Complete by type.
 * Rows hold no control flow; running them is the runner's, addressing the answer the adapter's.
 */
import { type Actor, type Core, DomainError, type Lookup } from '@switchboard/core';
import { ProtocolError } from './error-table.ts';

/** What the kit must know of an adapter's session. */
export interface OperationSession {
  /** Null until signed in. One actor runs one operation at a time. */
  readonly actor: Actor | null;
}

/**
 * Where the reply stands to the operation's own events: `first` of all frames for this connection (they wait while it runs), `after`
 * this node has delivered them, or `any`.
 */
export type Answers = 'first' | 'after' | 'any';

/** What zod's schemas offer of themselves; anything alike will do. */
export interface Schema<T> {
  safeParse(data: unknown):
    | { readonly success: true; readonly data: T }
    | {
        readonly success: false;
        readonly error: { readonly issues: readonly { readonly path: readonly PropertyKey[] }[] };
      };
}

export interface ReplyContext<Session, Args> {
  readonly session: Session;
  readonly args: Args;
  readonly lookup: Lookup;
}

export interface OperationSpec<Session, Guarded, Args, Result> {
  /** Throws for sessions that may not call it; what it answers is the session that `run` and `reply` get (narrowed). */
  readonly guard: (session: Session) => Guarded;
  readonly args: Schema<Args>;
  readonly run: (core: Core, session: Guarded, args: Args) => Promise<Result> | Result;
  /**
   * The result in this wire's dress. Absent: the result itself. An async iterable is written piece by piece, the next read when the
   * reader has taken the last (unlimited lists).
   */
  readonly reply?: (result: Result, context: ReplyContext<Guarded, Args>) => unknown;
  /** Default `any`. */
  readonly answers?: Answers;
  /** `false`: never limited. Absent: the adapter's limits by operation name, else its default. */
  readonly limited?: false;
}

/** A row as the runner sees it: its own types are its own business. */
export interface Operation<Session> {
  readonly answers: Answers;
  readonly limited: boolean;
  /** Why this wire's operation is not served; null when it is. */
  readonly why: string | null;
  /** Guard and schema; what comes back is for `run`. Throws `ProtocolError` and `DomainError`. */
  readonly prepare: (session: Session, raw: unknown) => Prepared;
}

export interface Prepared {
  run(core: Core): Promise<unknown> | unknown;
  reply(result: unknown, lookup: Lookup): unknown;
}

/** Every operation of a wire has a row. Split by noun with `Pick<Operations<…>, …>` and spread together. */
export type Operations<Name extends string, Session> = { readonly [N in Name]: Operation<Session> };

export function operation<Session, Guarded, Args, Result>(
  spec: OperationSpec<Session, Guarded, Args, Result>,
): Operation<Session> {
  return {
    answers: spec.answers ?? 'any',
    limited: spec.limited !== false,
    why: null,
    prepare(raw, input) {
      const session = spec.guard(raw);
      const args = parseArgs(spec.args, input);
      return {
        run: (core) => spec.run(core, session, args),
        // The runner hands back what `run` gave: the cast joins what was taken apart two lines above.
        reply: (result, lookup) =>
          spec.reply ? spec.reply(result as Result, { session, args, lookup }) : (result as unknown),
      };
    },
  };
}

/** Known to the wire, not served here: answered `unsupported`. */
export function unsupported<Session>(why: string): Operation<Session> {
  return {
    answers: 'any',
    limited: true,
    why,
    prepare() {
      throw new DomainError('unsupported', why);
    },
  };
}

/** Parses with a schema; its complaint becomes `invalid`, reason `arguments`, with the first field at fault, never its own text. */
export function parseArgs<T>(schema: Schema<T>, raw: unknown): T {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const field = parsed.error.issues[0]?.path.map(String).join('.') ?? '';
  throw new DomainError('invalid', `arguments refused at "${field}"`, { field, reason: 'arguments' });
}

/** For operations that take nothing: whatever is there is not looked at. */
export const noArgs: Schema<undefined> = { safeParse: () => ({ success: true, data: undefined }) };

/** Guard of operations that anybody may call: `const anybody = isAnybody<EventSession>`. */
export function isAnybody<Session>(session: Session): Session {
  return session;
}

/**
 * Guard of nearly everything: refuses with `not_signed_in`, and answers the session with a user behind its actor. An adapter fixes its
 * session once, so that rows infer: `const signedIn = isSignedIn<EventSession>`.
 */
export function isSignedIn<Session extends OperationSession>(session: Session): SignedIn<Session> {
  if (session.actor?.userId == null) throw new ProtocolError('not_signed_in', 'signed-in session wanted');
  return session as SignedIn<Session>;
}

export type SignedIn<Session extends OperationSession> = Session & {
  readonly actor: NonNullable<Session['actor']> & { readonly userId: NonNullable<Actor['userId']> };
};
