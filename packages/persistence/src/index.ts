// The Store port on PostgreSQL through Prisma, and an embedded PostgreSQL.
export { type CommitterOptions, createCommitter } from './committer.ts';
export { createDiskBlobStore, type DiskBlobStore } from './disk-blob-store.ts';
export { fsFault } from './embedded/faults.ts';
export { type EmbeddedPostgres, type EmbeddedPostgresOptions, startEmbeddedPostgres } from './embedded.ts';
export { type AppliedMigrations, applyMigrations } from './migrate.ts';
export { createPrismaStore, type PrismaStore, type PrismaStoreOptions } from './prisma-store/index.ts';
export { type StoreLog, type StoreStartCode, StoreStartError } from './store-start-error.ts';
