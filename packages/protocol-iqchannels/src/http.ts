/**
 * The REST surface: two Express routers over one table, raw bodies, one envelope for every answer. Nothing of Express is global, and no
 * status but 200 leaves a known path. Wire: PROTOCOL.md, "Requests", "Answers".
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import {
  type Host,
  isOriginAllowed,
  type JsonLimits,
  type Outcome,
  ProtocolError,
  type Runner,
  toFault,
  wordFault,
} from '@switchboard/protocol';
import express, { type Express, type Request, type Response, type Router } from 'express';
import { decodeBody, decodeQuery, failure, success } from './codec.ts';
import { errors } from './errors.ts';
import type { createTransfer } from './files/transfer.ts';
import type { Answer } from './operations/answer.ts';
import { OPEN_CALLS } from './operations.ts';
import type { IqchannelsOptions } from './options.ts';
import { type Api, fileCaller, type IqSession, readerOf, type Sessions, signedInAny } from './session.ts';
import type { createListeners } from './streams/listeners.ts';
import type { StreamName } from './streams/targets.ts';
import { toFile } from './views/files.ts';
import type { Views } from './views.ts';
import type { Envelope } from './wire/objects.ts';
import { CLIENT_ROUTES, OP, OPERATOR_ROUTES, type OperationName, PREFIX, type Route, STREAM_ROUTES } from './wire.ts';

export interface HttpOptions {
  readonly host: Host;
  readonly options: IqchannelsOptions;
  readonly runner: Runner<IqSession>;
  readonly sessions: Sessions;
  readonly views: Views;
  readonly listeners: ReturnType<typeof createListeners>;
  readonly transfer: ReturnType<typeof createTransfer>;
  /** Counts whoever calls as online. */
  seen(session: IqSession): void;
}

const COOKIE_AGE_S = 31_536_000;
const ALLOWED_HEADERS = 'Content-Type, Authorization, X-Client-Authorization, X-User-Authorization';

export function createHttp(parts: HttpOptions): Express {
  const { host, options, runner, sessions, views, listeners, transfer, seen } = parts;
  const jsonLimits: JsonLimits = {
    bytes: options.bodyBytes,
    depth: host.limits.jsonDepth,
    members: host.limits.jsonMembers,
  };

  function isSecure(request: IncomingMessage): boolean {
    const forwarded = request.headers['x-forwarded-proto'];
    const proto = Array.isArray(forwarded) ? forwarded[0] : forwarded;
    return (proto?.split(',')[0]?.trim().toLowerCase() ?? '') === 'https' || 'encrypted' in request.socket;
  }

  /** Readable from scripts: the widget signs out by deleting it. */
  function cookieOf(request: IncomingMessage, token: string): string {
    const site = isSecure(request) ? 'SameSite=None; Secure' : 'SameSite=Lax';
    return `client-session=${token}; Path=/; Max-Age=${COOKIE_AGE_S}; ${site}`;
  }

  function write(response: ServerResponse, envelope: Envelope, headers: Record<string, string> = {}): void {
    const body = Buffer.from(JSON.stringify(envelope));
    response.writeHead(200, {
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': body.length,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
      ...headers,
    });
    response.end(body);
  }

  function writeOutcome(request: IncomingMessage, response: ServerResponse, outcome: Outcome): void {
    if (response.headersSent || response.destroyed) return;
    if (!outcome.ok) {
      // What is still coming of a body that was refused is not waited for.
      if (!request.complete) response.setHeader('Connection', 'close');
      write(response, failure(wordFault(errors, outcome.fault, undefined)));
      return;
    }
    const { result, rels, data, token } = outcome.value as Answer;
    write(response, success(result, rels, data), token ? { 'Set-Cookie': cookieOf(request, token) } : {});
  }

  async function callOf(request: Request, api: Api, name: OperationName): Promise<Outcome> {
    const query = decodeQuery(request.url);
    const opened = await runner.attempt('authenticate', async () => {
      const session = OPEN_CALLS.has(name)
        ? sessions.unauthenticated(request, api)
        : await sessions.authenticate(request, query, api);
      seen(session);
      const body =
        request.method === 'GET' ? undefined : decodeBody(await bodyOf(request, options.bodyBytes), jsonLimits);
      return { session, body };
    });
    if (!opened.ok) return opened;
    return runner.run(opened.value.session, name, { params: { ...request.params }, body: opened.value.body });
  }

  function addRoutes(router: Router, api: Api, routes: readonly Route[]): void {
    for (const [method, path, name] of routes) {
      router[method](path, (request: Request, response: Response) => {
        callOf(request, api, name).then(
          (outcome) => writeOutcome(request, response, outcome),
          (error: unknown) => fail(response, error),
        );
      });
    }
  }

  function addStreams(router: Router, api: Api, streams: readonly (readonly [path: string, name: StreamName])[]): void {
    for (const [path, name] of streams) {
      router.get(path, (request: Request, response: Response) => {
        const param = String(request.params.param ?? '');
        listeners.openEvents(request, response, { api, name, param }).catch((error: unknown) => fail(response, error));
      });
    }
  }

  function addFiles(router: Router, api: Api): void {
    router.post('/files/upload', (request: Request, response: Response) => {
      runner
        .attempt('files/upload', async (): Promise<Answer> => {
          const query = decodeQuery(request.url);
          const session = fileCaller(signedInAny(await sessions.authenticate(request, query, api)));
          seen(session);
          const file = await transfer.upload(session, request);
          const actor = session.part === 'client' ? 'client' : 'user';
          const { value } = await views.build(readerOf(session), (builder) => toFile(builder, file, actor));
          return { result: value, rels: {} };
        })
        .then(
          (outcome) => writeOutcome(request, response, outcome),
          (error: unknown) => fail(response, error),
        );
    });
    for (const [path, isImage] of [
      ['/files/get/:fileId', false],
      ['/files/image/:fileId', true],
    ] as const) {
      router.get(path, (request: Request, response: Response) => {
        const query = decodeQuery(request.url);
        const fileId = String(request.params.fileId ?? '');
        sessionOfDownload(request, query, api)
          .then((session) => transfer.download(request, response, { session, fileId, query, isImage }))
          .catch((error: unknown) => fail(response, error));
      });
    }
  }

  /** Whoever has a link needs no session, and a stale one must not hide what is public. */
  async function sessionOfDownload(request: Request, query: ReadonlyMap<string, string>, api: Api): Promise<IqSession> {
    if (query.get('token')) return sessions.anonymous(api, null);
    const opened = await runner.attempt('authenticate', async () => {
      const session = await sessions.authenticate(request, query, api);
      return session.part === null ? session : fileCaller(signedInAny(session));
    });
    return opened.ok ? opened.value : sessions.anonymous(api, null);
  }

  function fail(response: ServerResponse, error: unknown): void {
    host.log('error', 'a call failed', { protocol: options.namespace, error: String(error) });
    if (response.headersSent) response.destroy();
    else write(response, failure(wordFault(errors, toFault(error), undefined)));
  }

  /** No header for origins that are not on the list; without a list there is none for anybody. */
  function cors(request: Request, response: Response, next: () => void): void {
    const { origin } = request.headers;
    if (origin === undefined || host.origins === null || !isOriginAllowed(origin, host.origins)) {
      if (request.method === 'OPTIONS') response.writeHead(204).end();
      else next();
      return;
    }
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Allow-Credentials', 'true');
    response.setHeader('Vary', 'Origin');
    if (request.method !== 'OPTIONS') {
      next();
      return;
    }
    response.setHeader('Access-Control-Allow-Headers', ALLOWED_HEADERS);
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST, OPTIONS');
    response.writeHead(204).end();
  }

  const clientRouter = express.Router({ caseSensitive: true });
  clientRouter.get('/widget/styles.css', (_request: Request, response: Response) => {
    response.writeHead(200, { 'Content-Type': 'text/css; charset=utf-8', 'X-Content-Type-Options': 'nosniff' }).end();
  });
  addFiles(clientRouter, 'client');
  addRoutes(clientRouter, 'client', CLIENT_ROUTES);
  addStreams(clientRouter, 'client', [
    [STREAM_ROUTES.clientUnreadMulti, 'clientUnreadMulti'],
    [STREAM_ROUTES.clientUnread, 'clientUnread'],
    [STREAM_ROUTES.clientEvents, 'clientEvents'],
  ]);

  const operatorRouter = express.Router({ caseSensitive: true });
  addFiles(operatorRouter, 'operator');
  addRoutes(operatorRouter, 'operator', OPERATOR_ROUTES);
  addStreams(operatorRouter, 'operator', [
    [`/sse/${STREAM_ROUTES.chat}/:param`, 'chat'],
    [`/sse/${STREAM_ROUTES.channel}/:param`, 'channel'],
    [`/sse/${STREAM_ROUTES.user}/:param`, 'user'],
  ]);

  const bareRouter = express.Router({ caseSensitive: true });
  addRoutes(bareRouter, 'operator', [['post', '/', OP.read]]);

  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // The adapter reads queries itself: some have two question marks.
  app.set('query parser', false);
  app.use(cors);
  app.use(PREFIX.client, clientRouter);
  app.use(PREFIX.operator, operatorRouter);
  app.use(PREFIX.bare, bareRouter);
  if (options.widgetDir !== null) {
    app.use(PREFIX.widget, allowAll, express.static(options.widgetDir, { index: 'index.html', redirect: true }));
  }
  app.use((_request: Request, response: Response) => notFound(response));
  // Four parameters tell Express that it hands errors here: what it cannot read in an address.
  app.use((_error: unknown, _request: Request, response: Response, _next: () => void) => notFound(response));
  return app;
}

/** The host page asks whether the widget is there. */
function allowAll(_request: Request, response: Response, next: () => void): void {
  response.setHeader('Access-Control-Allow-Origin', '*');
  next();
}

function notFound(response: ServerResponse): void {
  if (response.headersSent) return;
  response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
  response.end('404 Not Found\n');
}

/** Reads all of it; `too_large` as soon as it is. */
async function bodyOf(request: IncomingMessage, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  if (Number(request.headers['content-length'] ?? 0) > limit) throw tooLarge(limit);
  for await (const piece of request) {
    size += (piece as Buffer).length;
    if (size > limit) throw tooLarge(limit);
    pieces.push(piece as Buffer);
  }
  return Buffer.concat(pieces);
}

function tooLarge(limit: number): ProtocolError {
  return new ProtocolError('too_large', `a body above ${limit} bytes`, { reason: 'bytes' });
}
