/** The probes and `/metrics`. Alive: the process answers. Ready: it can do its work now; if not, it says what is missing. */
import type { ServerResponse } from 'node:http';
import type { HttpHost } from './http-host.ts';
import type { GatewayMetrics } from './metrics.ts';

export interface Check {
  readonly name: string;
  /** Null = fine, else the reason in words. Must not throw. */
  run(): string | null | Promise<string | null>;
}

export interface Health {
  mountProbes(host: HttpHost): void;
  mountMetrics(host: HttpHost): void;
  /** Readiness is red from now on. */
  beginShutdown(): void;
}

const CHECK_TIMEOUT_MS = 2_000;

export function createHealth(checks: readonly Check[], metrics: GatewayMetrics): Health {
  let isShuttingDown = false;
  let running: Promise<Record<string, string>> | null = null;

  /** Probes that come together share one run. */
  function reasons(): Promise<Record<string, string>> {
    running ??= runAll(checks).finally(() => {
      running = null;
    });
    return running;
  }

  return {
    mountProbes(host) {
      host.route({ exact: '/healthz' }, (_request, response) => answer(response, 200, { status: 'ok' }));
      host.route({ exact: '/readyz' }, (_request, response) => {
        if (isShuttingDown) {
          answer(response, 503, { status: 'unavailable', reasons: { gateway: 'is shutting down' } });
          return;
        }
        void reasons().then((found) => {
          const isReady = Object.keys(found).length === 0;
          answer(
            response,
            isReady ? 200 : 503,
            isReady ? { status: 'ready' } : { status: 'unavailable', reasons: found },
          );
        });
      });
    },
    mountMetrics(host) {
      host.route({ exact: '/metrics' }, (_request, response) => {
        metrics.render().then(
          (text) => {
            response.writeHead(200, { 'Content-Type': metrics.contentType, 'Cache-Control': 'no-store' });
            response.end(text);
          },
          () => answer(response, 500, { status: 'failed' }),
        );
      });
    },
    beginShutdown() {
      isShuttingDown = true;
    },
  };
}

async function runAll(checks: readonly Check[]): Promise<Record<string, string>> {
  const results = await Promise.all(checks.map(async (check) => [check.name, await runOne(check)] as const));
  return Object.fromEntries(results.filter((result): result is [string, string] => result[1] !== null));
}

async function runOne(check: Check): Promise<string | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve('does not answer in time'), CHECK_TIMEOUT_MS);
  });
  try {
    return await Promise.race([check.run(), late]);
  } catch {
    return 'failed';
  } finally {
    clearTimeout(timer);
  }
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
  });
  response.end(text);
}
