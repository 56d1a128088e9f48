/**
 * One-time codes: invites, sign-in links, e-mail checks. A code is computed from its id and the session key, so it can be shown again;
 * the store keeps a hash.
 */
import { createHash, createHmac } from 'node:crypto';
import type { CoreContext } from './context.ts';
import { DomainError } from './errors.ts';
import { checkedJson } from './field-checks.ts';
import type { OneTimeCode } from './model/user.ts';
import type { CodeFormat, Sessions } from './sessions.ts';

export type Codes = Pick<Sessions, 'createCode' | 'codeOf' | 'peekCode' | 'useCode' | 'listCodes' | 'removeCode'>;

const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** Short codes may meet; another id gives another one. */
const ATTEMPTS = 5;

export function createCodes(context: CoreContext): Codes {
  const { store, clock, ids, sessionKey } = context;

  function codeOf(code: Pick<OneTimeCode, 'id' | 'purpose'>, format: CodeFormat = {}): string {
    const { length = 32, alphabet = BASE64URL } = format;
    // Bytes at and above the bound would favour the alphabet's beginning.
    const bound = 256 - (256 % alphabet.length);
    let text = '';
    for (let block = 0; text.length < length; block += 1) {
      const bytes = createHmac('sha256', sessionKey).update(`code.${code.purpose}.${code.id}.${block}`).digest();
      for (const byte of bytes) {
        if (byte < bound && text.length < length) text += alphabet.charAt(byte % alphabet.length);
      }
    }
    return text;
  }

  async function missing(purpose: string, codeHash: string): Promise<DomainError> {
    const code = await store.sessions.findCode(purpose, codeHash);
    const expired = code !== null && code.usesLeft !== 0 && (code.expiresAt ?? Infinity) <= clock.now();
    return new DomainError(expired ? 'expired' : 'not_found', `No usable code for ${purpose}`, { subject: 'code' });
  }

  return {
    codeOf,

    async createCode(actor, command) {
      const { purpose, ttlMs, uses = 1, ...target } = command;
      const now = clock.now();
      const data = checkedJson(target.data ?? {}, { subject: 'code', field: 'data', maxBytes: 16_384 });
      for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
        const oneTimeCode: OneTimeCode = {
          id: ids.uuid(),
          purpose,
          userId: target.userId ?? null,
          spaceId: target.spaceId ?? null,
          conversationId: target.conversationId ?? null,
          email: target.email?.trim().toLowerCase() ?? null,
          data,
          createdBy: actor.userId,
          createdAt: now,
          expiresAt: ttlMs === undefined ? null : now + ttlMs,
          usesLeft: uses,
        };
        const code = codeOf(oneTimeCode, command);
        if (await store.sessions.insertCode({ ...oneTimeCode, codeHash: hashOf(purpose, code) })) {
          return { code, oneTimeCode };
        }
      }
      throw new DomainError('conflict', `No free code for ${purpose}: its format is too short`, { subject: 'code' });
    },

    async peekCode(purpose, code) {
      const codeHash = hashOf(purpose, code);
      const found = await store.sessions.findCode(purpose, codeHash);
      const usable = found && found.usesLeft !== 0 && (found.expiresAt ?? Infinity) > clock.now();
      if (!usable) throw await missing(purpose, codeHash);
      return found;
    },

    async useCode(purpose, code) {
      const codeHash = hashOf(purpose, code);
      const used = await store.sessions.useCode(purpose, codeHash, clock.now());
      if (!used) throw await missing(purpose, codeHash);
      return used;
    },

    listCodes: (query) => store.sessions.listCodes(query, clock.now()),

    async removeCode(actor, id) {
      const result = UUID.test(id) ? await store.sessions.removeCode(id, actor.userId) : 'not_found';
      if (result !== 'removed') throw new DomainError(result, `Code ${id} was not removed`, { subject: 'code', id });
    },
  };
}

function hashOf(purpose: string, code: string): string {
  return createHash('sha256').update(`${purpose}\0${code}`).digest('hex');
}
