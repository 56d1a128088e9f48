/**
 * A client of the IQChannels wire over bare HTTP and the real `ws` package: calls, event streams read byte by byte, listeners. Knows the
 * wire by its own reading of PROTOCOL.md and nothing of this package's codec: a mistake must not test itself.
 */
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

/** What the administration's credential call gives. */
export interface IqConnect {
  /** Of the API: `…/api/v1` or `…/public/api/v1`. */
  readonly url: string;
  readonly role: 'operator' | 'customer';
  readonly userId: number;
  readonly token: string;
}

// biome-ignore lint/suspicious/noExplicitAny: what the server sends is what is tested; its shape is each test's own expectation
export type Loose = any;

export interface IqEnvelope {
  readonly OK: boolean;
  readonly Error: { readonly Code: string; readonly Text: string } | null;
  readonly Result: Loose;
  readonly Rels: Loose;
  readonly Data?: Loose;
}

export interface IqAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly envelope: IqEnvelope;
}

export interface IqRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string or bytes as they are, anything else as JSON; `undefined` = no body. */
  readonly body?: unknown;
}

/** The call was answered with `OK: false`. */
export class CallRefused extends Error {
  override readonly name = 'CallRefused';
  readonly code: string;
  constructor(path: string, { Code, Text }: { readonly Code: string; readonly Text: string }) {
    super(`${path}: ${Code} (${Text})`);
    this.code = Code;
  }
}

const PATIENCE_MS = 15_000;

/** One request by hand. */
export function send(url: string, { method = 'POST', headers = {}, body }: IqRequest = {}): Promise<IqAnswer> {
  const bytes =
    body === undefined ? null : typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, {
      method,
      headers: { 'Content-Type': 'application/json', ...headers },
      agent: false,
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('error', reject);
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('end', () => {
        const all = Buffer.concat(pieces);
        const isJson = response.headers['content-type']?.startsWith('application/json') ?? false;
        const envelope = (isJson ? JSON.parse(all.toString()) : null) as IqEnvelope;
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: all, envelope });
      });
    });
    request.end(bytes ?? undefined);
  });
}

/** For `frame`: a refusal with this code. */
export function refusedWith(code: string): (frame: IqEnvelope) => boolean {
  return (frame) => frame.Error?.Code === code;
}

export interface IqEvent {
  readonly Id: number;
  readonly Type: string;
  readonly ChatId: number | null;
  readonly MessageId: number | null;
  readonly [key: string]: Loose;
}

/** An open stream: everything that came, in order, and waiting for what is to come. */
export interface IqStream {
  readonly headers: IncomingHttpHeaders;
  /** All bytes of the body so far. */
  readonly bytes: Buffer;
  readonly frames: readonly IqEnvelope[];
  readonly events: readonly IqEvent[];
  /** Of stored events: what the client would come back with. */
  readonly lastId: number;
  /** Called with every frame, those that came before included. */
  onFrame(hear: (frame: IqEnvelope) => void): void;
  /** The first event, past or to come, that fits. */
  event(what: string, fits: (event: IqEvent) => boolean): Promise<IqEvent>;
  /** The first frame that fits. */
  frame(what: string, fits: (frame: IqEnvelope) => boolean): Promise<IqEnvelope>;
  /** Resolves when so many bytes have come. */
  until(what: string, fits: (stream: IqStream) => boolean): Promise<void>;
  readonly ended: Promise<void>;
  pause(): void;
  resume(): void;
  /** Cuts it. */
  cut(): void;
}

interface Feed {
  take(frame: IqEnvelope): void;
  note(bytes: Buffer): void;
  end(): void;
}

function createStream(
  headers: IncomingHttpHeaders,
  socket: { pause(): void; resume(): void; cut(): void },
): IqStream & Feed {
  const frames: IqEnvelope[] = [];
  const events: IqEvent[] = [];
  const pieces: Buffer[] = [];
  const looking = new Set<() => void>();
  const hearers: ((frame: IqEnvelope) => void)[] = [];
  let lastId = 0;
  let isOver = false;
  let finish = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    finish = resolve;
  });

  function look(): void {
    for (const one of [...looking]) one();
  }

  function waitFor<T>(what: string, find: () => T | undefined): Promise<T> {
    const past = find();
    if (past !== undefined) return Promise.resolve(past);
    return new Promise((resolve, reject) => {
      const give = (error: Error) => {
        looking.delete(again);
        clearTimeout(timer);
        reject(error);
      };
      const told = () => `; heard ${JSON.stringify(events.map(({ Type, Id }) => `${Type} ${Id}`).slice(-30))}`;
      const timer = setTimeout(() => give(new Error(`waited for ${what}${told()}`)), PATIENCE_MS);
      const again = () => {
        const found = find();
        if (found === undefined) {
          if (isOver) give(new Error(`waited for ${what}, but the stream ended${told()}`));
          return;
        }
        looking.delete(again);
        clearTimeout(timer);
        resolve(found);
      };
      looking.add(again);
      again();
    });
  }

  const stream: IqStream & Feed = {
    headers,
    get bytes() {
      return Buffer.concat(pieces);
    },
    frames,
    events,
    get lastId() {
      return lastId;
    },
    onFrame(hear) {
      for (const frame of frames) hear(frame);
      hearers.push(hear);
    },
    event: (what, fits) => waitFor(what, () => events.find(fits)),
    frame: (what, fits) => waitFor(what, () => frames.find(fits)),
    async until(what, fits) {
      await waitFor(what, () => (fits(stream) ? true : undefined));
    },
    ended,
    pause: socket.pause,
    resume: socket.resume,
    cut: socket.cut,
    take(frame) {
      frames.push(frame);
      for (const hear of hearers) hear(frame);
      if (Array.isArray(frame.Result)) {
        for (const event of frame.Result as IqEvent[]) {
          events.push(event);
          lastId = Math.max(lastId, event.Id);
        }
      }
      look();
    },
    note(bytes) {
      pieces.push(bytes);
      look();
    },
    end() {
      isOver = true;
      finish();
      look();
    },
  };
  return stream;
}

/** Opens an event stream; resolves with its head. */
export function openEvents(url: string, headers: Readonly<Record<string, string>> = {}): Promise<IqStream> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, {
      method: 'GET',
      headers: { Accept: 'text/event-stream', ...headers },
      agent: false,
    });
    request.on('error', reject);
    request.on('response', (response: IncomingMessage) => {
      let rest = '';
      const stream = createStream(response.headers, {
        pause: () => response.pause(),
        resume: () => response.resume(),
        cut: () => request.destroy(),
      });
      response.on('data', (piece: Buffer) => {
        rest += piece.toString('latin1');
        for (let end = rest.indexOf('\n\n'); end !== -1; end = rest.indexOf('\n\n')) {
          const block = rest.slice(0, end);
          rest = rest.slice(end + 2);
          const data = block.split('\n').filter((line) => line.startsWith('data: '));
          if (data.length > 0) stream.take(JSON.parse(data.map((line) => line.slice(6)).join('\n')) as IqEnvelope);
        }
        stream.note(piece);
      });
      response.on('close', () => stream.end());
      response.on('error', () => undefined);
      request.on('error', () => stream.end());
      resolve(stream);
    });
    request.end();
  });
}

export interface IqListener extends IqStream {
  readonly closed: Promise<{ readonly code: number }>;
}

/** Opens a listener over WebSocket; resolves when it is open. */
export function openListener(url: string, headers: Readonly<Record<string, string>> = {}): Promise<IqListener> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { perMessageDeflate: false, headers });
  const stream = createStream(
    {},
    {
      pause: () => socket.pause(),
      resume: () => socket.resume(),
      cut: () => socket.terminate(),
    },
  );
  socket.on('message', (data) => {
    const text = String(data);
    stream.take(JSON.parse(text) as IqEnvelope);
    stream.note(Buffer.from(text));
  });
  const closed = new Promise<{ readonly code: number }>((resolve) => {
    socket.on('close', (code) => {
      stream.end();
      resolve({ code });
    });
  });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('open', () => resolve(Object.assign(stream, { closed })));
    socket.once('unexpected-response', (_request, response) => reject(new Error(`status ${response.statusCode}`)));
  });
}

export interface IqClient {
  readonly token: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The whole envelope, whatever it says. */
  call(path: string, body?: unknown): Promise<IqEnvelope>;
  /** `Result` of a call that must succeed; throws `CallRefused`. */
  ask(path: string, body?: unknown): Promise<Loose>;
  /** `path` below the API, with its query. */
  events(path: string): Promise<IqStream>;
  listener(path: string): Promise<IqListener>;
  upload(name: string, content: Buffer, type?: string): Promise<IqEnvelope>;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<IqAnswer>;
}

/** Speaks to one of the two APIs with a token; none: without. */
export function createIqClient(url: string, token: string, scheme: 'User' | 'Client'): IqClient {
  const headers: Record<string, string> = token ? { Authorization: `${scheme} ${token}` } : {};
  return {
    token,
    headers,
    async call(path, body) {
      const { envelope, status } = await send(url + path, { headers, body });
      if (status !== 200) throw new Error(`${path}: status ${status}`);
      return envelope;
    },
    async ask(path, body) {
      const { envelope, status } = await send(url + path, { headers, body });
      if (status !== 200) throw new Error(`${path}: status ${status}`);
      if (envelope.Error) throw new CallRefused(path, envelope.Error);
      return envelope.Result;
    },
    events: (path) => openEvents(url + path, headers),
    listener: (path) => openListener(url + path, headers),
    async upload(name, content, type = 'file') {
      const form = multipart({ name, content, type });
      const answer = await send(`${url}/files/upload`, {
        headers: { ...headers, 'Content-Type': form.contentType },
        body: form.body,
      });
      return answer.envelope;
    },
    get: (path, more = {}) => send(url + path, { method: 'GET', headers: { ...headers, ...more } }),
  };
}

/** As the clients write it: eleven dashes, no blank before the boundary, a raw UTF-8 name, no type of the part. */
export function multipart(file: { readonly name: string; readonly content: Buffer; readonly type: string }) {
  const boundary = '-----------boundary0123456789';
  const body = Buffer.concat([
    Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="Type"\r\n\r\n${file.type}\r\n`),
    Buffer.from(
      `--${boundary}\r\nContent-Disposition: form-data; name="File"; filename="${file.name}"\r\nContent-Type: \r\n\r\n`,
    ),
    file.content,
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
  return { contentType: `multipart/form-data;boundary=${boundary}`, body };
}
