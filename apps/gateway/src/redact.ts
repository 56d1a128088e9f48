/** What must never stand in a log, taken out of everything that is about to: secrets by name, secrets in addresses, texts of messages. */
import { redactUrl } from '@switchboard/protocol';

const SECRET_NAME =
  /^(authorization|cookie|set-cookie|x-client-token|credentials?|jwt|secret|sid_?token|session|session_?key|.*token|.*password.*|.*secret)$/i;
/** Names under which chat content travels: none of it is for the operator's eyes. */
const CONTENT_NAME = /^(text|content|body|args|arguments|parts|message_?text)$/i;
const MAX_DEPTH = 4;

/** A copy that may be written down. Circular and deep values are cut. */
export function redactFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return redactObject(fields, 0);
}

function redactObject(object: object, depth: number): Record<string, unknown> {
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    // Numbers and flags (how many tokens, whether there is a session) are no secrets.
    const isPlain = typeof value === 'number' || typeof value === 'boolean' || value === null;
    kept[name] = !isPlain && (SECRET_NAME.test(name) || CONTENT_NAME.test(name)) ? '…' : redactValue(value, depth + 1);
  }
  return kept;
}

function redactValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return redactText(value);
  if (typeof value === 'bigint') return String(value);
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? undefined : value;
  if (depth > MAX_DEPTH) return '…';
  if (value instanceof Error) return describeError(value, depth);
  if (Array.isArray(value)) return value.slice(0, 50).map((item) => redactValue(item, depth + 1));
  return redactObject(value, depth);
}

function describeError(error: Error, depth: number): Record<string, unknown> {
  const { code, cause } = error as Error & { code?: unknown };
  return {
    type: error.name,
    message: redactText(error.message),
    ...(code === undefined ? {} : { code }),
    ...(error.stack ? { stack: redactText(error.stack) } : {}),
    ...(cause === undefined ? {} : { cause: redactValue(cause, depth + 1) }),
  };
}

/** Passwords in `scheme://user:password@host`, secret query values, bearer tokens and JSON web tokens inside any text. */
export function redactText(text: string): string {
  let kept = text;
  if (kept.includes('://')) kept = kept.replace(/([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*):[^\s/?#]*@/gi, '$1:…@');
  if (kept.includes('?')) kept = kept.replace(/\S*\?\S+/g, redactUrl);
  if (/bearer /i.test(kept)) kept = kept.replace(/(bearer )\S+/gi, '$1…');
  return kept.replace(/\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*/g, '…');
}
