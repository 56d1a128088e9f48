import sharp from 'sharp';
import { type IqClient, type Loose, multipart, send } from '../testing/driver.ts';
import { createDesk, type Desk } from './support/desk.ts';

let desk: Desk;
let carol: Awaited<ReturnType<Desk['client']>>;
let dave: IqClient;

async function open(adapter: Parameters<typeof createDesk>[0] = {}): Promise<void> {
  desk = await createDesk({ clock: 'fake', ...adapter });
  carol = await desk.client('carol');
  dave = await desk.operator(desk.dave);
}

afterEach(() => desk.close());

const picture = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();

const get = (path: string, headers: Record<string, string> = {}) =>
  send(desk.apis.client + path, { method: 'GET', headers });

/** Sends a file into the client's chat, so that operators may see it. */
async function sent(name: string, content: Buffer, type = 'file'): Promise<Loose> {
  const { Result } = await carol.upload(name, content, type);
  await carol.ask('/chats/channel/send/support', { LocalId: Date.now(), Payload: 'file', FileId: Result.Id });
  return Result;
}

it('takes a picture as the phones send it, and shows it in three sizes', async () => {
  await open();
  const file = await sent('Снимок экрана.png', await picture(1000, 500), 'image');
  expect(file).toMatchObject({
    Type: 'image',
    Owner: 'client',
    OwnerClientId: carol.id,
    Actor: 'client',
    Name: 'Снимок экрана.png',
    ImageWidth: 1000,
    ImageHeight: 500,
    ContentType: 'image/png',
  });
  expect(file.Id).toMatch(/^[0-9a-f-]{36}\.png$/);
  expect(file.Path).toMatch(/\.png$/);
  for (const [size, width, height] of [
    ['avatar', 168, 168],
    ['thumbnail', 128, 64],
    ['preview', 470, 235],
  ] as const) {
    const { body, headers } = await dave.get(`/files/image/${file.Id}?size=${size}`);
    expect(await sharp(body).metadata()).toMatchObject({ width, height });
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
  for (const query of ['', '?size=', '?size=huge']) {
    expect((await dave.get(`/files/image/${file.Id}${query}`)).body.length).toBe(file.Size);
  }
  const small = await sent('small.png', await picture(20, 10), 'image');
  expect(await sharp((await dave.get(`/files/image/${small.Id}?size=preview`)).body).metadata()).toMatchObject({
    width: 20,
  });
});

it('recognises an upload by the cookie alone, whatever the boundary looks like', async () => {
  await open();
  const { contentType, body } = multipart({ name: '../../etc/passwd', content: Buffer.from('hello'), type: 'image' });
  const headers = { 'Content-Type': contentType, Cookie: `client-session=${carol.token}` };
  const { envelope } = await send(`${desk.apis.client}/files/upload`, { headers, body });
  expect(envelope).toMatchObject({ OK: true, Rels: {} });
  // Not a picture, so no image; no path, so no way out.
  expect(envelope.Result).toMatchObject({ Type: 'file', Name: 'passwd', Size: 5 });
  const nobody = await send(`${desk.apis.client}/files/upload`, { headers: { 'Content-Type': contentType }, body });
  expect(nobody.envelope.Error?.Code).toBe('unauthorized');
});

it('lets the owner, the operators of its channel and whoever has a link fetch a file, and nobody else', async () => {
  await open({ adapter: { fileTokenTtlMs: 60_000 } });
  const { Result: alone } = await carol.upload('secret.txt', Buffer.from('mine'));
  const bob = await desk.client('bob');
  const status = async (headers: Record<string, string>, id = alone.Id) =>
    (await get(`/files/get/${id}`, headers)).status;
  expect(await status(carol.headers)).toBe(200);
  expect(await status({ Cookie: `client-session=${carol.token}` })).toBe(200);
  expect(await status({})).toBe(403);
  expect(await status(bob.headers)).toBe(403);
  expect((await dave.get(`/files/get/${alone.Id}`)).status).toBe(403);
  expect(await status(carol.headers, '5722e415-90a7-46bd-8bd5-6a31e6e7a1d2.txt')).toBe(404);
  expect(await status(carol.headers, 'nonsense')).toBe(404);
  await carol.ask('/chats/channel/send/support', { LocalId: 1, Payload: 'file', FileId: alone.Id });
  expect((await dave.get(`/files/get/${alone.Id}`)).status).toBe(200);
  await expect(bob.ask('/files/token', { FileId: alone.Id })).rejects.toMatchObject({ code: 'forbidden' });
  const { Token } = await carol.ask('/files/token', { FileId: alone.Id });
  expect((await get(`/files/get/${alone.Id}?token=${Token}`)).body.toString()).toBe('mine');
  expect((await get(`/files/get/${alone.Id}?token=${Token}x`)).status).toBe(403);
  await desk.test.clock.advance(61_000);
  expect((await get(`/files/get/${alone.Id}?token=${Token}`)).status).toBe(403);
  expect((await desk.seed(carol).get(`/files/get/${alone.Id}`)).status).toBe(403);
});

it('serves bytes with headers that run nothing, and parts of them', async () => {
  await open();
  const page = await sent('page.html', Buffer.from('<script>alert(1)</script>'));
  const served = await dave.get(`/files/get/${page.Id}`);
  expect(served.headers['content-type']).toBe('application/octet-stream');
  expect(served.headers['content-disposition']).toContain('attachment');
  const note = await sent('Заметка 1.txt', Buffer.from('0123456789'));
  const part = await dave.get(`/files/get/${note.Id}`, { Range: 'bytes=2-4' });
  expect([part.status, part.body.toString(), part.headers['content-range']]).toEqual([206, '234', 'bytes 2-4/10']);
  expect((await dave.get(`/files/get/${note.Id}`, { Range: 'bytes=-3' })).body.toString()).toBe('789');
  expect((await dave.get(`/files/get/${note.Id}`, { Range: 'bytes=50-' })).status).toBe(416);
  expect(part.headers['content-disposition']).toContain("filename*=UTF-8''%D0%97");
  expect(part.headers['content-disposition']).toMatch(/^inline|^attachment/);
});

it('refuses what is too large, of a kind that is not taken, or no form at all, and keeps nothing', async () => {
  await open({ adapter: { fileBytes: 1_000, forbiddenExtensions: ['exe'] } });
  const tooLarge = await carol.upload('big.txt', Buffer.alloc(5_000_000, 'x'));
  expect(tooLarge.Error?.Code).toBe('invalid');
  expect((await carol.upload('virus.exe', Buffer.from('MZ'))).Error?.Code).toBe('invalid');
  const bad = await send(`${desk.apis.client}/files/upload`, { headers: carol.headers, body: '{}' });
  expect(bad.envelope.Error?.Code).toBe('bad_request');
  const empty = await send(`${desk.apis.client}/files/upload`, {
    headers: { ...carol.headers, 'Content-Type': 'multipart/form-data; boundary=x' },
    body: '--x--\r\n',
  });
  expect(empty.envelope.Error?.Code).toBe('invalid');
  const torn = await send(`${desk.apis.client}/files/upload`, {
    headers: { ...carol.headers, 'Content-Type': 'multipart/form-data; boundary=x' },
    body: '--x\r\nContent-Disposition: form-data; name="File"; filename="a.txt"\r\n\r\nhalf',
  });
  expect(torn.envelope.Error?.Code).toBe('invalid');
  const rows = await desk.test.sql<{ count: string }>("select count(*) as count from files where state <> 'deleted'");
  expect(Number(rows[0]?.count)).toBe(0);
});

it('passes a file that nobody may see over in a client’s message, and refuses it in an operator’s', async () => {
  await open();
  const bob = await desk.client('bob');
  const { Result: theirs } = await bob.upload('theirs.txt', Buffer.from('x'));
  expect(await carol.ask('/chats/channel/send/support', { LocalId: 1, Payload: 'file', FileId: theirs.Id })).toBeNull();
  expect(await carol.ask('/chats/channel/messages/support')).toEqual([]);
  await carol.ask('/chats/channel/send/support', { LocalId: 2, Text: 'hello' });
  const [chat] = await dave.ask(`/chats/query_by_channel/${desk.queue.id}`);
  await expect(dave.ask(`/chats/send/${chat.Id}`, { FileId: theirs.Id })).rejects.toMatchObject({ code: 'forbidden' });
  const { Result: own } = await dave.upload('own.txt', Buffer.from('for you'));
  const id = await dave.ask(`/chats/send/${chat.Id}`, { LocalId: 9, Payload: 'file', FileId: own.Id });
  const { Result, Rels } = await carol.call('/chats/channel/messages/support');
  expect(Result.at(-1)).toMatchObject({ Id: id, Payload: 'file', FileId: own.Id });
  expect(Rels.Files).toMatchObject([{ Id: own.Id, Actor: 'user', ActorUserId: desk.dave.id, OwnerClientId: null }]);
  expect((await carol.get(`/files/get/${own.Id}`)).body.toString()).toBe('for you');
});
