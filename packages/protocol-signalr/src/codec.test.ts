import { ProtocolError } from '@switchboard/protocol';
import { createSplitter, cut, decodeMessage, encodeMessage, encodePages } from './codec.ts';
import { event, type ServerMessage } from './wire.ts';

const RS = '\x1e';
const LIMITS = { depth: 32, members: 10_000 };
const decode = (text: string) => decodeMessage(Buffer.from(text), 'json', LIMITS);
const encode = (message: ServerMessage, encoding = 'poll-json') => encodeMessage(message, encoding).toString();

describe('reading JSON', () => {
  it.each([
    ['nulls', '{"type":1,"invocationId":null,"target":"Ping","arguments":null,"streamIds":null}'],
    ['an empty id', '{"type":1,"invocationId":"","target":"Ping","arguments":[]}'],
    ['absent members', '{"type":1,"target":"Ping"}'],
    [
      'members in any order, headers and unknown ones',
      '{"x":1,"arguments":[],"headers":{"a":"b"},"target":"ping","type":1}',
    ],
  ])('takes %s', (_what, text) => {
    expect(decode(text)).toMatchObject({
      kind: 'call',
      call: { name: 'Ping', invocationId: null, isStream: false, streams: 0 },
      args: [],
    });
  });

  it('compares members of argument objects without regard to case, and leaves what lies deeper alone', () => {
    const incoming = decode('{"type":1,"target":"X","arguments":[{"UserMETA":{"Key":1},"__proto__":{"a":1}}]}');
    const [members] = (incoming as unknown as { args: Record<string, unknown>[] }).args;
    expect(Object.keys(members ?? {})).toEqual(['usermeta', '__proto__']);
    expect(members?.usermeta).toEqual({ Key: 1 });
  });

  it.each(['2', '3', '5', '8', '9', '0', '77', '-1'])('ignores type %s', (type) => {
    expect(decode(`{"type":${type}}`)).toEqual({ kind: 'ignored' });
  });

  it.each(['9007199254740992', '-9007199254740992', '289533106833113088', '1e300', '1e999'])(
    'cannot bind the number %s, however deep',
    (number) => {
      expect(decode(`{"type":1,"target":"X","arguments":[{"a":[{"b":${number}}]}]}`)).toMatchObject({
        args: undefined,
      });
    },
  );

  it.each(['9007199254740991', '-9007199254740991', '0.1', '-1.5e-7'])('binds the number %s', (number) => {
    expect(decode(`{"type":1,"target":"X","arguments":[${number}]}`)).toMatchObject({ args: [Number(number)] });
  });

  it.each(['', '{', '[]', 'null', '5', '"x"', '{}', '{"type":"1"}', '{"type":1.5}', '{"type":1}', '{"type":4}'])(
    'refuses %j',
    (text) => {
      expect(() => decode(text)).toThrow(ProtocolError);
    },
  );
});

describe('writing', () => {
  it('leaves absent members out, and never writes null for one', () => {
    expect(encode(event('Pong'))).toBe(`{"type":1,"target":"Pong","arguments":[]}${RS}`);
    expect(encode({ type: 3, invocationId: '0', result: null })).toBe(
      `{"type":3,"invocationId":"0","result":null}${RS}`,
    );
    expect(encode({ type: 3, invocationId: '0', error: 'x' })).toBe(`{"type":3,"invocationId":"0","error":"x"}${RS}`);
    expect(encode({ type: 7, allowReconnect: true })).toBe(`{"type":7,"allowReconnect":true}${RS}`);
  });

  it('holds no line feed and no separator inside a message, whatever is written', () => {
    const text = encode(event('OnNewMessage', { content: 'a\nb\r\x1ec\u2028' }), 'sse-json');
    expect(text.startsWith('data: {')).toBe(true);
    for (const sign of ['\n', '\r', RS]) expect(text.slice(0, -5)).not.toContain(sign);
    expect(text.endsWith(`${RS}\r\n\r\n`)).toBe(true);
  });

  it('dresses one message for each transport', () => {
    const message = event('Pong');
    const json = `{"type":1,"target":"Pong","arguments":[]}${RS}`;
    expect(encodeMessage(message, 'ws-json')).toEqual(
      Buffer.concat([Buffer.from([0x81, json.length]), Buffer.from(json)]),
    );
    expect(encodeMessage(message, 'poll-messagepack').toString('hex')).toBe('0b960180c0a4506f6e679090');
    expect(encodeMessage(message, 'ws-messagepack').toString('hex')).toBe('820c0b960180c0a4506f6e679090');
  });
});

describe('a list in pages', () => {
  async function* pages(...sizes: number[]) {
    let id = 0;
    for (const size of sizes) yield Array.from({ length: size }, () => ({ id: String(++id) }));
  }
  async function gather(encoding: string, ...sizes: number[]): Promise<Buffer[]> {
    const pieces: Buffer[] = [];
    for await (const piece of encodePages('7', pages(...sizes), encoding)) pieces.push(piece);
    return pieces;
  }
  const whole = (count: number) => {
    const ids = Array.from({ length: count }, (_, at) => `{"id":"${at + 1}"}`);
    return `{"type":3,"invocationId":"7","result":[${ids.join(',')}]}${RS}`;
  };

  it.each([
    [[], 0],
    [[0], 0],
    [[3], 3],
    [[2, 2, 1], 5],
    [[2, 0, 2], 4],
  ])('of %j is one message', async (sizes, count) => {
    const poll = await gather('poll-json', ...sizes);
    expect(Buffer.concat(poll).toString()).toBe(whole(count));
    const sse = await gather('sse-json', ...sizes);
    expect(Buffer.concat(sse).toString()).toBe(`data: ${whole(count)}\r\n\r\n`);
    const ws = await gather('ws-json', ...sizes);
    expect(ws.map((piece) => (piece[0] as number) & 0x80)).toEqual(
      ws.map((_, at) => (at === ws.length - 1 ? 0x80 : 0)),
    );
  });

  it('of MessagePack says its length first, whatever that is', async () => {
    const [piece, ...more] = await gather('poll-messagepack', 100, 100);
    expect(more).toEqual([]);
    const found = cut(createSplitter('prefixed'), piece as Buffer, 1 << 20);
    expect(found?.rest).toHaveLength(0);
    const { decode: unpack } = require('@msgpack/msgpack');
    const message = unpack(found?.message) as unknown[];
    expect(message.slice(0, 4)).toEqual([3, {}, '7', 3]);
    expect(message[4]).toHaveLength(200);
  });
});

describe('reading MessagePack', () => {
  const { encode: pack } = require('@msgpack/msgpack');
  const unpack = (value: unknown) => decodeMessage(Buffer.from(pack(value)), 'messagepack', LIMITS);

  it('takes five elements as well as six, and a nil id', () => {
    for (const more of [[], [[]], [null]]) {
      expect(unpack([1, {}, null, 'pong', [], ...more])).toMatchObject({ call: { name: 'Pong', invocationId: null } });
    }
    expect(unpack([4, {}, '1', 'pong', [], []])).toMatchObject({ call: { isStream: true } });
  });

  it('reads dates as the texts that they are in JSON, and cannot bind what JSON has no form for', () => {
    const date = new Date(1_614_587_460_250);
    expect(unpack([1, {}, '1', 'X', [{ At: date }]])).toMatchObject({ args: [{ at: '2021-03-01T08:31:00.250Z' }] });
    expect(unpack([1, {}, '1', 'X', [new Uint8Array(2)]])).toMatchObject({ args: undefined });
    expect(unpack([1, {}, '1', 'X', [Number.NaN]])).toMatchObject({ args: undefined });
    expect(unpack([1, {}, '1', 'X', [2 ** 53]])).toMatchObject({ args: undefined });
  });

  it.each([
    [[]],
    [{}],
    [5],
    [['1']],
    [[1, {}, '1']],
    [[1, {}, 5, 'X', []]],
    [[1, {}, '1', 5, []]],
    [[1, {}, '1', 'X', {}]],
  ])('refuses %j', (value) => {
    expect(() => unpack(value)).toThrow(ProtocolError);
  });

  it('refuses bytes that are none, and what is nested too deep', () => {
    expect(() => decodeMessage(Buffer.from([0xc1]), 'messagepack', LIMITS)).toThrow(ProtocolError);
    expect(() => decodeMessage(Buffer.alloc(64, 0x91), 'messagepack', LIMITS)).toThrow(ProtocolError);
    let deep: unknown = 1;
    for (let depth = 0; depth < 40; depth += 1) deep = [deep];
    expect(() => unpack([1, {}, '1', 'X', [deep]])).toThrow(ProtocolError);
  });
});

describe('cutting a stream into messages', () => {
  function feed(framing: 'separated' | 'prefixed', bytes: Buffer, size: number, limit = 1_000): string[] {
    const splitter = createSplitter(framing);
    const messages: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      let rest = Buffer.from(bytes.subarray(at, at + size));
      while (rest.length > 0) {
        const found = cut(splitter, rest, limit);
        if (!found) break;
        messages.push(found.message.toString());
        rest = found.rest as Buffer<ArrayBuffer>;
      }
    }
    return messages;
  }
  const texts = ['one', '', 'x'.repeat(300), 'ü'];
  const separated = Buffer.from(texts.map((text) => text + RS).join(''));
  const prefixed = Buffer.concat(
    texts.map((text) => {
      const { length } = Buffer.from(text);
      const prefix = length < 128 ? [length] : [(length & 0x7f) | 0x80, length >> 7];
      return Buffer.concat([Buffer.from(prefix), Buffer.from(text)]);
    }),
  );

  it.each([1, 2, 3, 7, 100, 10_000])('gives the same for chunks of %i bytes', (size) => {
    expect(feed('separated', separated, size)).toEqual(texts);
    expect(feed('prefixed', prefixed, size)).toEqual(texts);
  });

  it('refuses what is above the limit before it is complete', () => {
    expect(() => feed('separated', Buffer.alloc(1_001, 0x61), 10)).toThrow(RangeError);
    expect(feed('separated', Buffer.concat([Buffer.alloc(1_000, 0x61), Buffer.from(RS)]), 10)).toHaveLength(1);
    expect(() => feed('prefixed', Buffer.from([0xe9, 0x07]), 1)).toThrow(RangeError);
    expect(() => feed('prefixed', Buffer.alloc(6, 0xff), 1)).toThrow(RangeError);
  });
});
