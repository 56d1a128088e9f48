import { createLog } from './log.ts';

async function linesOf(
  write: (log: Awaited<ReturnType<typeof createLog>>) => void,
  format: 'json' | 'readable' = 'json',
): Promise<string> {
  let written = '';
  const destination = {
    write(line: string) {
      written += line;
    },
  };
  write(await createLog({ level: 'info', format, destination }));
  return written;
}

describe('the log', () => {
  it('is one JSON object a line in production', async () => {
    const written = await linesOf((log) => log('warn', 'something', { connection: 'c1', count: 3 }));
    expect(JSON.parse(written)).toMatchObject({ level: 'warn', msg: 'something', connection: 'c1', count: 3 });
  });

  it('leaves out what is below its level', async () => {
    expect(await linesOf((log) => log('debug', 'whispered'))).toBe('');
  });

  it('holds no secret, wherever it stands', async () => {
    const written = await linesOf((log) => {
      log('info', 'connecting to postgresql://me:hunter2@db/chat', {
        url: '/ws?sid=2&access_token=hunter2&token=hunter2&session=hunter2',
        authorization: 'Bearer hunter2',
        headers: { 'x-client-token': 'hunter2', cookie: 'sid=hunter2', 'user-agent': 'test' },
        password: 'hunter2',
        sidToken: 'hunter2',
        error: new Error('Bearer hunter2 at redis://:hunter2@host and eyJhbGciOiJIUzI1NiJ9.hunter2.hunter2'),
        list: [{ secret: 'hunter2' }],
      });
    });
    expect(written).not.toContain('hunter2');
    expect(written).toContain('user-agent');
    expect(written).toContain('sid=2');
  });

  it('holds no text of a message', async () => {
    const written = await linesOf((log) =>
      log('info', 'sent', { text: 'dear diary', command: { content: 'dear diary' } }),
    );
    expect(written).not.toContain('diary');
  });

  it('tells errors with their stack and their causes', async () => {
    const cause = Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
    const written = await linesOf((log) => log('error', 'failed', { error: new Error('away', { cause }) }));
    const { error } = JSON.parse(written) as { error: { message: string; stack: string; cause: { code: string } } };
    expect(error).toMatchObject({ message: 'away', cause: { message: 'refused', code: 'ECONNREFUSED' } });
    expect(error.stack).toContain('log.test');
  });

  it('survives what cannot be written', async () => {
    const circle: Record<string, unknown> = { big: 10n };
    circle.self = circle;
    expect(await linesOf((log) => log('info', 'odd', circle))).toContain('odd');
  });
});
