import type { LogEvent } from '../events.ts';
import type { Commit } from '../ports/bus.ts';
import { createSequence, type Stretch } from './sequence.ts';

const event = (position: number, batch: string) => ({ position, batch, type: 'message.sent' }) as unknown as LogEvent;

/** A commit of the positions from `first` to `last`. */
function commit(first: number, last = first): Commit {
  const positions = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return { events: positions.map((position) => event(position, `b${first}`)), head: last };
}

function begin(position: number) {
  const out: Stretch[] = [];
  const sequence = createSequence((stretch) => out.push(stretch));
  sequence.restart(position, null);
  return { sequence, positions: () => out.flatMap(({ events }) => events.map((one) => one.position)), out };
}

describe('commits in the order of the log', () => {
  it('lets out what comes in order, at once', () => {
    const { sequence, positions } = begin(10);
    expect(sequence.offer(commit(11, 13))).toBe(false);
    expect(sequence.offer(commit(14))).toBe(false);
    expect(positions()).toEqual([11, 12, 13, 14]);
    expect(sequence.received).toBe(14);
    expect(sequence.batch).toBe('b14');
  });

  it('holds back what comes early until the hole is filled', () => {
    const { sequence, positions } = begin(0);
    expect(sequence.offer(commit(4, 5))).toBe(true);
    expect(sequence.offer(commit(2, 3))).toBe(true);
    expect(sequence.heldFrom).toBe(2);
    expect(positions()).toEqual([]);
    expect(sequence.offer(commit(1))).toBe(false);
    expect(positions()).toEqual([1, 2, 3, 4, 5]);
  });

  it('lets nothing out twice', () => {
    const { sequence, positions } = begin(0);
    sequence.offer(commit(1, 2));
    sequence.offer(commit(1, 2));
    sequence.offer(commit(3));
    sequence.offer(commit(2, 4));
    sequence.offer(commit(3));
    expect(positions()).toEqual([1, 2, 3, 4]);
  });

  it('goes on with what it held back after a hole was read from the store', () => {
    const { sequence, positions, out } = begin(0);
    sequence.offer(commit(4));
    sequence.offer(commit(5));
    sequence.heal([event(1, 'a'), event(2, 'a'), event(3, 'b')], 3);
    expect(positions()).toEqual([1, 2, 3, 4, 5]);
    expect(out.map(({ healed }) => healed)).toEqual([true, false, false]);
  });

  it('takes from a late answer only what has not come meanwhile', () => {
    const { sequence, positions } = begin(0);
    sequence.offer(commit(1));
    sequence.heal([event(1, 'a'), event(2, 'b')], 2);
    sequence.heal([event(1, 'a'), event(2, 'b')], 2);
    expect(positions()).toEqual([1, 2]);
  });

  it('holds everything back until it is told where to begin', () => {
    const out: Stretch[] = [];
    const sequence = createSequence((stretch) => out.push(stretch));
    sequence.offer(commit(1));
    sequence.offer(commit(2));
    sequence.offer(commit(4));
    expect(out).toEqual([]);
    sequence.restart(1, 'b1');
    expect(out.map(({ through }) => through)).toEqual([2]);
    expect(sequence.heldFrom).toBe(4);
  });
});
