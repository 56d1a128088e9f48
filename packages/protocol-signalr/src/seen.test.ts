import type { Message, Participant } from '@switchboard/core';
import { countSeen, countSeenOf } from './seen.ts';

function participant(
  userId: number,
  joinedSeq: number,
  readSeq: number,
  readAbove: [number, number][] = [],
): Participant {
  return { userId, joinedSeq, readSeq, readAbove } as unknown as Participant;
}

const message = (seq: number, senderId: number) => ({ seq, senderId }) as unknown as Message;

describe('who has seen what', () => {
  const participants = [
    participant(1, 0, 4),
    participant(2, 2, 3, [[5, 6]]),
    participant(3, 6, 6, [[1, 2]]),
    // A range that lies across floor and watermark counts once.
    participant(4, 2, 4, [[1, 5]]),
  ];
  const messages = [1, 2, 3, 4, 5, 6].map((seq) => message(seq, seq === 3 ? 2 : 1));

  it('is counted from the marks, without the sender', () => {
    const seen = countSeen(messages, participants, 2 as never);
    expect(seen.map(({ seenCount }) => seenCount)).toEqual([2, 2, 2, 1, 2, 1]);
    expect(seen.map(({ isSeenByYou }) => isSeenByYou)).toEqual([false, false, true, false, true, true]);
  });

  it('is the same for pages as for single messages', () => {
    const page = countSeen(messages.slice(2, 5), participants, 1 as never);
    for (const [at, { seenCount }] of page.entries()) {
      expect(seenCount).toBe(countSeenOf(messages[at + 2] as Message, participants));
    }
  });

  it('is nothing in an empty list', () => {
    expect(countSeen([], participants, 1 as never)).toEqual([]);
  });
});
