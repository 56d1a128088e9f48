// Who has read what, as naively as can be: a set of seqs per person, and where by the rule of the marks the watermark of each ends. What the
// marks of the store must agree with.
import type { Message, SeqRange, UserId } from '@switchboard/core';

interface Member {
  active: boolean;
  floor: number;
  cleared: number;
  watermark: number;
  /** Covered beside (floor, watermark]. */
  readonly beside: Set<number>;
  readonly read: Set<number>;
  readonly hidden: Set<number>;
}

interface Kept {
  readonly message: Message;
  /** For the namespace that the readers use. */
  readonly visible: boolean;
  deleted: boolean;
}

export type ReadModel = ReturnType<typeof createReadModel>;

export function createReadModel(userIds: readonly UserId[]) {
  const members = new Map<UserId, Member>();
  const messages: Kept[] = [];
  const lastSeq = () => messages.length;
  const of = (userId: UserId) => members.get(userId) as Member;
  const join = (userId: UserId) => {
    const sets = { read: new Set<number>(), hidden: new Set<number>(), beside: new Set<number>() };
    const member = members.get(userId) ?? { active: true, floor: 0, cleared: 0, watermark: 0, ...sets };
    for (let seq = member.floor + 1; seq <= member.watermark; seq += 1) member.beside.add(seq);
    members.set(userId, Object.assign(member, { active: true, floor: lastSeq() }));
  };
  for (const userId of userIds) join(userId);

  /** Others' messages that the person can see now. */
  const readable = (userId: UserId) =>
    messages.filter(
      ({ message, visible, deleted }) =>
        visible &&
        !deleted &&
        message.senderId !== userId &&
        !of(userId).hidden.has(message.seq) &&
        message.seq > of(userId).cleared,
    );

  /** One message: everything from the last one before it that could be read, if that one still has to be read. */
  function cover(userId: UserId, seq: number): void {
    const member = of(userId);
    const { floor, watermark, beside } = member;
    if ((seq > floor && seq <= watermark) || beside.has(seq)) return;
    const from = seq > floor ? Math.max(floor, watermark) : 0;
    const before = readable(userId).filter(({ message }) => message.seq > from && message.seq < seq);
    for (let each = (before.at(-1)?.message.seq ?? from) + 1; each <= seq; each += 1) beside.add(each);
    absorb(member);
  }

  function absorb(member: Member): void {
    const { floor, beside } = member;
    for (let next = Math.max(member.watermark, floor) + 1; beside.has(next); next += 1) member.watermark = next;
    for (const seq of beside) if (seq > floor && seq <= member.watermark) beside.delete(seq);
  }

  return {
    get lastSeq() {
      return lastSeq();
    },
    message: (seq: number): Message | undefined => messages[seq - 1]?.message,
    active: () => [...members].filter(([, member]) => member.active).map(([userId]) => userId),
    isActive: (userId: UserId) => members.get(userId)?.active ?? false,
    send(message: Message, visible: boolean) {
      if (message.seq !== lastSeq() + 1) throw new Error(`seq ${message.seq} after ${lastSeq()}`);
      messages.push({ message, visible, deleted: false });
    },
    mark(userId: UserId, seq: number) {
      const kept = messages[seq - 1];
      if (!kept?.visible || kept.deleted || kept.message.senderId === userId) return;
      of(userId).read.add(seq);
      cover(userId, seq);
    },
    markUpTo(userId: UserId, seq: number) {
      const member = of(userId);
      for (let each = member.floor + 1; each <= seq; each += 1) member.read.add(each);
      member.watermark = Math.max(member.watermark, seq);
      absorb(member);
    },
    remove(seq: number) {
      const kept = messages[seq - 1];
      if (kept) kept.deleted = true;
    },
    hide: (userId: UserId, seq: number) => of(userId).hidden.add(seq),
    clear(userId: UserId) {
      of(userId).cleared = lastSeq();
    },
    join,
    leave(userId: UserId) {
      of(userId).active = false;
    },
    /** Where the watermark ends, and the ranges beside it: as few as can be, ascending. */
    marks(userId: UserId): { readonly readSeq: number; readonly readAbove: readonly SeqRange[] } {
      const { watermark, beside } = of(userId);
      const starts = [...beside].filter((seq) => !beside.has(seq - 1)).sort((a, b) => a - b);
      const endOf = (seq: number): number => (beside.has(seq + 1) ? endOf(seq + 1) : seq);
      return { readSeq: watermark, readAbove: starts.map((seq) => [seq, endOf(seq)]) };
    },
    /** Some message that the person can see. */
    visible: (userId: UserId): Message | undefined => readable(userId).at(-1)?.message,
    /** What hasRead must say of everything that the person could have read. */
    judged: (userId: UserId) =>
      readable(userId).map(({ message }) => ({ seq: message.seq, read: of(userId).read.has(message.seq) })),
    unread: (userId: UserId, above = of(userId).floor) =>
      readable(userId).filter(({ message }) => message.seq > above && !of(userId).read.has(message.seq)).length,
  };
}
