/** Everything core asks for. */
export * from './blob-store.ts';
export * from './bus.ts';
export * from './call-store.ts';
export * from './clock.ts';
export * from './committer.ts';
export * from './conversation-store.ts';
export * from './deadline-store.ts';
export * from './file-store.ts';
export * from './log-store.ts';
export * from './message-store.ts';
export * from './node-store.ts';
export * from './presence-store.ts';
export * from './session-store.ts';
export * from './space-store.ts';
export * from './store.ts';
export * from './token-verifier.ts';
export * from './user-store.ts';
