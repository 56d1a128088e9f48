import { createFakeClock } from '@switchboard/testing/clock';
import { createWheel } from './heartbeat.ts';

describe('the timer wheel', () => {
  function setUp(slots = 4) {
    const clock = createFakeClock();
    const due: string[] = [];
    const start = clock.now();
    const wheel = createWheel<string>({
      clock,
      slots,
      onDue: (item) => due.push(`${item} ${(clock.now() - start) / 1_000}`),
    });
    return { clock, due, wheel };
  }

  it('tells each item once, at the tick at or after its time', async () => {
    const { clock, due, wheel } = setUp();
    wheel.set('a', 2_000);
    wheel.set('b', 2_100);
    wheel.set('c', 0);
    await clock.advance(10_000);
    expect(due).toEqual(['c 1', 'a 2', 'b 3']);
    expect(wheel.size).toBe(0);
  });

  it('goes round more than once for long delays', async () => {
    const { clock, due, wheel } = setUp(4);
    wheel.set('late', 54_000);
    await clock.advance(53_000);
    expect(due).toEqual([]);
    await clock.advance(2_000);
    expect(due).toEqual(['late 54']);
  });

  it('moves an item that is set again, and forgets a cleared one', async () => {
    const { clock, due, wheel } = setUp();
    wheel.set('a', 1_000);
    wheel.set('a', 3_000);
    wheel.set('b', 1_000);
    wheel.clear('b');
    await clock.advance(5_000);
    expect(due).toEqual(['a 3']);
  });

  it('lets an item set itself again while it is due', async () => {
    const clock = createFakeClock();
    let beats = 0;
    const wheel = createWheel<string>({
      clock,
      onDue(item) {
        beats += 1;
        wheel.set(item, 2_000);
      },
    });
    wheel.set('ping', 2_000);
    await clock.advance(10_000);
    expect(beats).toBe(5);
    wheel.close();
    expect(clock.pending).toBe(0);
  });

  it('misses nothing when the machine has slept', async () => {
    const { clock, due, wheel } = setUp(4);
    for (let at = 1; at <= 9; at += 1) wheel.set(`${at}`, at * 1_000);
    clock.skip(60_000);
    clock.advanceSync(1_000);
    expect(due).toHaveLength(9);
  });
});
