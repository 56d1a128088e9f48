/** What a client sends as a message ↔ what the core keeps of it. Pure. Wire: PROTOCOL.md §2.5, §15. */
import type { JsonObject, MessageKind, MessagePart, MessageVisibility, Namespace } from '@switchboard/core';
import { MESSAGE_TYPE } from '../wire.ts';

export interface Content {
  readonly kind: MessageKind;
  readonly text: string;
  readonly parts: readonly MessagePart[];
  readonly visibility: MessageVisibility;
}

const KINDS: Readonly<Record<number, MessageKind>> = {
  [MESSAGE_TYPE.images]: 'image',
  [MESSAGE_TYPE.audio]: 'audio',
  [MESSAGE_TYPE.video]: 'video',
  [MESSAGE_TYPE.file]: 'file',
};

/** What is said about the group itself: other protocols have notices of their own. */
const OWN_TYPES: ReadonlySet<number> = new Set([MESSAGE_TYPE.first, MESSAGE_TYPE.update, MESSAGE_TYPE.left]);

/** What people of other protocols read where there is no text. */
const FALLBACKS: Readonly<Record<number, string>> = {
  8: '[reply]',
  9: '[forwarded]',
  10: '[sticker]',
  13: '[screenshot]',
  14: '[location]',
  15: '[location]',
  16: '[call]',
};

export function toContent(
  namespace: Namespace,
  { type, message, attachments }: { readonly type: number; readonly message: string; readonly attachments: string },
): Content {
  const visibility = OWN_TYPES.has(type) ? (`namespace:${namespace}` as const) : 'all';
  const kind = KINDS[type];
  const parts = kind ? partsOf(kind, attachments) : [];
  if (kind && parts.length > 0) return { kind, text: message, parts, visibility };
  const text = message || (visibility === 'all' ? (FALLBACKS[type] ?? '[attachment]') : '');
  return { kind: 'text', text, parts: [], visibility };
}

/** Empty when the attachments are not what this type has. */
function partsOf(kind: MessageKind, attachments: string): MessagePart[] {
  const value = asObject(parse(attachments));
  if (kind === 'image') {
    const images = Array.isArray(value.images) ? value.images : [];
    return images.slice(0, 100).flatMap((image) => toPart('image', asObject(image)));
  }
  return toPart(kind as MessagePart['kind'], asObject(value[kind]));
}

function toPart(kind: MessagePart['kind'], given: JsonObject): MessagePart[] {
  const { url } = given;
  if (typeof url !== 'string' || url === '') return [];
  const numbers = {
    width: numberOf(given.width),
    height: numberOf(given.height),
    sizeBytes: numberOf(given.size),
    durationMs: toMs(numberOf(given.duration)),
  };
  const known = Object.fromEntries(Object.entries(numbers).filter(([, value]) => value !== undefined));
  const name = typeof given.file_name === 'string' ? given.file_name : undefined;
  return [{ kind, url, ...known, ...(name && { name }) }];
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function asObject(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {};
}

function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && value !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) && number >= 0 ? number : undefined;
}

function toMs(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}
