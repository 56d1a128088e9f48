/**
 * The one lock of the log: whoever changes domain tables takes it first, as a statement of its own, until the end of its transaction.
 * The fast lane's SQL functions spell the same number out.
 */

/** Key of the advisory transaction lock. Never to be changed: nodes of two versions may share a store. */
export const LOG_LOCK_KEY = 4_242_001;
