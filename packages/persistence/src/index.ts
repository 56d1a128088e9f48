// The Store port on PostgreSQL through Prisma, and an embedded PostgreSQL.
export {};
