/**
 * What conversations ask of calls, in the same transaction and before their own entries: nobody is in a call of a conversation in which
 * it takes no part. The one place where conversations know that there are calls.
 */
import { endCallsIn, leaveCalls } from '../calls/ending.ts';
import type { ConversationId } from '../ids.ts';
import type { Leaving } from '../ports/conversation-store.ts';
import type { Tx } from '../ports/store.ts';

/** The legs of these people in the calls of these conversations end (reason `removed`), and their invites. */
export async function leaveCallsOf(tx: Tx, leavings: readonly Leaving[]): Promise<void> {
  await leaveCalls(tx, leavings);
}

/** The live calls of these conversations end (reason `conversation_ended`), and their invites. */
export async function endCallsOf(tx: Tx, conversationIds: readonly ConversationId[]): Promise<void> {
  await endCallsIn(tx, conversationIds);
}
