/** The door of what tests share: time they own, seeded worlds, golden transcripts and the protocol contract suite. Development only. */
export * from './clock.ts';
export * from './core.ts';
export * from './driver.ts';
export * from './frame-queues.ts';
export * from './host.ts';
export * from './memory-blob-store.ts';
export * from './nginx.ts';
export * from './protocol-contract.ts';
export * from './transcript.ts';
export * from './world.ts';
