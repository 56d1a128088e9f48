/**
 * Who has seen what, counted from the participants' marks: whole pages at once, so that long histories with many participants cost their
 * sum and not their product. Pure.
 */
import { hasRead, type Message, type Participant, type SeqRange, type UserId } from '@switchboard/core';
import type { Seen } from './views.ts';

/** For messages of one conversation in ascending order. `participants`: everybody who takes part or ever did. */
export function countSeen(
  messages: readonly Message[],
  participants: readonly Participant[],
  viewerId: UserId,
): readonly Seen[] {
  const first = messages[0]?.seq ?? 0;
  const last = messages.at(-1)?.seq ?? -1;
  // At each seq, how many more (or fewer) have seen it than the one before.
  const steps = new Int32Array(Math.max(0, last - first + 2));
  const bySender = new Map<UserId, Participant>();
  for (const participant of participants) {
    bySender.set(participant.userId, participant);
    for (const [from, to] of seenRanges(participant)) {
      const begin = Math.max(from, first);
      const end = Math.min(to, last);
      if (begin > end) continue;
      steps[begin - first] = (steps[begin - first] as number) + 1;
      steps[end - first + 1] = (steps[end - first + 1] as number) - 1;
    }
  }
  const viewer = bySender.get(viewerId);
  const counted: Seen[] = [];
  let seen = 0;
  let at = 0;
  for (const message of messages) {
    for (; at <= message.seq - first; at += 1) seen += steps[at] as number;
    const sender = bySender.get(message.senderId);
    const ownMark = sender && hasRead(sender, message.seq) ? 1 : 0;
    const isOwn = message.senderId === viewerId;
    counted.push({
      seenCount: seen - ownMark,
      isSeenByYou: isOwn || (viewer !== undefined && hasRead(viewer, message.seq)),
    });
  }
  return counted;
}

/** For one message. */
export function countSeenOf(message: Pick<Message, 'seq' | 'senderId'>, participants: Iterable<Participant>): number {
  let count = 0;
  for (const participant of participants) {
    if (participant.userId !== message.senderId && hasRead(participant, message.seq)) count += 1;
  }
  return count;
}

/** What `hasRead` says yes to, without overlaps. */
function seenRanges({ joinedSeq, readSeq, readAbove }: Participant): readonly SeqRange[] {
  const main: SeqRange = [joinedSeq + 1, readSeq];
  if (readSeq <= joinedSeq) return readAbove;
  const ranges: SeqRange[] = [main];
  for (const [from, to] of readAbove) {
    if (from <= joinedSeq) ranges.push([from, Math.min(to, joinedSeq)]);
    if (to > readSeq) ranges.push([Math.max(from, readSeq + 1), to]);
  }
  return ranges;
}
