import { createFakeClock, createFakeIds, TEST_START } from './clock.ts';

describe('the fake clock', () => {
  it('runs timers in order of their times, each at its own moment', async () => {
    const clock = createFakeClock();
    const seen: [string, number][] = [];
    const note = (name: string) => () => seen.push([name, clock.now() - TEST_START]);
    clock.after(30, note('late'));
    clock.after(10, note('early'));
    clock.after(10, note('early, set second'));
    clock.every(20, note('period'));
    await clock.advance(45);
    expect(seen).toEqual([
      ['early', 10],
      ['early, set second', 10],
      ['period', 20],
      ['late', 30],
      ['period', 40],
    ]);
    expect(clock.now()).toBe(TEST_START + 45);
  });

  it('runs what a timer sets when that falls into the same stretch', async () => {
    const clock = createFakeClock();
    const seen: number[] = [];
    clock.after(10, () => {
      Promise.resolve().then(() => clock.after(5, () => seen.push(clock.now() - TEST_START)));
    });
    await clock.advance(20);
    expect(seen).toEqual([15]);
  });

  it('forgets what was cancelled', () => {
    const clock = createFakeClock();
    let ran = 0;
    const cancel = clock.every(10, () => {
      ran += 1;
    });
    clock.advanceSync(10);
    cancel();
    clock.advanceSync(100);
    expect(ran).toBe(1);
    expect(clock.pending).toBe(0);
  });

  it('runs what a sleep of the machine made overdue, once time goes on', () => {
    const clock = createFakeClock();
    const seen: number[] = [];
    clock.after(10, () => seen.push(clock.now() - TEST_START));
    clock.skip(1_000);
    expect(seen).toEqual([]);
    clock.advanceSync(0);
    expect(seen).toEqual([1_000]);
  });
});

describe('the fake ids', () => {
  it('count up and keep the form of real ones', () => {
    const ids = createFakeIds();
    expect(ids.uuid()).toBe('00000000-0000-4000-8000-000000000001');
    expect(ids.token(32)).toMatch(/^A*2$/);
    expect(ids.token(32)).toHaveLength(43);
  });
});
