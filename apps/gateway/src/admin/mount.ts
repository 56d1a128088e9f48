/** Puts the administration under its path. Express and the rows are loaded by the first call: most nodes never see one. */
import type { RequestListener } from 'node:http';
import type { Core, Log } from '@switchboard/core';
import type { Hub } from '@switchboard/protocol';
import type { RunningAdapter } from '../adapters.ts';
import type { HttpHost } from '../http-host.ts';

export interface AdminOptions {
  readonly core: Core;
  readonly hub: Hub;
  readonly log: Log;
  /** Filled while adapters are mounted. */
  readonly running: readonly RunningAdapter[];
  readonly token: string;
}

export function mountAdmin(host: HttpHost, options: AdminOptions): void {
  let router: Promise<RequestListener> | null = null;
  host.route({ prefix: '/admin/v1' }, (request, response) => {
    router ??= import('./router.ts').then(({ createAdminRouter }) => createAdminRouter(options));
    router.then(
      (listener) => listener(request, response),
      (error: unknown) => {
        options.log('error', 'the administration could not be loaded', { error });
        response.writeHead(500).end();
      },
    );
  });
}
