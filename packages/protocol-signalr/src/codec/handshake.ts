/** The first message of a connection, always JSON, and its answer. Pure. Wire: PROTOCOL.md, "Handshake". */
import { parseJson } from '@switchboard/protocol';
import { handshakeErrors } from '../errors.ts';

export type HubProtocol = 'json' | 'messagepack';

export type Handshake =
  | { readonly ok: true; readonly protocol: HubProtocol }
  | { readonly ok: false; readonly error: string };

/** Longest handshake: real ones have 35 bytes. */
export const HANDSHAKE_LIMIT_BYTES = 4_096;

const NEWEST_VERSION = 2;

/** `isBinary`: whether the transport carries bytes as they are. Never throws. */
export function readHandshake(bytes: Buffer, isBinary: boolean): Handshake {
  const { protocol, version } = parse(bytes);
  if (typeof protocol !== 'string' || !Number.isInteger(version)) return refused(handshakeErrors.unexpected);
  const name = protocol.toLowerCase();
  if (name !== 'json' && name !== 'messagepack') return refused(handshakeErrors.protocol(protocol));
  const number = version as number;
  if (number < 0 || number > NEWEST_VERSION) return refused(handshakeErrors.version(number, protocol));
  if (name === 'messagepack' && !isBinary) return refused(handshakeErrors.transport);
  return { ok: true, protocol: name };
}

function parse(bytes: Buffer): Readonly<Record<string, unknown>> {
  try {
    const value = parseJson(bytes.toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function refused(error: string): Handshake {
  return { ok: false, error };
}

/** With its separator. Accepted: `{}` and nothing else. */
export function encodeHandshakeAnswer(error: string | null): string {
  return `${JSON.stringify(error === null ? {} : { error })}\x1e`;
}
