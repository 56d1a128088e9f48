/** Tokens as an application that embeds the chat would sign them, good ones and bad ones. */
import jwt from 'jsonwebtoken';

/** The development secret of the original: the document's own samples verify with it. */
export const SECRET = '!!SECRET!!';
export const CUSTOMER = { request_id: '100' } as const;
export const MODERATOR = { admin_id: '1' } as const;

/** HS256, good for a day from `now` (Unix ms) unless the claims say otherwise; a claim that is undefined is left out. */
export function signToken(claims: object, now: number = Date.now(), secret: string = SECRET): string {
  const exp = Math.floor(now / 1000) + 86_400;
  const given = Object.entries({ exp, ...claims }).filter(([, value]) => value !== undefined);
  return jwt.sign(JSON.stringify(Object.fromEntries(given)), secret, { algorithm: 'HS256' });
}
