// Runs a TypeScript file of this folder in a process of its own and reads the JSON it prints: Prisma's schema engine is
// an ES module that loads WebAssembly, which tests (CommonJS) cannot.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export async function runScript(name: string, ...args: string[]): Promise<unknown> {
  const script = join(__dirname, name);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--import', 'tsx', '--conditions=source', script, ...args],
    { maxBuffer: 16 * 1024 * 1024 },
  );
  return JSON.parse(stdout);
}
