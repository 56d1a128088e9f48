import { createServer } from 'node:net';
import { binaryFrame, closeFrame, pingFrame, splitFrames, textFragment, textFrame } from './ws-frames.ts';

describe('WebSocket frames of a server', () => {
  it('have the bytes of RFC 6455', () => {
    expect(textFrame('Hello').toString('hex')).toBe('810548656c6c6f');
    expect(pingFrame(Buffer.from('Hello')).toString('hex')).toBe('890548656c6c6f');
    expect(binaryFrame(Buffer.alloc(256)).subarray(0, 4).toString('hex')).toBe('827e0100');
    expect(binaryFrame(Buffer.alloc(65_536)).subarray(0, 10).toString('hex')).toBe('827f0000000000010000');
    expect(closeFrame(1001, 'bye').toString('hex')).toBe('880503e9627965');
  });

  it('split a text into fragments', () => {
    const bytes = Buffer.concat([textFragment('Hel', 'first'), textFragment('lo', 'final')]);
    expect(bytes.toString('hex')).toBe('010348656c80026c6f');
  });

  it('cut a long reason at a character', () => {
    const frame = closeFrame(1008, 'ä'.repeat(100));
    expect(frame[1]).toBe(2 + 122);
    expect(frame.subarray(4).toString()).toBe('ä'.repeat(61));
  });

  it.each([0, 125, 126, 65_535, 65_536])('come apart again at %i bytes', (length) => {
    const frames = splitFrames(Buffer.concat([textFrame('x'.repeat(length)), pingFrame(), textFrame('ü')]));
    expect(frames.map(({ opcode, payload }) => [opcode, payload.length])).toEqual([
      [1, length],
      [9, 0],
      [1, 2],
    ]);
  });

  it('are understood by the client of the platform', async () => {
    const long = 'ж'.repeat(70_000);
    const server = createServer((socket) => {
      socket.once('data', async (request) => {
        const key = /sec-websocket-key: (.+)\r\n/i.exec(request.toString())?.[1] ?? '';
        const { createHash } = await import('node:crypto');
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        socket.write(
          Buffer.concat([
            textFrame('short'),
            textFrame(long),
            textFragment('in ', 'first'),
            textFragment('three ', 'between'),
            pingFrame(),
            textFragment('pieces', 'final'),
            closeFrame(1001, 'bye'),
          ]),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { WebSocket } = await import('ws');
    const client = new WebSocket(`ws://127.0.0.1:${port}/`);
    const messages: string[] = [];
    const code = await new Promise<number>((resolve, reject) => {
      client.on('message', (data) => messages.push(String(data)));
      client.on('close', resolve);
      client.on('error', reject);
    });
    expect(messages).toEqual(['short', long, 'in three pieces']);
    expect(code).toBe(1001);
    await new Promise((resolve) => server.close(resolve));
  });
});
