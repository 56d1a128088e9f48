// compare-schemas.ts <admin address> <migrations> <schema>…: prints a SchemaComparison per schema.
import { compareSchema } from '../../src/testing/schema-diff.ts';

const [adminConnectionString = '', migrationsDir = '', ...schemas] = process.argv.slice(2);
const results = [];
for (const schemaPath of schemas) {
  results.push(await compareSchema({ adminConnectionString, migrationsDir, schemaPath }));
}
console.log(JSON.stringify(results));
