/** What the fault test and its processes say to each other. */

/** Sent to a writer. */
export type ToWriter =
  /** Whether to use the slow lane between the sends. */
  { readonly kind: 'slow-lane'; readonly on: boolean } | { readonly kind: 'finish' };

export type FromWriter =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'acknowledged';
      readonly ref: number;
      readonly id: number;
      readonly seq: number;
      readonly conversationId: number;
      readonly repeated: boolean;
      /** Unix ms by the machine's one clock. */
      readonly sentAt: number;
      readonly tookMs: number;
    }
  /** It has no transaction of the slow lane under way any more. */
  | { readonly kind: 'quiet' }
  /** A plain INSERT beside the log, from the same process: what the machine itself makes everybody wait. */
  | { readonly kind: 'plain'; readonly sentAt: number; readonly tookMs: number }
  | { readonly kind: 'finished' };

export type FromReader =
  | { readonly kind: 'ready' }
  | { readonly kind: 'wrong'; readonly what: string }
  | { readonly kind: 'finished'; readonly read: number };

export interface Setup {
  readonly connectionString: string;
  readonly senderId: number;
  readonly conversationIds: readonly number[];
  /** The first key that this writer sends; all writers count on from there, so that each key comes from every one of them. */
  readonly firstRef: number;
}
