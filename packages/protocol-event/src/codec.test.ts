import { ProtocolError, splitFrames } from '@switchboard/protocol';
import { decodeEnvelope, encodeBareText, encodeEnvelope, encodeList } from './codec.ts';

const LIMITS = { depth: 8, members: 100 };
const decode = (frame: string) => decodeEnvelope(frame, LIMITS);

function faultOf(frame: string): string {
  try {
    decode(frame);
  } catch (error) {
    if (error instanceof ProtocolError) return `${error.code}:${error.details.reason ?? ''}`;
  }
  return 'none';
}

describe('an envelope that comes in', () => {
  it.each([
    ['args in a string', '{"name":"A","args":"{\\"User_Id\\":1}"}', { name: 'A', args: { user_id: 1 } }],
    ['args as an object', '{"name":"A","args":{"x":[]}}', { name: 'A', args: { x: [] } }],
    ['a string null', '{"name":"A","args":"null"}', { name: 'A', args: {} }],
    ['no args', '{"name":"A"}', { name: 'A', args: null }],
    ['args that are no object', '{"name":"A","args":"[1]"}', { name: 'A', args: null }],
    ['args that are no JSON', '{"name":"A","args":"x"}', { name: 'A', args: null }],
    ['args too deep', `{"name":"A","args":"${'['.repeat(9)}"}`, { name: 'A', args: null }],
    ['null', 'null', { name: '', args: null }],
    ['no name', '{}', { name: '', args: null }],
  ])('%s', (_what, frame, expected) => {
    expect(decode(frame)).toEqual(expected);
  });

  it.each([
    ['hello', 'malformed:invalid JSON'],
    ['[]', 'malformed:not an object'],
    ['{"name":1}', 'malformed:name is no string'],
    ['['.repeat(9), 'too_deep:'],
    [`[${'1,'.repeat(101)}1]`, 'too_large:members'],
  ])('%s is a fault of the frame', (frame, fault) => {
    expect(faultOf(frame)).toBe(fault);
  });

  it('keeps members with the names of prototypes as mere members', () => {
    const { args } = decode('{"name":"A","args":{"__proto__":{"admin":true},"constructor":1}}');
    expect(Object.keys(args ?? {})).toEqual(['__proto__', 'constructor']);
    expect((args as { admin?: unknown }).admin).toBeUndefined();
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });
});

const textOf = (frames: readonly Buffer[]) =>
  Buffer.concat(splitFrames(Buffer.concat(frames)).map(({ payload }) => payload)).toString();

async function framesOf(pages: readonly (readonly object[])[]): Promise<Buffer[]> {
  const source = async function* () {
    yield* pages;
  };
  const frames: Buffer[] = [];
  for await (const frame of encodeList('L', { member: 'Messages', pages: source() })) frames.push(frame);
  return frames;
}

describe('what goes out', () => {
  it('is an envelope in the order of the wire, or a bare text', () => {
    expect(textOf([encodeEnvelope({ name: 'A', ok: true, result: null })])).toBe(
      '{"name":"A","ok":true,"result":null}',
    );
    expect(textOf([encodeBareText('no "such"')])).toBe('"no \\"such\\""');
  });

  it('is one frame for a short list', async () => {
    expect(await framesOf([])).toHaveLength(1);
    const frames = await framesOf([[{ a: 1 }], [], [{ a: 2 }]]);
    expect(splitFrames(Buffer.concat(frames))).toMatchObject([{ opcode: 1, final: true }]);
    expect(textOf(frames)).toBe('{"name":"L","ok":true,"result":{"Messages":[{"a":1},{"a":2}]}}');
  });

  it('is one message in fragments for a long list', async () => {
    const items = Array.from({ length: 5 }, (_, at) => ({ at, text: 'ю'.repeat(40_000) }));
    const frames = await framesOf([items.slice(0, 3), items.slice(3)]);
    const shape = splitFrames(Buffer.concat(frames)).map(({ opcode, final }) => [opcode, final]);
    expect(shape).toEqual([
      [1, false],
      [0, false],
      [0, true],
    ]);
    expect(JSON.parse(textOf(frames))).toEqual({ name: 'L', ok: true, result: { Messages: items } });
  });

  it('has not begun when the first page cannot be had', async () => {
    const source = async function* (): AsyncGenerator<object[]> {
      yield* [];
      throw new Error('away');
    };
    const list = encodeList('L', { member: 'Messages', pages: source() });
    await expect(list.next()).rejects.toThrow('away');
  });
});
