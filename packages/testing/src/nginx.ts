/**
 * An nginx of a test's own, in front of a server, with what its defaults do to streams: it gathers answers, compresses them, and loses
 * patience. Where there is none, one line says so.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whether there is one on this machine; says so where there is none. */
export function hasNginx(): boolean {
  const isHere = spawnSync('nginx', ['-v']).status === 0;
  if (!isHere) process.stdout.write('no nginx on PATH: the tests behind a buffering proxy are left out\n');
  return isHere;
}

export interface Nginx {
  readonly url: string;
  close(): Promise<void>;
}

/** `patienceSeconds`: of silence from the server. */
export async function startNginx(upstream: string, patienceSeconds: number): Promise<Nginx> {
  const directory = mkdtempSync(join(tmpdir(), 'switchboard-nginx-'));
  const port = await freePort();
  const file = join(directory, 'nginx.conf');
  writeFileSync(file, configuration({ directory, port, upstream, patienceSeconds }));
  const child = spawn('nginx', ['-c', file, '-p', directory, '-e', 'stderr'], { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (piece) => {
    complaints += piece;
  });
  const ended = once(child, 'exit');
  while (!(await isListening(port))) {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${complaints}`);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      child.kill('SIGKILL');
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface Settings {
  readonly directory: string;
  readonly port: number;
  readonly upstream: string;
  readonly patienceSeconds: number;
}

function configuration({ directory, port, upstream, patienceSeconds }: Settings): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
master_process off;
pid ${directory}/nginx.pid;
error_log stderr warn;
events {}
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${directory}/${name};`).join('\n  ')}
  gzip on;
  gzip_proxied any;
  gzip_min_length 1;
  gzip_types text/event-stream application/octet-stream application/json text/plain;
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass ${upstream};
      proxy_buffering on;
      proxy_buffers 8 64k;
      proxy_read_timeout ${patienceSeconds}s;
    }
    location /upgraded/ {
      proxy_pass ${upstream}/;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout ${patienceSeconds}s;
    }
  }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => setImmediate(resolve, false));
  });
}
