/** The examples of the wire's document in a real browser: `new WebSocket(url, ['access_token', jwt])`, and two people who talk. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startTestGateway, type TestGateway } from './support/gateway.ts';
import { signToken } from './support/people.ts';

jest.setTimeout(90_000);

const CANDIDATES = [process.env.TEST_BROWSER, 'chromium', 'chromium-browser', 'google-chrome'];
const browser = CANDIDATES.find((name) => name && spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
if (!browser) process.stdout.write('no chromium on this machine: the browser test is left out\n');

interface Envelope {
  readonly name: string;
  readonly ok: boolean;
  readonly result: unknown;
}
interface Report {
  readonly protocols: readonly string[];
  readonly refused: number;
  readonly answers: Readonly<Record<string, Envelope>>;
  readonly heard: readonly Envelope[];
  readonly error?: string;
}

/** What runs in the page. Plain script of 2020: it must need nothing that the document's readers do not have. */
function page(url: string, tokens: { customer: string; moderator: string; bad: string }): string {
  return `<!doctype html><title>event</title><script>
const base = ${JSON.stringify(url.replace(/^http/, 'ws'))};
const tokens = ${JSON.stringify(tokens)};
function open(sid, token) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(base + '/ws?sid=' + sid, ['access_token', token]);
    const answers = [], events = [], waiting = [];
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.name === 'Event.ReceiveMessage') events.push(frame);
      else if (waiting.length) waiting.shift()(frame);
      else answers.push(frame);
    };
    const call = (name, args) => {
      socket.send(JSON.stringify({ name, args: JSON.stringify(args) }));
      return new Promise((answer) => answers.length ? answer(answers.shift()) : waiting.push(answer));
    };
    const event = async () => {
      while (!events.length) await new Promise((later) => setTimeout(later, 5));
      return events.shift();
    };
    socket.onopen = () => resolve({ socket, call, event });
    socket.onclose = ({ code }) => reject(Object.assign(new Error('closed'), { code }));
  });
}
async function run() {
  const refused = await open(1, tokens.bad).then(() => 0, (error) => error.code);
  const one = await open(1, tokens.customer);
  const two = await open(2, tokens.moderator);
  const answers = {}, heard = [];
  answers.add = await one.call('Event.AddConversation', { user_id: 1, application_id: 100 });
  answers.addTwo = await two.call('Event.AddConversation', { user_id: 2, application_id: 100 });
  answers.list = await one.call('Event.GetConversationList', { user_id: 1 });
  answers.send = await one.call('Event.SendMessage', { session_channel: '100', sender_id: 1, content: 'Hey' });
  heard.push(await two.event());
  answers.unread = await two.call('Event.GetUnreadInfo', { user_id: 2 });
  answers.reply = await two.call('Event.SendMessage', { session_channel: '100', sender_id: 2, content: 'hey', content_type: 1 });
  heard.push(await one.event());
  answers.read = await two.call('Event.ReadMessage', {
    session_channel: '100', executor_id: 2, messagE_id: answers.send.result.message.id,
  });
  answers.unreadAfter = await two.call('Event.GetUnreadInfo', { user_id: 2 });
  answers.messages = await one.call('Event.GetMessageList', { session_channel: '100', executor_id: 1 });
  return { protocols: [one.socket.protocol, two.socket.protocol], refused, answers, heard };
}
run().catch((error) => ({ error: String(error && error.stack || error) }))
  .then((report) => fetch('/report', { method: 'POST', body: JSON.stringify(report) }));
</script>`;
}

const inBrowser = browser ? it : it.skip;

describe('a page in a browser', () => {
  let gateway: TestGateway;
  let site: Server;
  let chromium: ChildProcess | null = null;
  let dir: string;

  beforeAll(async () => {
    gateway = await startTestGateway();
    dir = await mkdtemp(join(tmpdir(), 'switchboard-browser-'));
  });

  afterAll(async () => {
    if (chromium && chromium.exitCode === null) {
      const ended = new Promise((resolve) => chromium?.once('exit', resolve));
      chromium.kill('SIGKILL');
      await ended;
    }
    await new Promise((resolve) => (site ? site.close(resolve) : resolve(null)));
    site?.closeAllConnections();
    await gateway?.close();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Serves the page, opens it, and resolves with what it reports. */
  async function open(html: string): Promise<Report> {
    let onReport: (report: Report) => void = () => {};
    const reported = new Promise<Report>((resolve) => {
      onReport = resolve;
    });
    site = createServer((request, response) => {
      if (request.method !== 'POST') return void response.setHeader('content-type', 'text/html').end(html);
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        response.end();
        onReport(JSON.parse(body) as Report);
      });
    });
    await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve));
    const { port } = site.address() as AddressInfo;
    const flags = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', `--user-data-dir=${dir}`];
    const child = spawn(browser as string, [...flags, '--remote-debugging-port=0', `http://127.0.0.1:${port}/`], {
      stdio: 'ignore',
    });
    chromium = child;
    const died = new Promise<never>((_resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the browser ended with ${code}`)));
    });
    died.catch(() => undefined);
    return Promise.race([reported, died]);
  }

  inBrowser('does every example of the document, and two people talk', async () => {
    const report = await open(
      page(gateway.addresses.main.url, {
        customer: signToken({ iss: '', iat: null, aud: '', sub: '', request_id: '1' }),
        moderator: signToken({ iss: '', iat: null, aud: '', sub: '', admin_id: '1' }),
        bad: 'eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.AAAA',
      }),
    );
    expect(report.error).toBeUndefined();
    expect(report.protocols).toEqual(['access_token', 'access_token']);
    expect(report.refused).toBe(1006);
    const { answers, heard } = report;
    expect(answers.add).toMatchObject({
      name: 'Event.AddConversation',
      ok: true,
      result: { session_channel: '100', application_id: 100 },
    });
    expect(answers.addTwo?.result).toEqual(answers.add?.result);
    expect(answers.list).toMatchObject({ ok: true, result: { conversations: [{ session_channel: '100' }] } });
    expect(answers.send).toMatchObject({
      name: 'Event.SendMessage',
      ok: true,
      result: { message: { session_channel: '100', content: 'Hey', sender_id: 1, status: 0 } },
    });
    expect(heard).toMatchObject([
      { name: 'Event.ReceiveMessage', ok: true, result: { message: { content: 'Hey', sender_id: 1 } } },
      { name: 'Event.ReceiveMessage', ok: true, result: { message: { content: 'hey', sender_id: 2 } } },
    ]);
    expect(answers.unread).toMatchObject({ ok: true, result: { user_id: 2, unread_count: 1 } });
    expect(answers.read).toEqual({ name: 'Event.ReadMessage', ok: true, result: null });
    expect(answers.unreadAfter).toMatchObject({ result: { unread_count: 0 } });
    expect(answers.messages).toMatchObject({
      ok: true,
      result: {
        Messages: [
          { content: 'Hey', sender_id: 1, status: 1 },
          { content: 'hey', sender_id: 2, status: 0 },
        ],
      },
    });
  });
});
