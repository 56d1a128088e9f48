/** A sender over plain HTTP: one kept connection, the whole request as its frame. The connection begins with a GET of its own. */
import { MESSAGE_TEXT, type PlanLine } from '../plan.ts';

export interface HttpSender {
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object;
  /** What tells an acknowledgement in the bytes that come back. */
  readonly ack: string;
}

/** `readyPath`: anything that answers 200 at once and holds nothing of `ack`. */
export function toHttpSender(readyPath: string, { path, headers = {}, body, ack }: HttpSender): PlanLine {
  const text = JSON.stringify(body);
  if (!text.includes(MESSAGE_TEXT)) throw new Error('the body holds no message');
  const head = Object.entries({
    Host: '127.0.0.1',
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(text)),
    ...headers,
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return {
    kind: 'http',
    path: readyPath,
    sends: { frame: `POST ${path} HTTP/1.1\r\n${head.join('')}\r\n${text}`, ack, hears: false, echoed: false },
  };
}
