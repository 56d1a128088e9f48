// Who has read what, as naively as can be: a set of seqs per person. What the marks of the store must agree with.
import type { Message, UserId } from '@switchboard/core';

interface Member {
  active: boolean;
  floor: number;
  cleared: number;
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
    const member = members.get(userId) ?? { active: true, floor: 0, cleared: 0, read: new Set(), hidden: new Set() };
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
      if (kept?.visible && !kept.deleted && kept.message.senderId !== userId) of(userId).read.add(seq);
    },
    markUpTo(userId: UserId, seq: number) {
      for (let each = of(userId).floor + 1; each <= seq; each += 1) of(userId).read.add(each);
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
    /** Some message that the person can see. */
    visible: (userId: UserId): Message | undefined => readable(userId).at(-1)?.message,
    /** What hasRead must say of everything that the person could have read. */
    judged: (userId: UserId) =>
      readable(userId).map(({ message }) => ({ seq: message.seq, read: of(userId).read.has(message.seq) })),
    unread: (userId: UserId, above = of(userId).floor) =>
      readable(userId).filter(({ message }) => message.seq > above && !of(userId).read.has(message.seq)).length,
  };
}
