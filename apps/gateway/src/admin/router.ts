/** The administration over HTTP: who may call, what a body may be, and the rows of the nouns. The only place where Express is used. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { adminActor } from '@switchboard/core';
import express, { type NextFunction, type Request, type RequestHandler, type Response } from 'express';
import { connectionRoutes } from './connections.ts';
import { conversationRoutes } from './conversations.ts';
import { credentialRoutes } from './credentials.ts';
import { messageRoutes } from './messages.ts';
import type { AdminOptions } from './mount.ts';
import { createOpenApi } from './openapi.ts';
import { createProblem, createSchemaProblem, ProblemError, toRefusal } from './problem.ts';
import { type AdminContext, isAnswered, type Route } from './route.ts';
import { spaceRoutes } from './spaces.ts';
import { userRoutes } from './users.ts';

export const ADMIN_PATH = '/admin/v1';
const BODY_LIMIT_BYTES = 256 * 1024;

const ROUTES: readonly Route[] = [
  ...userRoutes,
  ...spaceRoutes,
  ...conversationRoutes,
  ...messageRoutes,
  ...credentialRoutes,
  ...connectionRoutes,
];

export function createAdminRouter(options: AdminOptions): express.Express {
  const { core, hub, log, running, token } = options;
  const context: AdminContext = { core, hub, log, running, actor: adminActor };
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');
  const api = express.Router({ caseSensitive: true, strict: false });
  api.use(requireToken(token), noStore);

  let description: string | null = null;
  api.get('/openapi.json', (_request, response) => {
    description ??= JSON.stringify(createOpenApi(ROUTES));
    response.type('application/json').send(description);
  });

  const parseJson = express.json({ limit: BODY_LIMIT_BYTES, strict: false, type: isJson });
  const methods = new Map<string, string[]>([['/openapi.json', ['GET']]]);
  for (const row of ROUTES) {
    const path = row.path.replace(/\{(\w+)\}/g, ':$1');
    const handlers = row.body ? [requireJson, parseJson, handle(row, context)] : [handle(row, context)];
    api[row.method](path, ...handlers);
    methods.set(path, [...(methods.get(path) ?? []), row.method.toUpperCase()]);
  }
  for (const [path, allowed] of methods) {
    api.all(path, () => {
      const list = allowed.join(', ');
      throw new ProblemError(createProblem(405, `Here one may ${list}.`), { Allow: list });
    });
  }
  api.use(() => {
    throw new ProblemError(createProblem(404, 'There is no such call; see /admin/v1/openapi.json.'));
  });
  app.use(ADMIN_PATH, api);
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    if (response.headersSent) return void response.destroy();
    const { problem, headers } = toRefusal(error, log);
    response.status(problem.status).set(headers).type('application/problem+json').send(JSON.stringify(problem));
  });
  return app;
}

function handle(row: Route, context: AdminContext): RequestHandler {
  return async (request, response) => {
    const params = row.params ? parse(row.params, request.params, '') : undefined;
    const query = row.query ? parse(row.query, request.query, '') : undefined;
    const body = row.body ? parse(row.body, request.body, '') : undefined;
    const result = await row.run(context, { params, query, body });
    const status = isAnswered(result) ? result.answeredStatus : row.status;
    if (row.method !== 'get') context.log('info', `administration: ${row.method} ${row.path}`, { status, params });
    if (status === 204) response.status(204).end();
    else response.status(status).json(isAnswered(result) ? result.value : result);
  };
}

function parse(schema: NonNullable<Route['body']>, value: unknown, where: string): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ProblemError(createSchemaProblem(parsed.error, where));
}

/** Compares digests: equal in length whatever was sent, and in the same time whatever is wrong with it. */
function requireToken(token: string): RequestHandler {
  const wanted = digest(token);
  return (request, _response, next) => {
    const [, given] = /^Bearer +(\S+) *$/i.exec(request.get('authorization') ?? '') ?? [];
    if (given !== undefined && timingSafeEqual(digest(given), wanted)) return next();
    const detail =
      given === undefined ? 'Send "Authorization: Bearer <ADMIN_TOKEN>".' : 'The token is not the right one.';
    throw new ProblemError(createProblem(401, detail, { code: 'unauthenticated' }), {
      'WWW-Authenticate': 'Bearer realm="switchboard administration"',
    });
  };
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

const noStore: RequestHandler = (_request, response, next) => {
  response.set({ 'Cache-Control': 'no-store', 'X-Content-Type-Options': 'nosniff' });
  next();
};

const requireJson: RequestHandler = (request, _response, next) => {
  if (isJson(request)) return next();
  throw new ProblemError(createProblem(415, 'Send a JSON body with "Content-Type: application/json".'));
};

function isJson(request: { readonly headers: Request['headers'] }): boolean {
  return /^application\/([\w.-]+\+)?json *(;|$)/i.test(request.headers['content-type'] ?? '');
}
