import {
  adminActor,
  createSessionWatch,
  type IssuedSession,
  type SessionId,
  type SpaceId,
  systemActor,
  type User,
  type UserId,
} from '@switchboard/core';
import { createTestCore, type TestCore } from '@switchboard/testing';

let test: TestCore;
let alice: User;
let bob: User;

beforeEach(async () => {
  test = await createTestCore();
  [alice, bob] = (await test.people('Alice', 'Bob')) as [User, User];
});

afterEach(() => test.close());

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const unauthenticated = expect.objectContaining({ code: 'unauthenticated' });
const expired = expect.objectContaining({ code: 'expired' });

function issue(fields: object = {}): Promise<IssuedSession> {
  return test.core.sessions.issue(systemActor(), { userId: alice.id, namespace: 'netalo', kind: 'opaque', ...fields });
}

function issuePair(): Promise<IssuedSession> {
  return issue({ namespace: 'workspace', kind: 'pair', ttlMs: 31 * DAY, accessTtlMs: HOUR });
}

describe('opaque sessions', () => {
  it('are found by their secret, in their namespace alone', async () => {
    const { session, secret, refreshSecret } = await issue({ device: 'phone', claims: { role: 'moderator' } });

    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(refreshSecret).toBeNull();
    expect(session).toMatchObject({ userId: alice.id, kind: 'opaque', device: 'phone', claims: { role: 'moderator' } });
    expect(await test.core.sessions.authenticate('netalo', secret)).toEqual(session);
    expect(await test.core.sessions.find(session.id)).toEqual(session);
    expect(test.core.sessions.secretOf(session)).toBe(secret);
    for (const [namespace, text] of [
      ['event', secret],
      ['netalo', `${secret}x`],
      ['netalo', ''],
      ['netalo', 'x'.repeat(100_000)],
    ] as const) {
      await expect(test.core.sessions.authenticate(namespace, text)).rejects.toEqual(unauthenticated);
    }
  });

  it('leave no secret in the store', async () => {
    const { secret } = await issue();
    const pair = await issuePair();
    const rows = await test.sql<{ row: string }>('select sessions::text as row from sessions');
    const text = rows.map(({ row }) => row).join();
    for (const known of [secret, pair.secret, pair.refreshSecret as string]) expect(text).not.toContain(known);
  });

  it('outlive the process, given the same key', async () => {
    const { session, secret } = await issue();
    const restarted = await test.another();
    expect(await restarted.core.sessions.authenticate('netalo', secret)).toEqual(session);
  });

  it('end at their time', async () => {
    const { session, secret } = await issue({ ttlMs: DAY });
    test.clock.skip(DAY - 1);
    expect((await test.core.sessions.authenticate('netalo', secret)).id).toBe(session.id);
    test.clock.skip(1);
    await expect(test.core.sessions.authenticate('netalo', secret)).rejects.toEqual(unauthenticated);
    expect(await test.core.sessions.find(session.id)).toBeNull();
    expect(await test.core.sessions.list(alice.id)).toEqual([]);
  });

  it('end so long after their last use, where they have an idle timeout', async () => {
    const { session, secret } = await issue({ idleTimeoutMs: 90 * DAY });
    test.clock.skip(89 * DAY);
    await test.core.sessions.authenticate('netalo', secret);
    test.clock.skip(89 * DAY);
    expect(await test.core.sessions.authenticate('netalo', secret)).toMatchObject({ id: session.id });
    test.clock.skip(90 * DAY);
    expect(await test.core.sessions.list(alice.id)).toEqual([]);
    await expect(test.core.sessions.authenticate('netalo', secret)).rejects.toEqual(unauthenticated);
  });

  it('write down their use once a minute', async () => {
    const { session, secret } = await issue();
    const touch = jest.spyOn(test.store.sessions, 'touch');
    for (let use = 0; use < 5; use += 1) {
      test.clock.skip(30_000);
      await test.core.sessions.authenticate('netalo', secret);
      await test.core.sessions.touch(session.id);
    }
    // Of ten uses in 150 s.
    expect(touch.mock.calls.map(([ids]) => ids)).toEqual([[session.id], [session.id], [session.id]]);
    expect((await test.core.sessions.find(session.id))?.lastUsedAt).toBe(test.clock.now());
  });

  it('are looked up for many in few statements', async () => {
    const issued = await Promise.all(Array.from({ length: 50 }, () => issue()));
    const find = jest.spyOn(test.store.sessions, 'findBySecrets');
    const found = await Promise.all(issued.map(({ secret }) => test.core.sessions.authenticate('netalo', secret)));
    expect(found.map(({ id }) => id)).toEqual(issued.map(({ session }) => session.id));
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('are for live users alone', async () => {
    await expect(issue({ userId: 99 as UserId })).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('jwt sessions', () => {
  it('have an id and no secret', async () => {
    const { session, secret } = await issue({ kind: 'jwt', spaceId: 3 as SpaceId, ttlMs: HOUR });
    expect(secret).toBe('');
    expect(await test.core.sessions.find(session.id)).toEqual(session);
    await test.core.sessions.revoke(adminActor(), session.id);
    expect(await test.core.sessions.find(session.id)).toBeNull();
  });
});

describe('pairs', () => {
  const refresh = (pair: { secret: string; refreshSecret: string | null }) =>
    test.core.sessions.refresh('workspace', pair.secret, pair.refreshSecret ?? '');
  const authenticate = (secret: string) => test.core.sessions.authenticate('workspace', secret);

  it('rotate, keep their ids, and live on from then', async () => {
    const first = await issuePair();
    test.clock.skip(10 * DAY);
    const second = await refresh(first);

    expect(second.session).toMatchObject({ id: first.session.id, publicId: first.session.publicId, counter: 1 });
    expect(second.session.accessExpiresAt).toBe(test.clock.now() + HOUR);
    expect(second.session.expiresAt).toBe(test.clock.now() + 31 * DAY);
    expect(second.secret).not.toBe(first.secret);
    expect(second.refreshSecret).not.toBe(first.refreshSecret);
    expect(await authenticate(second.secret)).toEqual(second.session);
  });

  it('let the previous access secret in until the next rotation', async () => {
    const first = await issuePair();
    const second = await refresh(first);
    expect((await authenticate(first.secret)).id).toBe(first.session.id);
    const third = await refresh(second);
    await expect(authenticate(first.secret)).rejects.toEqual(unauthenticated);
    expect((await authenticate(second.secret)).id).toBe(first.session.id);
    expect((await authenticate(third.secret)).id).toBe(first.session.id);
    await expect(refresh(first)).rejects.toEqual(unauthenticated);
  });

  it('give everybody who refreshes at once a working pair', async () => {
    const other = await test.another();
    const first = await issuePair();
    const racers = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        (n % 2 ? test : other).core.sessions.refresh('workspace', first.secret, first.refreshSecret ?? ''),
      ),
    );
    expect(new Set(racers.map(({ secret }) => secret)).size).toBe(1);
    for (const racer of racers) expect((await authenticate(racer.secret)).id).toBe(first.session.id);
    for (const racer of racers)
      await expect(refresh(racer)).resolves.toMatchObject({ session: { id: first.session.id } });
  });

  it('rotate for the previous pair too, when the current one is used up', async () => {
    const first = await issuePair();
    const second = await refresh(first);
    test.clock.skip(2 * HOUR);
    const third = await refresh(first);
    expect(third.session.counter).toBe(2);
    expect((await authenticate(third.secret)).id).toBe(first.session.id);
    expect((await refresh(second)).secret).toBe(third.secret);
  });

  it('say when the access time is over, and when the whole session is', async () => {
    const pair = await issuePair();
    test.clock.skip(HOUR);
    await expect(authenticate(pair.secret)).rejects.toEqual(expired);
    expect((await test.core.sessions.find(pair.session.id))?.id).toBe(pair.session.id);
    test.clock.skip(31 * DAY);
    await expect(refresh(pair)).rejects.toEqual(expired);
    expect(await test.core.sessions.find(pair.session.id)).toBeNull();
  });

  it('are refreshed by both halves together', async () => {
    const first = await issuePair();
    const second = await refresh(first);
    const other = await issuePair();
    for (const [secret, refreshSecret] of [
      [first.secret, second.refreshSecret],
      [second.secret, first.refreshSecret],
      [second.secret, other.refreshSecret],
      [second.refreshSecret, second.secret],
      [second.secret, ''],
      ['', second.refreshSecret],
    ] as const) {
      await expect(refresh({ secret: secret ?? '', refreshSecret })).rejects.toEqual(unauthenticated);
    }
    await expect(test.core.sessions.refresh('netalo', second.secret, second.refreshSecret ?? '')).rejects.toEqual(
      unauthenticated,
    );
  });

  it('end when they are revoked, whatever races with it', async () => {
    const pair = await issuePair();
    await Promise.allSettled([
      test.core.sessions.revoke(test.actor(alice), pair.session.id),
      refresh(pair),
      refresh(pair),
    ]);
    expect(await test.core.sessions.find(pair.session.id)).toBeNull();
    await expect(refresh(pair)).rejects.toEqual(unauthenticated);
    await expect(authenticate(pair.secret)).rejects.toEqual(unauthenticated);
  });
});

describe('revoking', () => {
  it('tells every node once', async () => {
    const other = await test.another();
    const { session, secret } = await issue();
    await test.core.sessions.revoke(test.actor(alice), session.id);
    await test.core.sessions.revoke(adminActor(), session.id);

    await expect(other.core.sessions.authenticate('netalo', secret)).rejects.toEqual(unauthenticated);
    expect(await other.events('session.revoked')).toMatchObject([
      { userId: alice.id, sessionId: session.id, namespace: 'netalo', userIds: [alice.id], via: 'test' },
    ]);
  });

  it('is the owner’s or the administration’s', async () => {
    const { session } = await issue();
    await expect(test.core.sessions.revoke(test.actor(bob), session.id)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(test.core.sessions.revokeAll(test.actor(bob), alice.id)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(test.core.sessions.revoke(adminActor(), 99 as SessionId)).rejects.toMatchObject({ code: 'not_found' });
    expect(await test.core.sessions.find(session.id)).not.toBeNull();
  });

  it('takes all of one namespace, or all there are', async () => {
    const sessions = [
      await issue(),
      await issue(),
      await issue({ namespace: 'event' }),
      await issue({ userId: bob.id }),
    ];
    const live = async () => {
      const found = await Promise.all(sessions.map(({ session }) => test.core.sessions.find(session.id)));
      return found.map((session) => session !== null);
    };

    expect(await test.core.sessions.revokeAll(adminActor(), alice.id, 'netalo')).toBe(2);
    expect(await live()).toEqual([false, false, true, true]);
    expect(await test.core.sessions.revokeAll(adminActor(), alice.id)).toBe(1);
    expect(await live()).toEqual([false, false, false, true]);
    expect(await test.core.sessions.revokeAll(adminActor(), alice.id)).toBe(0);
    expect(await test.events('session.revoked')).toMatchObject([
      { userId: alice.id, sessionId: null, namespace: 'netalo' },
      { userId: alice.id, sessionId: null, namespace: null },
      { userId: alice.id, sessionId: null, namespace: null },
    ]);
  });
});

describe('watching sessions of live connections', () => {
  function watch() {
    const { sessions } = test.core;
    const watching = createSessionWatch({ sessions, clock: test.clock, log: () => undefined });
    const ended: SessionId[] = [];
    watching.onEnded((id) => ended.push(id));
    return { watching, ended };
  }

  /** Lets the watch look until something is as wanted: its looks ask the store, which takes real time. */
  async function lookUntil(wanted: () => boolean): Promise<void> {
    while (!wanted()) await test.clock.advance(2_000);
  }

  it('tells once when one has run out, within five seconds', async () => {
    const { watching, ended } = watch();
    const short = await issue({ ttlMs: 60_000 });
    const endless = await issue();
    for (const { session } of [short, short, endless]) watching.hold(session);

    await test.clock.advance(58_000);
    expect(ended).toEqual([]);
    test.clock.skip(2_000);
    await lookUntil(() => ended.length > 0);
    await test.clock.advance(10_000);

    expect(ended).toEqual([short.session.id]);
    watching.close();
  });

  it('forgets sessions whose last connection ended', async () => {
    const { watching, ended } = watch();
    const gone = await issue({ ttlMs: 60_000 });
    const stays = await issue({ ttlMs: 60_000 });
    watching.hold(gone.session);
    watching.hold(gone.session);
    watching.hold(stays.session);
    watching.release(gone.session.id);
    watching.release(gone.session.id);
    await test.clock.advance(60_000);
    await lookUntil(() => ended.length > 0);
    expect(ended).toEqual([stays.session.id]);
    watching.close();
  });

  it('follows a pair that was rotated on another device or node', async () => {
    const { watching, ended } = watch();
    const minute = 60_000;
    const pair = await issue({ namespace: 'workspace', kind: 'pair', ttlMs: 30 * minute, accessTtlMs: minute });
    watching.hold(pair.session);
    test.clock.skip(20 * minute);
    const find = jest.spyOn(test.store.sessions, 'findMany');
    await test.core.sessions.refresh('workspace', pair.secret, pair.refreshSecret ?? '');
    test.clock.skip(10 * minute);
    await lookUntil(() => find.mock.calls.length > 0);
    await Promise.all(find.mock.results.map(({ value }) => value));
    await test.clock.advance(0);
    expect(ended).toEqual([]);
    test.clock.skip(20 * minute);
    await lookUntil(() => ended.length > 0);
    expect(ended).toEqual([pair.session.id]);
    watching.close();
  });

  it('counts a live connection as use', async () => {
    const { watching, ended } = watch();
    const { session } = await issue({ idleTimeoutMs: HOUR });
    watching.hold(session);
    const touch = jest.spyOn(test.store.sessions, 'touch');
    for (let half = 1; half <= 4; half += 1) {
      test.clock.skip(HOUR / 2);
      await lookUntil(() => touch.mock.calls.length >= half);
      await Promise.all(touch.mock.results.map(({ value }) => value));
    }
    expect(ended).toEqual([]);
    expect(await test.core.sessions.find(session.id)).not.toBeNull();
    watching.close();
  });
});
