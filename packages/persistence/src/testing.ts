// Development only: what tests of other packages need from this one.
export { type CompareSchemaOptions, compareSchema, type SchemaComparison } from './testing/schema-diff.ts';
export { startTestServer, type TestServer } from './testing/server.ts';
