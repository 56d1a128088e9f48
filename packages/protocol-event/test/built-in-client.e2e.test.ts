import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createStage, enter } from './support/stage.ts';
import { CUSTOMER } from './support/tokens.ts';

const run = promisify(execFile);

/** What a page does: the document's own line, and one call. */
const PAGE = `
  const [url, token] = process.argv.slice(1);
  const ws = new WebSocket(url, ['access_token', token]);
  ws.onerror = (event) => { console.log('error', event.message); process.exit(1); };
  ws.onopen = () => {
    console.log(ws.protocol);
    ws.send(JSON.stringify({ name: 'Event.SendMessage', args: JSON.stringify({ session_channel: '100', sender_id: 1, content: 'привет' }) }));
  };
  ws.onmessage = ({ data }) => { console.log(data); ws.close(1000, 'done'); };
  ws.onclose = ({ code, reason }) => console.log(code, reason);
`;

it("serves Node's own WebSocket, which writes headers as browsers do", async () => {
  const stage = await createStage();
  try {
    const bob = await stage.customer(2);
    await enter(bob, 100);
    await enter(await stage.customer(1), 100);
    const args = ['--experimental-websocket', '-e', PAGE, stage.url(1), stage.token(CUSTOMER)];
    const { stdout } = await run(process.execPath, args, { encoding: 'utf8' });
    const message = await bob.message();
    expect(stdout.trim().split('\n')).toEqual([
      'access_token',
      JSON.stringify({ name: 'Event.SendMessage', ok: true, result: { message } }),
      '1000 done',
    ]);
    expect(message).toMatchObject({ content: 'привет', sender_id: 1 });
  } finally {
    await stage.close();
  }
});
