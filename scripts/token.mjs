// `npm run token`: from what `npm start` has built, or from source where nothing was (`npm run dev`).
import { existsSync } from 'node:fs';

const built = new URL('../apps/gateway/dist/demo/token.js', import.meta.url);
if (existsSync(built)) {
  await import(built.href);
} else {
  const { spawnSync } = await import('node:child_process');
  const { fileURLToPath } = await import('node:url');
  const source = fileURLToPath(new URL('../apps/gateway/src/demo/token.ts', import.meta.url));
  const args = ['--import', 'tsx', '--conditions=source', source, ...process.argv.slice(2)];
  process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status ?? 1;
}
