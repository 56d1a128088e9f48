/** The store goes away and comes back: honest refusals meanwhile, and everything goes on without a restart. */
import type { LogEvent, UserId } from '@switchboard/core';
import { createTestDatabase, startTestServer, type TestServer } from '@switchboard/persistence/testing';
import { createTestCore, type TestCore } from '@switchboard/testing';
import { createFaultyBus, lose, passOn } from './support/faulty-bus.ts';
import { makeConversation, sending, sent } from './support/places.ts';

let server: TestServer;
let test: TestCore;
const bus = createFaultyBus();

beforeAll(async () => {
  server = await startTestServer({ log: () => undefined });
  test = await createTestCore({ database: await createTestDatabase(server), clock: 'real', bus });
});

afterAll(async () => {
  await test.close();
  await server.close();
});

it('refuses as unavailable while the store is away, and heals when it is back', async () => {
  const [alice] = (await test.people('Alice')).map(({ id }) => id) as [UserId];
  await test.core.directory.membershipsOf(alice);
  const room = await makeConversation(test, [alice]);
  await sent(test, sending(room.id, alice, 'before'));
  // The node has not heard of this one when the store goes.
  bus.fault = lose;
  await sent(test, sending(room.id, alice, 'unheard'));
  await server.kill();

  const away = { code: 'unavailable', details: { subject: 'store' } };
  await expect(test.store.conversations.find(room.id)).rejects.toMatchObject(away);
  await expect(test.store.ping()).rejects.toMatchObject(away);
  await expect(
    test.store.transaction({ actorId: alice, via: 'test', connectionId: null }, async () => undefined),
  ).rejects.toMatchObject(away);
  while (test.core.events.healthy) await new Promise((resolve) => setImmediate(resolve));
  // Waits for the store, as the committer's patience allows.
  const waiting = sent(test, sending(room.id, alice, 'meanwhile'));

  await server.restart();
  bus.fault = passOn;
  const { position } = await waiting;
  await test.core.events.delivered(position);
  while (!test.core.events.healthy) await new Promise((resolve) => setImmediate(resolve));

  const texts = test.delivered.flatMap(({ event }) =>
    event.type === 'message.sent' ? [(event as LogEvent<'message.sent'>).message.text] : [],
  );
  expect(texts).toEqual(['before', 'unheard', 'meanwhile']);
  expect((await test.store.conversations.find(room.id))?.lastSeq).toBe(3);
}, 60_000);
