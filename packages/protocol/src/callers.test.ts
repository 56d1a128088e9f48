import { createFakeClock, createFakeIds } from '@switchboard/testing/clock';
import { createFakeCore } from '../test/fakes.ts';
import { createCallers } from './callers.ts';
import type { Viewer } from './connection.ts';

const viewer = (userId: number): Viewer => ({
  userId: userId as never,
  namespace: 'rest',
  capacity: 'member',
  sessionId: userId as never,
});

describe('callers without a stream', () => {
  function setUp() {
    const clock = createFakeClock();
    const fake = createFakeCore();
    const callers = createCallers({
      core: fake.core,
      clock,
      ids: createFakeIds(),
      log: () => undefined,
      graceMs: 60_000,
    });
    return { clock, callers, presence: fake.presence };
  }

  it('count from the first call until their grace after the last', async () => {
    const { clock, callers, presence } = setUp();
    callers.seen(viewer(1));
    for (let call = 0; call < 3; call += 1) {
      await clock.advance(50_000);
      callers.seen(viewer(1));
    }
    await clock.advance(59_000);
    expect(presence).toEqual(['connected 1']);
    await clock.advance(2_000);
    expect(presence).toEqual(['connected 1', 'disconnected 1 0']);
  });

  it('come back as new', async () => {
    const { clock, callers, presence } = setUp();
    callers.seen(viewer(1));
    await clock.advance(70_000);
    callers.seen(viewer(1));
    expect(presence).toEqual(['connected 1', 'disconnected 1 0', 'connected 1']);
  });

  it('keep what is left of their grace when the node stops', async () => {
    const { clock, callers, presence } = setUp();
    callers.seen(viewer(1));
    await clock.advance(20_000);
    await callers.close();
    expect(presence).toEqual(['connected 1', 'disconnected 1 40000']);
    expect(clock.pending).toBe(0);
  });
});
