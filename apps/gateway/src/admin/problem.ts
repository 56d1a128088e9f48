/** Refusals of the administration as RFC 9457 problem details: one table, complete over the domain's codes. Leaks no cause and no text. */
import { type DomainError, type ErrorCode, isDomainError, type Log } from '@switchboard/core';
import { z } from 'zod';

export const problemSchema = z
  .object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string().describe('Stable, for programs: a code of the domain, or one of this API.'),
    reason: z.string().optional(),
    errors: z.array(z.object({ field: z.string(), detail: z.string() })).optional(),
  })
  .meta({ id: 'Problem' });

export type Problem = z.infer<typeof problemSchema>;

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  410: 'Gone',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  503: 'Service Unavailable',
};

/** Thrown by routes for what the domain has no code for. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;

  constructor(problem: Problem, headers: Readonly<Record<string, string>> = {}) {
    super(problem.detail);
    this.problem = problem;
    this.headers = headers;
  }
}

export function createProblem(
  status: number,
  detail: string,
  extra: { readonly code?: string; readonly reason?: string; readonly errors?: Problem['errors'] } = {},
): Problem {
  const title = TITLES[status] ?? 'Error';
  const { code = title.toLowerCase().replaceAll(' ', '_'), ...rest } = extra;
  return { type: 'about:blank', title, status, detail, code, ...rest };
}

const DOMAIN: Readonly<Record<ErrorCode, { readonly status: number; readonly words: string }>> = {
  unauthenticated: { status: 401, words: 'is not signed in' },
  forbidden: { status: 403, words: 'may not be used like this' },
  not_found: { status: 404, words: 'does not exist' },
  already_exists: { status: 409, words: 'exists already' },
  conflict: { status: 409, words: 'is in a state that does not admit this' },
  invalid: { status: 400, words: 'is not acceptable' },
  too_large: { status: 413, words: 'is too large' },
  rate_limited: { status: 429, words: 'is used too often' },
  expired: { status: 410, words: 'has expired' },
  unsupported: { status: 501, words: 'is not something this deployment does' },
  unavailable: { status: 503, words: 'cannot be reached now; try again later' },
  internal: { status: 500, words: 'failed' },
};

export interface Refusal {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

/** Anything thrown. What is in no list is logged with its cause and answered without. */
export function toRefusal(thrown: unknown, log: Log): Refusal {
  if (thrown instanceof ProblemError) return thrown;
  if (isDomainError(thrown)) return domainRefusal(thrown, log);
  if (thrown instanceof z.ZodError) return { problem: createSchemaProblem(thrown, ''), headers: {} };
  const parser = bodyProblem(thrown);
  if (parser) return { problem: parser, headers: {} };
  log('error', 'an administration call failed', { error: thrown });
  return { problem: createProblem(500, 'The gateway failed.', { code: 'internal' }), headers: {} };
}

function domainRefusal(error: DomainError, log: Log): Refusal {
  const { status, words } = DOMAIN[error.code];
  const { subject, field, reason, expected, retryAfterMs } = error.details;
  if (error.code === 'internal') log('error', 'an administration call failed', { error });
  const what = (subject ?? 'request').replaceAll('_', ' ');
  const why = expected ? `it must be ${expected}` : reason?.replaceAll('_', ' ');
  const detail = `The ${field ? `value of "${field}" (${what})` : what} ${words}${why ? `: ${why}` : ''}.`;
  const errors = field ? [{ field, detail: expected ? `must be ${expected}` : words }] : undefined;
  return {
    problem: createProblem(status, detail, {
      code: error.code,
      ...(reason ? { reason } : {}),
      ...(errors ? { errors } : {}),
    }),
    headers:
      status === 429 || status === 503 ? { 'Retry-After': String(Math.ceil((retryAfterMs ?? 1_000) / 1_000)) } : {},
  };
}

/** A schema's complaint in our own words, with every field at fault. */
export function createSchemaProblem(error: z.ZodError, where: string): Problem {
  const errors = error.issues.flatMap((issue) => {
    const path = [...(where ? [where] : []), ...issue.path.map(String)];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ field: [...path, key].join('.'), detail: 'is not known here' }));
    }
    return [{ field: path.join('.') || 'body', detail: wordsOf(issue) }];
  });
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return createProblem(400, `"${first?.field}" ${first?.detail}${more}.`, { code: 'invalid', errors });
}

function wordsOf(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return issue.message.endsWith('received undefined') ? 'is missing' : `must be of type ${issue.expected}`;
    case 'invalid_value':
      return `must be one of ${issue.values.map((value) => JSON.stringify(value)).join(', ')}`;
    case 'too_small':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `must have a length of at least ${issue.minimum}`
        : `must be at least ${issue.minimum}`;
    case 'too_big':
      return issue.origin === 'string' || issue.origin === 'array'
        ? `must have a length of at most ${issue.maximum}`
        : `must be at most ${issue.maximum}`;
    case 'custom':
      return issue.message;
    default:
      return 'is not of the form that is asked for';
  }
}

/** What Express's body parser throws. */
function bodyProblem(thrown: unknown): Problem | null {
  const { type, status } = (thrown ?? {}) as { type?: unknown; status?: unknown };
  if (type === 'entity.too.large') return createProblem(413, 'The body is larger than this API takes.');
  if (type === 'entity.parse.failed') return createProblem(400, 'The body is no JSON.', { code: 'malformed' });
  if (type === 'charset.unsupported' || type === 'encoding.unsupported') {
    return createProblem(415, 'The body must be JSON in UTF-8.');
  }
  if (typeof status === 'number' && status >= 400 && status < 500) {
    return createProblem(status, 'The request cannot be read.', { code: 'malformed' });
  }
  return null;
}
