// Development only: transcripts, the protocol contract suite, seeded worlds, a fake clock.
export {};
