// The dependency rule catches what it names, and this repository keeps it.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const script = join(__dirname, 'check-dependencies.mjs');
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'switchboard-dependencies-'));
  for (const name of ['core', 'protocol', 'persistence', 'bus', 'protocol-one', 'protocol-two', 'testing']) {
    const manifest = { name: `@switchboard/${name}`, exports: { '.': {} }, dependencies: { zod: '*', pg: '*' } };
    write(`packages/${name}/package.json`, JSON.stringify(manifest));
  }
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function check(dir = root): { status: number | null; breaches: string } {
  const { status, stderr } = spawnSync(process.execPath, [script, dir], { encoding: 'utf8' });
  return { status, breaches: stderr };
}

it('finds no breach in this repository', () => {
  expect(check(join(__dirname, '..'))).toEqual({ status: 0, breaches: '' });
});

it('allows what the table allows', () => {
  write('packages/core/src/a.ts', "import type { Readable } from 'node:stream';\nimport { b } from './b.ts';");
  write('packages/core/test/a.test.ts', "import { world } from '@switchboard/testing';");
  write('packages/protocol-one/src/a.ts', "import { core } from '@switchboard/core';\nimport { z } from 'zod';");
  write('packages/persistence/src/a.ts', "import {\n  Pool,\n} from 'pg';");
  expect(check()).toEqual({ status: 0, breaches: '' });
});

it.each([
  ['core/src/a.ts', "import { z } from 'zod';", 'core-not-to-npm'],
  ['core/src/a.ts', "import { readFile } from 'node:fs/promises';", 'core-types-only'],
  ['core/src/a.ts', "export * from '@switchboard/protocol';", 'core-not-to-protocol'],
  ['protocol/src/a.ts', "import {\n  x,\n} from '@switchboard/bus';", 'protocol-not-to-bus'],
  ['protocol/src/a.ts', "const ws = await import('ws');", 'protocol-not-to-npm'],
  ['protocol-one/src/a.ts', "import { x } from '@switchboard/protocol-two';", 'protocol-one-not-to-protocol-two'],
  ['protocol-one/src/a.ts', "import type { x } from '@switchboard/persistence';", 'protocol-one-not-to-persistence'],
  ['protocol-one/src/a.ts', "import { Pool } from 'pg';", 'one-driver'],
  ['protocol-one/src/a.ts', "import { io } from 'socket.io';", 'undeclared'],
  ['protocol-one/src/a.ts', "import { x } from '@switchboard/testing';", 'protocol-one-not-to-testing'],
  ['protocol-one/src/a.ts', "import { x } from '@switchboard/core/src/ids.ts';", 'no-deep-import'],
  ['protocol-one/src/a.ts', "import { x } from '../../core/src/ids.ts';", 'no-deep-import'],
  ['protocol-one/src/a.ts', "import { x } from '../testing/driver.ts';", 'no-test-code'],
  ['protocol-one/testing/driver.ts', "import { encode } from '../src/codec.ts';", 'driver-is-a-stranger'],
  ['protocol-one/test/a.test.ts', "import { x } from '@switchboard/protocol-two';", 'protocol-one-not-to-protocol-two'],
])('refuses in %s: %s', (file, text, rule) => {
  write(`packages/${file}`, text);
  const { status, breaches } = check();
  expect(status).toBe(1);
  expect(breaches).toContain(`packages/${file}: ${rule}: `);
});

it('refuses a circle of packages and a third door in a manifest', () => {
  const exports = { '.': {}, './memory': {}, './testing': {} };
  write(
    'packages/core/package.json',
    JSON.stringify({ name: '@switchboard/core', exports, dependencies: { '@switchboard/protocol': '*' } }),
  );
  write('packages/protocol/src/a.ts', "import { core } from '@switchboard/core';");
  const { breaches } = check();
  expect(breaches).toContain('core -> protocol -> core: no-package-cycle: ');
  expect(breaches).toContain('packages/core/package.json: one-door: ');
});
