// The Store port on PostgreSQL through Prisma, and an embedded PostgreSQL.
export { createPrismaStore, type PrismaStore, type PrismaStoreOptions } from './prisma-store/index.ts';
