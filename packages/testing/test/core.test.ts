import { createTestCore } from '../src/index.ts';

it('commits a change, tells it, and delivers it', async () => {
  const test = await createTestCore();
  const [alice] = await test.people('Alice');
  if (!alice) throw new Error('nobody');
  await test.store.transaction({ actorId: alice.id, via: 'test', connectionId: null }, async (tx) =>
    tx.append('user.created', { subjectId: alice.id, userIds: [alice.id] }, { user: alice }),
  );
  expect((await test.events('user.created')).map((event) => event.user.displayName)).toEqual(['Alice']);
  await test.close();
});
