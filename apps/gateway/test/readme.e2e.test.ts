/**
 * The README's code blocks, run as printed against a gateway of the test's own: only the port is another, and what installs and starts
 * (`npm ci && npm start`, `npm ci && npm test`) is what brought this test to run.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type GatewayProcess, spawnGateway } from './support/process.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

/** The code blocks of a language, in the order in which they stand. */
async function blocksOf(language: string): Promise<string[]> {
  const text = await readFile(join(root, 'README.md'), 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms'))].map((found) => found[1] as string);
}

describe('the README', () => {
  let directory: string;
  let gateway: GatewayProcess;
  let port: string;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'readme-'));
    gateway = spawnGateway({ DATA_DIR: directory });
    port = new URL(await gateway.url()).port;
  }, 60_000);

  afterAll(async () => {
    await gateway.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** A line of a shell block, in the repository, with the test's own port. */
  async function shell(line: string): Promise<string> {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith('SWITCHBOARD_'));
    const env = { ...Object.fromEntries(own), PORT: port };
    const { stdout } = await run('sh', ['-c', line.replaceAll(':8080', `:${port}`)], { cwd: root, env });
    return stdout;
  }

  const lineWith = async (part: string): Promise<string> => {
    const line = (await blocksOf('sh')).flatMap((block) => block.split('\n')).find((one) => one.includes(part));
    if (!line) throw new Error(`the README has no line with ${part}`);
    return line;
  };

  it('prints a credential, and the client beside it talks with it', async () => {
    const connect = await shell(await lineWith('npm run --silent token'));
    expect(JSON.parse(connect)).toMatchObject({ url: `ws://127.0.0.1:${port}/ws?sid=1`, sid: 1 });

    const [client] = await blocksOf('js');
    // Inside the repository, so that the import finds its package.
    const file = join(root, 'node_modules', '.cache', `readme-client-${process.pid}.mjs`);
    await writeFile(file, client as string);
    try {
      const { stdout } = await run(process.execPath, [file], { env: { ...process.env, CONNECT: connect } });
      const answers = stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(answers).toMatchObject([
        { name: 'Event.AddConversation', ok: true, result: { session_channel: '100' } },
        { name: 'Event.SendMessage', ok: true, result: { message: { content: 'Hey', sender_id: 1 } } },
      ]);
    } finally {
      await rm(file);
    }
  });

  it('asks the administration', async () => {
    const { users } = JSON.parse(await shell(await lineWith('curl')));
    expect(users.map(({ displayName }: { displayName: string }) => displayName)).toEqual(
      expect.arrayContaining(['Alice', 'Bob', 'Carol', 'Dave']),
    );
  });

  it('names commands that exist', async () => {
    const { scripts } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    const text = await readFile(join(root, 'README.md'), 'utf8');
    const named = [...text.matchAll(/npm (?:run (?:--silent )?)?([a-z]+(?::[a-z]+)*)/g)].map(
      (found) => found[1] as string,
    );
    expect(named.filter((name) => name !== 'ci' && !(name in scripts))).toEqual([]);
  });
});
