/**
 * REST at the root: one Express application that knows a row's method and path and nothing else of it. Bodies, CORS, bearer and the form of
 * every answer are here; whatever goes wrong is answered as JSON with a message. Wire: PROTOCOL.md, "Frames".
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { STATUS_CODES } from 'node:http';
import {
  checkJsonLimits,
  clientAddress,
  type Host,
  isOriginAllowed,
  type JsonLimits,
  type Outcome,
  ProtocolError,
  parseJson,
  type Runner,
  toFault,
  wordFault,
} from '@switchboard/protocol';
import express, { type Request, type Response } from 'express';
import { errors, type WireError } from '../errors.ts';
import type { RestOperationName } from '../operations.ts';
import type { WorkspaceOptions } from '../options.ts';
import type { Bearers, CallSession } from '../session.ts';
import type { PlainText } from '../wire.ts';

export interface RestContext {
  readonly host: Host;
  readonly options: WorkspaceOptions;
  readonly names: readonly RestOperationName[];
  readonly runner: Runner<CallSession>;
  readonly bearers: Bearers;
  /** Resolves when what this node has been told by now has reached its sockets. */
  readonly written: () => Promise<void>;
}

export interface Rest {
  readonly listener: (request: IncomingMessage, response: ServerResponse) => void;
  /** Those who only wait are answered now. Resolves when nobody's answer is under way, or after 2 s. */
  close(): Promise<void>;
}

const HEADERS = 'Accept, Authorization, Content-Type, If-None-Match';
const PREFLIGHT_AGE_SECONDS = 86_400;
const GOODBYE_MS = 2_000;

export function createRest(context: RestContext): Rest {
  const { host, options, names, runner, bearers, written } = context;
  const { clock, log, limits, origins, trustProxy } = host;
  const jsonLimits: JsonLimits = { depth: limits.jsonDepth, members: limits.jsonMembers };
  const waiting = new Set<() => void>();
  const open = new Set<Promise<void>>();
  let isClosed = false;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.set('query parser', 'simple');

  app.use((request, response, next) => {
    allowOrigin(request, response);
    if (request.method !== 'OPTIONS') return next();
    const method = request.headers['access-control-request-method'];
    if (typeof method === 'string') response.setHeader('Access-Control-Allow-Methods', method);
    response.setHeader('Access-Control-Allow-Headers', HEADERS);
    response.setHeader('Access-Control-Max-Age', PREFLIGHT_AGE_SECONDS);
    response.writeHead(204).end();
  });
  for (const name of names) {
    const [method = '', path = ''] = name.split(' ');
    const serve = (request: Request, response: Response) => {
      const answering = answer(name, request, response)
        .catch((error: unknown) => fail(response, error))
        .finally(() => open.delete(answering));
      open.add(answering);
    };
    if (method === 'GET') app.get(path, serve);
    else if (method === 'DELETE') app.delete(path, serve);
    else app.post(path, serve);
  }
  app.use((_request: Request, response: Response) => refuse(response, { status: 404, message: 'Not Found' }));
  app.use((error: unknown, _request: Request, response: Response, _next: unknown) => {
    // Express itself refuses what it cannot decode in a path.
    const isClients = typeof error === 'object' && error !== null && 'status' in error && Number(error.status) < 500;
    if (isClients) refuse(response, { status: 400, message: 'Invalid request params input' });
    else fail(response, error);
  });

  function fail(response: Response, error: unknown): void {
    log('error', 'a request failed', { protocol: 'workspace', error: String(error) });
    refuse(response, wordInternal());
  }

  function allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    response.setHeader('Vary', 'Origin');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    if (origin === undefined || !isOriginAllowed(origin, origins)) return;
    response.setHeader('Access-Control-Allow-Origin', origin);
    response.setHeader('Access-Control-Allow-Credentials', 'true');
  }

  async function answer(name: RestOperationName, request: Request, response: Response): Promise<void> {
    const outcome = await run(name, request);
    if (response.destroyed) return;
    if (!outcome.ok) return refuse(response, wordFault(errors, outcome.fault, name));
    if (runner.find(name)?.answers === 'after') await written();
    succeed(response, outcome.value);
  }

  async function run(name: RestOperationName, request: Request): Promise<Outcome> {
    try {
      const bearer = await bearers.of(request.headers.authorization);
      const body = request.method === 'POST' || request.method === 'DELETE' ? await readBody(request) : undefined;
      const session: CallSession = {
        ...bearer,
        address: clientAddress(request, trustProxy),
        wait: (ms) => wait(request, ms),
      };
      return await runner.run(session, name, { params: request.params, query: request.query, body });
    } catch (thrown) {
      const fault = toFault(thrown);
      if (fault.code === 'internal')
        log('error', 'a request failed', { protocol: 'workspace', name, error: String(thrown) });
      return { ok: false, fault };
    }
  }

  /** Whatever its type says. Empty is legal, and is nothing. */
  async function readBody(request: Request): Promise<unknown> {
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > options.bodyLimitBytes) throw new ProtocolError('too_large', 'a body too large', { reason: 'bytes' });
      chunks.push(chunk);
    }
    if (bytes === 0) return {};
    const text = Buffer.concat(chunks).toString();
    checkJsonLimits(text, jsonLimits);
    return parseJson(text);
  }

  function wait(request: IncomingMessage, ms: number): Promise<void> {
    if (isClosed) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        waiting.delete(end);
        request.socket.off('close', end);
        resolve();
      };
      const cancel = clock.after(ms, end);
      waiting.add(end);
      request.socket.on('close', end);
    });
  }

  return {
    listener: app,
    async close() {
      isClosed = true;
      for (const end of [...waiting]) end();
      let cancel = (): void => {};
      const patience = new Promise<void>((resolve) => {
        cancel = clock.after(GOODBYE_MS, resolve);
      });
      await Promise.race([Promise.all(open), patience]);
      cancel();
    },
  };
}

function succeed(response: Response, value: unknown): void {
  if (isPlain(value)) send(response, 200, { type: 'text/html; charset=utf-8', body: value.plain });
  else send(response, 200, { type: 'application/json; charset=utf-8', body: JSON.stringify(value) });
}

function refuse(response: ServerResponse, { status, message, data }: WireError): void {
  if (response.headersSent) return void response.destroy();
  const body = {
    statusCode: status,
    error: STATUS_CODES[status] ?? 'Error',
    message,
    ...(data !== undefined && { data }),
  };
  // The rest of a body that is too large is not read.
  if (status === 413) response.setHeader('Connection', 'close');
  send(response, status, { type: 'application/json; charset=utf-8', body: JSON.stringify(body) });
}

function send(response: ServerResponse, status: number, { type, body }: { type: string; body: string }): void {
  response.writeHead(status, {
    'Content-Type': type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-cache',
  });
  response.end(body);
}

function isPlain(value: unknown): value is PlainText {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 1 && 'plain' in value;
}

function wordInternal(): WireError {
  return wordFault(errors, toFault(new Error('not named')), '');
}
