/**
 * What conversations ask of calls, in the same transaction and before their own entries: nobody is in a call of a conversation in which
 * it takes no part. The one place where conversations know that there are calls.
 */
import type { ConversationId } from '../ids.ts';
import type { Leaving } from '../ports/conversation-store.ts';
import type { Tx } from '../ports/store.ts';

/** The legs of these people in the calls of these conversations end (reason `removed`), and their invites. */
export async function leaveCallsOf(_tx: Tx, _leavings: readonly Leaving[]): Promise<void> {}

/** The live calls of these conversations end (reason `conversation_ended`), and their invites. */
export async function endCallsOf(_tx: Tx, _conversationIds: readonly ConversationId[]): Promise<void> {}
