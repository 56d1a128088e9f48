/** The WebSocket opening handshake, RFC 6455 §4.2. No subprotocol and no extension is ever chosen. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** What is wrong with the request; null for a good one. */
export function upgradeFault(request: IncomingMessage): 'badUpgrade' | 'upgradeVersion' | null {
  const { headers, method } = request;
  const key = headers['sec-websocket-key'];
  if (method !== 'GET' || headers.upgrade?.toLowerCase() !== 'websocket') return 'badUpgrade';
  if (headers['sec-websocket-version'] !== '13') return 'upgradeVersion';
  return key !== undefined && /^[+/0-9A-Za-z]{22}==$/.test(key) ? null : 'badUpgrade';
}

export function upgradeAnswer(request: IncomingMessage): string {
  const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${ACCEPT_SUFFIX}`).digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}
