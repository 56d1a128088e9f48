// `npm start`: builds what has changed, then becomes the gateway. One process, so that signals need no messenger.
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import './build.mjs';

const main = join(dirname(fileURLToPath(import.meta.url)), '../apps/gateway/dist/main.js');
process.setSourceMapsEnabled(true);
process.argv[1] = main;
await import(pathToFileURL(main).href);
