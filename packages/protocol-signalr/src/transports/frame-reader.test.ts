import { createFrameReader, type FrameSink, readFrames } from './frame-reader.ts';

/** A frame as a client writes it. */
function frame(opcode: number, text: string, { isFinal = true, isMasked = true } = {}): Buffer {
  const payload = Buffer.from(text);
  const first = (isFinal ? 0x80 : 0) | opcode;
  const bit = isMasked ? 0x80 : 0;
  const length = payload.length;
  let head: Buffer;
  if (length < 126) head = Buffer.from([first, bit | length]);
  else if (length < 65_536) head = Buffer.from([first, bit | 126, length >> 8, length & 0xff]);
  else {
    head = Buffer.alloc(10);
    head[0] = first;
    head[1] = bit | 127;
    head.writeUInt32BE(length, 6);
  }
  if (!isMasked) return Buffer.concat([head, payload]);
  const mask = Buffer.from([0x11, 0x22, 0x33, 0x44]);
  return Buffer.concat([head, mask, payload.map((byte, at) => byte ^ (mask[at % 4] as number))]);
}

function read(bytes: Buffer, size: number): string[] {
  const reader = createFrameReader();
  const told: string[] = [];
  let data = '';
  const flush = () => {
    if (data) told.push(`data ${data}`);
    data = '';
  };
  const tell = (line: string) => {
    flush();
    told.push(line);
  };
  const sink: FrameSink = {
    data: (piece) => {
      data += piece.toString('latin1');
    },
    ping: (payload) => tell(`ping ${payload}`),
    close: (code) => tell(`close ${code}`),
    violation: (code) => tell(`violation ${code}`),
  };
  for (let at = 0; at < bytes.length; at += size) readFrames(reader, Buffer.from(bytes.subarray(at, at + size)), sink);
  flush();
  return told;
}

describe('frames of clients', () => {
  const long = 'y'.repeat(70_000);
  const bytes = Buffer.concat([
    frame(1, 'a'),
    frame(2, 'b'.repeat(300)),
    frame(1, 'begin', { isFinal: false }),
    frame(9, 'ping'),
    frame(0, '', { isFinal: false }),
    frame(0, 'end'),
    frame(10, 'unasked'),
    frame(1, long),
    frame(8, '\x03\xe8bye'.replace('\xe8', '\x0f')),
    frame(1, 'after the end'),
  ]);

  it.each([1, 2, 5, 13, 1_000, 1_000_000])('are read alike in chunks of %i bytes', (size) => {
    expect(read(bytes, size)).toEqual([`data a${'b'.repeat(300)}begin`, 'ping ping', `data end${long}`, 'close 783']);
  });

  it('may close without a code', () => {
    expect(read(frame(8, ''), 1)).toEqual(['close null']);
  });

  it.each([
    ['without a mask', frame(1, 'a', { isMasked: false })],
    ['of an unknown kind', frame(3, 'a')],
    ['of an unknown kind of control', frame(11, 'a')],
    ['with reserved bits', Buffer.concat([Buffer.from([0xc1]), frame(1, 'a').subarray(1)])],
    ['of control in fragments', frame(9, 'a', { isFinal: false })],
    ['of control that are long', frame(9, 'a'.repeat(126))],
    ['that go on without a beginning', frame(0, 'a')],
    ['that begin before the last has ended', Buffer.concat([frame(1, 'a', { isFinal: false }), frame(1, 'b')])],
    ['of close with half a code', frame(8, 'a')],
  ])('are refused %s', (_what, wrong) => {
    expect(read(wrong, 1_000).at(-1)).toBe('violation 1002');
  });
});
