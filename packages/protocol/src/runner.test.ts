import { type Actor, DomainError } from '@switchboard/core';
import { createFakeClock } from '@switchboard/testing/clock';
import { z } from 'zod';
import { createFakeCore, endOfTurn, type FakeCore } from '../test/fakes.ts';
import { ProtocolError } from './error-table.ts';
import { NO_METRICS } from './metrics.ts';
import { isAnybody, isSignedIn, noArgs, type Operations, operation, unsupported } from './operations.ts';
import { createRunner } from './runner.ts';

interface TestSession {
  readonly actor: Actor | null;
}

const signedIn = isSignedIn<TestSession>;
const anybody = isAnybody<TestSession>;
const actor = (): Actor => ({ userId: 7, lastPosition: 0 }) as unknown as Actor;

function setUp(fake: FakeCore = createFakeCore()) {
  const clock = createFakeClock();
  const lines: { message: string; fields: unknown }[] = [];
  const results: string[] = [];
  const rows: Operations<'echo' | 'commit' | 'fail' | 'refuse' | 'pin' | 'open', TestSession> = {
    echo: operation({
      guard: signedIn,
      args: z.object({ deep: z.object({ text: z.string() }) }),
      run: (_core, session, args) => `${session.actor.userId}:${args.deep.text}`,
      reply: (text, { args }) => ({ text, again: args.deep.text }),
    }),
    commit: operation({
      guard: signedIn,
      args: noArgs,
      run: (_core, session) => {
        session.actor.lastPosition = 12;
        return 'committed';
      },
      answers: 'after',
    }),
    fail: operation({
      guard: anybody,
      args: noArgs,
      run: () => {
        throw new Error('first line\nsecret value below');
      },
    }),
    refuse: operation({
      guard: anybody,
      args: noArgs,
      run: async () => {
        throw new DomainError('forbidden', 'not you');
      },
    }),
    pin: unsupported('nobody sends it'),
    open: operation({ guard: anybody, args: noArgs, run: () => 'open', limited: false }),
  };
  const runner = createRunner({
    protocol: 'test',
    core: fake.core,
    operations: rows,
    clock,
    log: (_level, message, fields) => lines.push({ message, fields }),
    metrics: { ...NO_METRICS, operation: (_protocol, name, result) => results.push(`${name} ${result}`) },
    rates: { fallback: { perSecond: 1, burst: 2 }, operations: {} },
  });
  return { runner, fake, clock, lines, results };
}

describe('the runner', () => {
  it('runs guard, schema, use case and reply', async () => {
    const { runner, results } = setUp();
    const outcome = await runner.run({ actor: actor() }, 'echo', { deep: { text: 'hi' } });
    expect(outcome).toEqual({ ok: true, value: { text: '7:hi', again: 'hi' } });
    expect(results).toEqual(['echo ok']);
  });

  it.each([
    ['a session that has not signed in', 'echo', { deep: { text: 'hi' } }, null, 'not_signed_in'],
    ['a name it does not know', 'nothing', {}, actor(), 'unknown_operation'],
    ['a name that every object has', 'toString', {}, actor(), 'unknown_operation'],
    ['what is not served here', 'pin', {}, actor(), 'unsupported'],
    ['what the use case refuses', 'refuse', {}, actor(), 'forbidden'],
  ])('refuses %s', async (_what, name, args, who, code) => {
    const { runner, lines } = setUp();
    const outcome = await runner.run({ actor: who }, name, args);
    expect(outcome).toMatchObject({ ok: false, fault: { code } });
    expect(lines).toEqual([]);
  });

  it("turns a schema's complaint into a field", async () => {
    const { runner } = setUp();
    const outcome = await runner.run({ actor: actor() }, 'echo', { deep: { text: 1 } });
    expect(outcome).toMatchObject({
      fault: { code: 'invalid', details: { field: 'deep.text', reason: 'arguments' } },
    });
  });

  it('answers unknown faults as internal and logs them once, without what stands below the first line', async () => {
    const { runner, lines } = setUp();
    const outcome = await runner.run({ actor: null }, 'fail', {});
    expect(outcome).toMatchObject({ ok: false, fault: { code: 'internal', details: {} } });
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(lines)).toContain('first line');
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('answers after its events have been delivered', async () => {
    const { runner, fake } = setUp();
    let isAnswered = false;
    const running = runner.run({ actor: actor() }, 'commit', {}).then((outcome) => {
      isAnswered = true;
      return outcome;
    });
    await endOfTurn();
    fake.deliverUpTo(11);
    await endOfTurn();
    expect(isAnswered).toBe(false);
    fake.deliverUpTo(12);
    expect(await running).toEqual({ ok: true, value: 'committed' });
  });

  it('does not wait when nothing was committed', async () => {
    const { runner } = setUp();
    const before = { ...actor(), lastPosition: 12 };
    expect(await runner.run({ actor: before }, 'commit', {})).toMatchObject({ ok: true });
  });

  it('calls a committed success a success even when its events do not come', async () => {
    const fake = createFakeCore();
    Object.assign(fake.core.events, { delivered: () => Promise.reject(new DomainError('unavailable', 'late')) });
    const { runner, lines } = setUp(fake);
    expect(await runner.run({ actor: actor() }, 'commit', {})).toMatchObject({ ok: true });
    expect(lines).toHaveLength(1);
  });

  it('limits one user and operation, and says when to come back', async () => {
    const { runner, clock } = setUp();
    const call = (who = actor()) => runner.run({ actor: who }, 'echo', { deep: { text: '' } });
    await call();
    await call();
    expect(await call()).toMatchObject({ fault: { code: 'rate_limited', details: { retryAfterMs: 1_000 } } });
    expect(await call({ ...actor(), userId: 8 as never })).toMatchObject({ ok: true });
    await clock.advance(1_000);
    expect(await call()).toMatchObject({ ok: true });
  });

  it('leaves alone what is never limited', async () => {
    const { runner } = setUp();
    const outcomes = await Promise.all(Array.from({ length: 9 }, () => runner.run({ actor: actor() }, 'open', {})));
    expect(outcomes.every((outcome) => outcome.ok)).toBe(true);
  });

  it('catches around a handshake', async () => {
    const { runner } = setUp();
    const outcome = await runner.attempt('handshake', () => {
      throw new ProtocolError('handshake_failed', 'no version');
    });
    expect(outcome).toMatchObject({ ok: false, fault: { code: 'handshake_failed' } });
  });
});
