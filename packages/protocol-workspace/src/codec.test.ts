import type { SocketIoEvent } from '@switchboard/protocol-socketio';
import { decodeEvent, decodeMiniChat, encodeFrame, encodeMiniChat, isKnownEvent } from './codec.ts';

const event = (name: string, ...args: unknown[]): SocketIoEvent => ({ name, args, ackId: null, bytes: 0, fault: null });

it('knows three events, and passes over all others', () => {
  expect(
    ['auth', 'logout', 'conversation-broadcast', 'toString', 'message'].map((name) => isKnownEvent(event(name))),
  ).toEqual([true, true, true, false, false]);
});

it.each([
  [{ transaction: 't-1' }, 't-1'],
  [{ transaction: '' }, ''],
  [{ transaction: 12 }, '12'],
  [{ transaction: 1.5 }, '1.5'],
  [{ transaction: null }, null],
  [{ transaction: {} }, null],
  [{}, null],
  [null, null],
  ['text', null],
  [[{ transaction: 'x' }], null],
])('reads the transaction of %j', (payload, transaction) => {
  expect(decodeEvent(event('auth', payload)).ref).toEqual({ transaction });
});

it('writes one argument, null included', () => {
  expect(encodeFrame(['user-changed-device', null]).toString()).toContain('42["user-changed-device",null]');
});

it.each([
  ['it&#039;s me &amp; you', "it's me & you"],
  ['&lt;b&gt; &quot;x&quot;', '<b> "x"'],
  ['&amp;lt;', '&lt;'],
  ['&nbsp; & &#39;', '&nbsp; & &#39;'],
])('reads %j as it was typed', (text, typed) => {
  expect(decodeMiniChat(text)).toBe(typed);
});

it.each([
  ['a < b & c', 'a &lt; b & c'],
  ['hello', 'hello'],
  ['&amp; &lt; &#60; &#x3C;', '&amp;amp; &amp;lt; &amp;#60; &amp;#x3C;'],
  ['AT&T; fish&chips', 'AT&amp;T; fish&chips'],
  ['<script>', '&lt;script>'],
])('writes %j as something that is no markup', (text, written) => {
  expect(encodeMiniChat(text)).toBe(written);
});
