/** What clients hear when something of ours fails: the wire's own words, nothing of the cause, and the connection stays. */
import { DomainError } from '@switchboard/core';
import { call, connectRaw, type RawSocket, signInRaw } from './support/raw.ts';
import { createStage, type Stage } from './support/stage.ts';

const away = () => Promise.reject(new DomainError('unavailable', 'the store is away', { subject: 'store' }));
const broken = () => Promise.reject(new TypeError('select secret_column from messages'));

describe('faults', () => {
  let stage: Stage;
  let raw: RawSocket;
  let conversationId: string;
  let restore: (() => void)[] = [];

  beforeAll(async () => {
    stage = await createStage({
      adapter: { rates: { fallback: null, operations: { SeenMessage: { perSecond: 0.001, burst: 1 } } } },
    });
    conversationId = String(stage.world.lobby.id);
  });
  beforeEach(async () => {
    raw = await connectRaw(stage.hubUrl);
  });
  afterEach(() => {
    for (const undo of restore.splice(0)) undo();
    restore = [];
    raw.socket.terminate();
  });
  afterAll(() => stage.close());

  /** From now on this use case does something else. */
  function replace<T extends object, K extends keyof T>(cases: T, name: K, other: unknown): void {
    const real = cases[name];
    Object.assign(cases, { [name]: other });
    restore.push(() => Object.assign(cases, { [name]: real }));
  }

  async function signIn(): Promise<void> {
    const { token, identity } = await stage.credential('alice');
    await signInRaw(raw, token, identity);
  }

  it.each([
    ['the store is away', away],
    ['something breaks', broken],
  ])('says that it failed when %s, and goes on when that is over', async (_when, fault) => {
    await signIn();
    const { messages } = stage.world.core;
    replace(messages, 'send', fault);
    const send = (id: string) => raw.send(call(id, 'SendMessageToConversation', { content: 'x', conversationId }));
    send('1');
    const text = "An unexpected error occurred invoking 'SendMessageToConversation' on the server.";
    expect(JSON.parse((await raw.until('"invocationId":"1"')).slice(0, -1))).toMatchObject({ error: text });
    for (const undo of restore.splice(0)) undo();
    send('2');
    expect(await raw.until('"invocationId":"2"')).toContain('"result":{"id":');
    expect(raw.messages.join('')).not.toContain('secret_column');
  });

  it('gives no verdict on a token when nobody can be asked about it', async () => {
    const { token, identity } = await stage.credential('alice');
    raw.send(call('p', 'Ping') + call('q', 'Pong'));
    await raw.until('"invocationId":"q"');
    replace(stage.world.core.sessions, 'authenticate', away);
    raw.send(call('a', 'Authorize', { token, identity }));
    expect(await raw.next()).toContain('"invocationId":"a","error":"An unexpected error occurred invoking');
    for (const undo of restore.splice(0)) undo();
    raw.send(call('b', 'Authorize', { token, identity }));
    expect(await raw.next()).toContain('"isOk":true');
  });

  it('ends the connection when a list fails in its middle, and before that the list alone', async () => {
    await signIn();
    const { core } = stage.world;
    const { message } = await core.messages.send(stage.world.actor('bob'), {
      conversationId: stage.world.lobby.id,
      text: 'y',
    });
    const pages = (count: number) =>
      async function* () {
        for (let page = 0; page < count; page += 1) yield [message];
        await away();
      };
    replace(core.messages, 'pages', pages(0));
    raw.send(call('1', 'GetConversationInstanceMessages', { conversationId }));
    expect(await raw.until('"invocationId":"1"')).toContain('"error":"An unexpected error occurred invoking');
    replace(core.messages, 'pages', pages(3));
    raw.send(call('2', 'GetConversationInstanceMessages', { conversationId }));
    expect(await raw.closed).toBe(1011);
  });

  it('says so to whoever asks too often', async () => {
    await signIn();
    raw.send(call('1', 'SeenMessage', { messageIds: [] }) + call('2', 'SeenMessage', { messageIds: [] }));
    expect(await raw.until('"invocationId":"2"')).toContain('HubException: Too many requests.');
  });

  it('goes on when a change of marks cannot be looked up', async () => {
    await signIn();
    const { core, lobby } = stage.world;
    const bob = stage.world.actor('bob');
    replace(core.messages, 'findBySeq', away);
    const { message } = await core.messages.send(bob, { conversationId: lobby.id, text: 'old' });
    for (let count = 0; count < 260; count += 1) await core.messages.send(bob, { conversationId: lobby.id, text: 'z' });
    await core.receipts.mark(stage.world.actor('carol'), { kind: 'read', messageIds: [message.id] });
    await core.messages.send(bob, { conversationId: lobby.id, text: 'after the fault' });
    await raw.until('after the fault');
    expect(stage.host.lines.some(({ message: line }) => line.includes('could not be told'))).toBe(true);
  });
});
