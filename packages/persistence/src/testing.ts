// Development only: what tests and scripts outside this package need from it.
export { createTestDatabase, migrationsDir, type TestDatabase } from './testing/database.ts';
export { type BorrowedServer, borrowServer } from './testing/global-setup.ts';
export { type CompareSchemaOptions, compareSchema, type SchemaComparison } from './testing/schema-diff.ts';
export { startTestServer, type TestServer, type TestServerOptions } from './testing/server.ts';
export { openSql, type Sql } from './testing/sql.ts';
