/**
 * Reads what jest wrote with --json, for .ci/run.
 *   ci-report.mjs failed <report>            the files in which something failed, a line each
 *   ci-report.mjs summary <report> <again>   `N passed, N failed`, where files that ran again count as they did then
 */
import { readFileSync } from 'node:fs';

const [mode, ...files] = process.argv.slice(2);
const results = files.map((file) => {
  const text = readFileSync(file, 'utf8');
  return text === '' ? [] : JSON.parse(text).testResults;
});

/** A file that did not even run has one failure. */
function countOf({ status, assertionResults }) {
  const passed = assertionResults.filter((one) => one.status === 'passed').length;
  const failed = assertionResults.filter((one) => one.status === 'failed').length;
  return { passed, failed: status === 'failed' ? Math.max(failed, 1) : failed };
}

if (mode === 'failed') {
  for (const result of results[0]) if (result.status === 'failed') console.log(result.name);
} else {
  const byFile = new Map(results.flat().map((result) => [result.name, countOf(result)]));
  let passed = 0;
  let failed = 0;
  for (const count of byFile.values()) {
    passed += count.passed;
    failed += count.failed;
  }
  console.log(`${passed} passed, ${failed} failed`);
}
