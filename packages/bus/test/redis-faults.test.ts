/** Redis goes away, comes back empty, stands still; a node is killed. What is lost heals by itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ConnectionId, EventBus, PresenceChange, PresenceStore, UserId } from '@switchboard/core';
import { systemClock } from '@switchboard/core';
import { createRedisEventBus, createRedisPresenceStore } from '../src/index.ts';
import { commitOf, createRecorder, nodeId } from './event-bus-contract.ts';
import { alice, connection } from './presence-store-contract.ts';
import { openRedis, redisCanBeStopped, type TestRedis } from './redis-server.ts';

const bob = 2 as UserId;
const c1 = 'c1' as ConnectionId;

(redisCanBeStopped ? describe : describe.skip)('when Redis is away', () => {
  let redis: TestRedis;
  let open: { close(): Promise<void> }[];
  beforeEach(async () => {
    redis = await openRedis();
    open = [];
  });
  afterEach(async () => {
    redis.resume();
    for (const one of open) await one.close();
    await redis.close();
  });

  function bus(name: string): EventBus {
    const made = createRedisEventBus({ url: redis.url, nodeId: nodeId(name), log: () => undefined });
    open.push(made);
    return made;
  }

  function presence(name: string): PresenceStore {
    const made = createRedisPresenceStore({
      url: redis.url,
      nodeId: nodeId(name),
      clock: systemClock,
      log: () => undefined,
    });
    open.push(made);
    return made;
  }

  /** What sweeps answer until there are as many changes as expected; sweeps that Redis does not answer are repeated. */
  async function changesOf(store: PresenceStore, count: number): Promise<PresenceChange[]> {
    const changes: PresenceChange[] = [];
    while (changes.length < count) changes.push(...(await untilBack(() => store.sweep())));
    return changes;
  }

  async function untilBack<T>(run: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await run();
      } catch (error) {
        if ((error as { code?: string }).code !== 'unavailable') throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  it('publishes without throwing, says that it is down, and tells its listeners when it hears again', async () => {
    const [a, b] = [bus('a'), bus('b')];
    const heard = createRecorder();
    await a.subscribe(createRecorder());
    await b.subscribe(heard);
    const before = a.id;
    await redis.kill();
    await heard.until(() => true);
    for (let position = 1; position <= 100; position += 1) a.publishCommit(commitOf(position));
    await redis.start();
    await heard.until(() => heard.reconnects === 1);
    await untilBack(async () => {
      if (!a.isUp() || !b.isUp()) throw Object.assign(new Error('not yet'), { code: 'unavailable' });
    });
    a.publishCommit(commitOf(101));
    await heard.until(() => heard.commits.at(-1)?.head === 101);
    expect(a.id).not.toBe(before);
    expect(a.id).toBe(b.id);
  });

  it('connects when Redis comes later than the node', async () => {
    await redis.kill();
    const late = bus('late');
    const heard = createRecorder();
    await late.subscribe(heard);
    expect(late.isUp()).toBe(false);
    await redis.start();
    await heard.until(() => heard.reconnects === 1);
  });

  it('refuses presence at once with unavailable, and within about a second when Redis is only silent', async () => {
    const store = presence('a');
    await store.sweep();
    redis.pause();
    const started = Date.now();
    await expect(store.get([alice])).rejects.toMatchObject({ code: 'unavailable' });
    expect(Date.now() - started).toBeLessThan(2_000);
    redis.resume();
    await untilBack(() => store.get([alice]));
    await redis.kill();
    await expect(store.get([alice])).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('registers its own again in a Redis that has forgotten everything, and tells nobody a change that was none', async () => {
    const [a, b] = [presence('a'), presence('b')];
    await a.sweep();
    await b.sweep();
    await a.register(connection('c1'));
    await a.claim('session:1', c1);
    await b.register(connection('c2', { userId: bob, nodeId: nodeId('b') }));
    await redis.kill();
    await redis.start();
    expect(await untilBack(() => a.sweep())).toEqual([]);
    expect(await untilBack(() => b.sweep())).toEqual([]);
    const found = await a.get([alice, bob]);
    expect([found.get(alice)?.connections.length, found.get(bob)?.connections.length]).toEqual([1, 1]);
    expect(await b.claim('session:1', 'c3' as ConnectionId)).toBe('c1');
    const { before, after } = await a.end(c1, alice);
    expect([before.connections.length, after.connections.length]).toEqual([1, 0]);
  });

  it('tells afterwards what came and went while it was away', async () => {
    const store = presence('a');
    await store.sweep();
    await store.register(connection('c1'));
    await redis.kill();
    await expect(store.end(c1, alice)).rejects.toMatchObject({ code: 'unavailable' });
    await expect(store.register(connection('c2', { userId: bob }))).rejects.toMatchObject({ code: 'unavailable' });
    await redis.start();
    const told = (await changesOf(store, 2)).map(({ before, after }) => [
      after.userId,
      before.connections.length,
      after.connections.length,
    ]);
    expect(told.sort()).toEqual([
      [alice, 1, 0],
      [bob, 0, 1],
    ]);
    expect(await store.sweep()).toEqual([]);
  });

  it('tells once what Redis did after its caller had given up', async () => {
    const store = presence('a');
    await store.sweep();
    redis.pause();
    await expect(store.register(connection('c1'))).rejects.toMatchObject({ code: 'unavailable' });
    redis.resume();
    const told = await changesOf(store, 1);
    expect(told.map(({ before, after }) => [before.connections.length, after.connections.length])).toEqual([[0, 1]]);
    expect(await store.sweep()).toEqual([]);
  });

  describe('and nodes are processes', () => {
    let children: ChildProcess[];
    beforeEach(() => {
      children = [];
    });
    afterEach(() => {
      for (const child of children) child.kill('SIGKILL');
    });

    async function startNode(
      name: string,
      userId: number,
    ): Promise<{ child: ChildProcess; line: () => Promise<string> }> {
      const child = spawn(
        process.execPath,
        ['--import', 'tsx', '--conditions=source', join(__dirname, 'node-process.ts'), redis.url, name, String(userId)],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      children.push(child);
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
      const line = async () => (await lines.next()).value as string;
      expect(await line()).toBe('registered');
      return { child, line };
    }

    it('takes a killed node out within 15 s and its grace, told by the other', async () => {
      const [killed, other] = await Promise.all([startNode('killed', alice), startNode('other', bob)]);
      const at = Date.now();
      killed.child.kill('SIGKILL');
      expect(await other.line()).toBe(`${alice} 0`);
      expect(Date.now() - at).toBeLessThan(15_000 + 1_000);
      expect(Date.now() - at).toBeGreaterThan(7_000);
    }, 40_000);

    it('gives back the connections of a node that was stopped for too long', async () => {
      const [stopped, other] = await Promise.all([startNode('stopped', alice), startNode('other', bob)]);
      stopped.child.kill('SIGSTOP');
      expect(await other.line()).toBe(`${alice} 0`);
      stopped.child.kill('SIGCONT');
      expect(await stopped.line()).toBe(`${alice} 1`);
    }, 40_000);
  });
});
