/**
 * Credentials that an outside system knows: it is asked about each over HTTP, within a time, a few times, and not at all for a while
 * after it has failed again and again. Knows no wire.
 */
import {
  type Clock,
  DomainError,
  type JsonObject,
  type Log,
  type Namespace,
  type TokenVerifier,
} from '@switchboard/core';

export interface IntrospectionOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Sent with every question (the gateway's own credential there). Never logged. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What is asked; default `{token, namespace}`. Sent as JSON by POST. */
  readonly question?: (namespace: Namespace, token: string) => JsonObject;
  /**
   * What an answer says; null = it does not know the credential. Default: RFC 7662 and its neighbours: `active` not false, the id in
   * `sub`, `externalId`, `IntegrationId`, `uin` or `id`, the end in `exp` (seconds).
   */
  readonly answer?: (body: JsonObject) => Answer | null;
  /** Of one question. */
  readonly timeoutMs?: number;
  /** After the first question; for faults alone, never for refusals. */
  readonly retries?: number;
  readonly breaker?: { readonly failures: number; readonly openMs: number };
}

export interface Answer {
  readonly externalId: string;
  readonly expiresAt: number | null;
}

/** Says no, and would say it again. */
const REFUSALS = new Set([400, 401, 403, 404, 410, 422]);

export function createIntrospectionVerifier(options: IntrospectionOptions): TokenVerifier {
  const { url, clock, log, headers = {}, timeoutMs = 3_000, retries = 2 } = options;
  const { question = defaultQuestion, answer = defaultAnswer } = options;
  const breaker = createBreaker(clock, options.breaker ?? { failures: 5, openMs: 10_000 });

  async function askOnce(body: string): Promise<JsonObject | null> {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
      body,
      signal: AbortSignal.timeout(timeoutMs),
      // The token and our own credential are for this address alone.
      redirect: 'error',
    });
    if (REFUSALS.has(response.status)) {
      await response.body?.cancel();
      return null;
    }
    if (!response.ok) throw new Error(`status ${response.status}`);
    const parsed: unknown = await response.json();
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) throw new Error('no JSON object');
    return parsed as JsonObject;
  }

  async function ask(body: string): Promise<JsonObject | null> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await askOnce(body);
      } catch (error) {
        if (attempt >= retries) throw error;
        await new Promise<void>((resolve) => clock.after(100 * 2 ** attempt * (0.5 + Math.random()), resolve));
      }
    }
  }

  return {
    async verify(namespace, token) {
      const leave = breaker.enter();
      let body: JsonObject | null;
      try {
        body = await ask(JSON.stringify(question(namespace, token)));
        leave(true);
      } catch (error) {
        if (leave(false)) log('warn', 'the system that knows credentials is left alone for a while', { url });
        throw new DomainError('unavailable', `No answer from ${url}`, { subject: 'session' }, { cause: error });
      }
      const known = body && answer(body);
      if (!body || !known)
        throw new DomainError('unauthenticated', 'Unknown to the outside system', { subject: 'session' });
      if (known.expiresAt !== null && known.expiresAt <= clock.now()) {
        throw new DomainError('expired', 'The credential has run out', { subject: 'session' });
      }
      return { sessionId: null, userId: null, externalId: known.externalId, claims: body, expiresAt: known.expiresAt };
    },
  };
}

/** Lets nobody through for a while after so many failures in a row, then one at a time until one succeeds. */
function createBreaker(clock: Clock, { failures, openMs }: { readonly failures: number; readonly openMs: number }) {
  let inARow = 0;
  let barredUntil = 0;
  let probing = false;

  return {
    /** `unavailable` while nobody is let through. The answer takes the outcome and says whether the way is barred by it. */
    enter(): (succeeded: boolean) => boolean {
      const isBarred = inARow >= failures;
      if (isBarred && (probing || clock.now() < barredUntil)) {
        throw new DomainError('unavailable', 'The outside system failed again and again', {
          subject: 'session',
          retryAfterMs: Math.max(barredUntil - clock.now(), 0),
        });
      }
      if (isBarred) probing = true;
      return (succeeded) => {
        if (isBarred) probing = false;
        inARow = succeeded ? 0 : inARow + 1;
        if (inARow < failures) return false;
        barredUntil = clock.now() + openMs;
        return true;
      };
    },
  };
}

function defaultQuestion(namespace: Namespace, token: string): JsonObject {
  return { token, namespace };
}

function defaultAnswer(body: JsonObject): Answer | null {
  if (body.active === false) return null;
  const id = [body.sub, body.externalId, body.IntegrationId, body.uin, body.id].find(
    (one) => one !== undefined && one !== null && one !== '',
  );
  if (typeof id !== 'string' && !Number.isSafeInteger(id)) return null;
  return { externalId: String(id), expiresAt: typeof body.exp === 'number' ? body.exp * 1_000 : null };
}
