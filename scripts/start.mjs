// `npm start`: builds what has changed, then becomes the gateway, so that signals need no messenger.
// For the same reason the npm script says `exec`: npm signals its shell, and a shell that stayed would die alone and leave
// the gateway running. Where there is no `exec` (Windows), the second half of the script serves.
// The variable before it tells glibc to give large blocks back at once: hashing a password takes 16 MiB, and each thread would keep them.
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

// What the gateway is made of, and nothing else.
process.argv.push('--filter=@switchboard/gateway');
await import('./build.mjs');

const main = join(dirname(fileURLToPath(import.meta.url)), '../apps/gateway/dist/main.js');
process.setSourceMapsEnabled(true);
process.argv[1] = main;
await import(pathToFileURL(main).href);
