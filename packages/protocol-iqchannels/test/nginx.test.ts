/** Behind a proxy that gathers answers, speaks HTTP/1.0 to us, compresses, and cuts whoever is silent for three seconds. */
import { hasNginx, type Nginx, startNginx } from '@switchboard/testing';
import { createIqClient, multipart, openEvents, openListener, send } from '../testing/driver.ts';
import { createDesk, type Desk } from './support/desk.ts';

const PATIENCE_SECONDS = 3;

(hasNginx() ? describe : describe.skip)('behind nginx', () => {
  let desk: Desk;
  let nginx: Nginx;

  beforeAll(async () => {
    desk = await createDesk({ adapter: { heartbeatMs: 1_000 } });
    nginx = await startNginx(desk.host.url, PATIENCE_SECONDS);
  });

  afterAll(async () => {
    await nginx?.close();
    await desk.close();
  });

  it.each(['', '/upgraded'])('brings events at once (%s)', async (way) => {
    const carol = await desk.client('carol');
    const stream = await openEvents(`${nginx.url}${way}/public/api/v1/sse/chats/channel/events/support`, carol.headers);
    expect(stream.headers['content-type']).toBe('text/event-stream');
    await stream.until('the first bytes', ({ bytes }) => bytes.toString() === ': ok\n\n');
    const client = createIqClient(`${nginx.url}${way}/public/api/v1`, carol.token, 'Client');
    const id = await client.ask('/chats/channel/send/support', { LocalId: Date.now(), Text: `through ${way} Привет` });
    await stream.event('the message', ({ MessageId }) => MessageId === id);
    expect(stream.bytes.toString()).not.toContain('\r');
    stream.cut();
  });

  it('keeps silent streams open', async () => {
    const carol = await desk.client('carol');
    const stream = await openEvents(`${nginx.url}/public/api/v1/sse/chats/channel/events/support`, carol.headers);
    const pings = (text: string) => text.split(': ping\n\n').length - 1;
    await stream.until('more silence than the proxy bears', ({ bytes }) => pings(bytes.toString()) > PATIENCE_SECONDS);
    const again = await carol.ask('/chats/channel/send/support', { LocalId: Date.now(), Text: 'still there' });
    await stream.event('the next message', ({ MessageId }) => MessageId === again);
    stream.cut();
  });

  it('passes listeners and uploads', async () => {
    const [dave, carol] = [await desk.operator(desk.dave), await desk.client('carol')];
    const path = `/upgraded/api/v1/ws/chats/events/listen_to_channel/${desk.queue.id}?x-user-token=${dave.token}`;
    const listener = await openListener(nginx.url + path);
    const { contentType, body } = multipart({ name: 'note.txt', content: Buffer.alloc(300_000, 'x'), type: 'file' });
    const headers = { 'Content-Type': contentType, Cookie: `client-session=${carol.token}` };
    const { envelope } = await send(`${nginx.url}/public/api/v1/files/upload`, { headers, body });
    expect(envelope.Result).toMatchObject({ Size: 300_000 });
    const id = await carol.ask('/chats/channel/send/support', {
      LocalId: 5,
      Payload: 'file',
      FileId: envelope.Result.Id,
    });
    await listener.event('the message', ({ MessageId }) => MessageId === id);
    listener.cut();
  });
});
