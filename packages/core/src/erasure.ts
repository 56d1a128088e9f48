/**
 * Erasing somebody: one transaction takes the person away, then message texts go in pieces and bytes of files after the commit. What
 * a crash leaves undone is done by repeating it; ids stay.
 */
import type { Actor } from './actor.ts';
import type { CoreContext } from './context.ts';
import type { Deadlines } from './deadlines.ts';
import { DomainError } from './errors.ts';
import { appendDeleted } from './identity-claims.ts';
import type { FileId, UserId } from './ids.ts';
import { requireOwn } from './rights.ts';

/** Few enough that no send waits long for the log's lock. */
const PIECE = 1_000;
/** A second look, after the user's last connection has fallen: at what it still sent, and at what a crash left undone. */
const DEADLINE = 'user.erased';
const SECOND_LOOK_MS = 15_000;

export function createErasure(
  context: CoreContext,
  deadlines: Pick<Deadlines, 'on'>,
): (actor: Actor, id: UserId) => Promise<void> {
  const { store, change, blobs, log } = context;

  deadlines.on(DEADLINE, async (tx, { subject }) => {
    const blanked = await tx.users.blankMessages(Number(subject) as UserId, PIECE);
    if (blanked === PIECE) await tx.deadlines.set({ kind: DEADLINE, subject, dueAt: tx.at + 1_000, data: {} });
  });

  async function takeAway(actor: Actor, id: UserId): Promise<readonly FileId[]> {
    return change(actor, async (tx) => {
      const user = await tx.users.find(id);
      if (!user) return [];
      const files = await tx.users.erase(id);
      const revoked = { userId: id, sessionId: null, namespace: null };
      tx.append('session.revoked', { userIds: [id], data: revoked }, revoked);
      appendDeleted(tx, user);
      await tx.deadlines.set({ kind: DEADLINE, subject: String(id), dueAt: tx.at + SECOND_LOOK_MS, data: {} });
      return files;
    });
  }

  return async (actor, id) => {
    requireOwn(actor, id, 'user');
    const [known] = await store.users.findMany([id]);
    if (!known) throw new DomainError('not_found', `No user ${id}`, { subject: 'user', id });
    const files = await takeAway(actor, id);
    for (;;) {
      const blanked = await change(actor, (tx) => tx.users.blankMessages(id, PIECE));
      if (blanked < PIECE) break;
    }
    // Bytes that cannot be removed now are found by the sweep of files.
    for (const file of files) {
      await blobs.remove(file).catch((error: unknown) => {
        log('warn', 'bytes of an erased file are still there', { fileId: file, reason: String(error) });
      });
    }
  };
}
