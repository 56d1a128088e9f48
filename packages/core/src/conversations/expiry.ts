/** The deadline of a conversation that ends by itself. A file of its own, because calls set it as well: a temporary one goes with its call. */

/** Subject: the conversation's id. */
export const EXPIRY = 'conversation.expires';
