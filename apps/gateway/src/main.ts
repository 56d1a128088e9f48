/** The process: configuration in, exit codes out (2 for a wrong configuration, 1 for a start or a life that failed), and its signals. */
import { StoreStartError } from '@switchboard/persistence';
import { type Config, ConfigError, loadConfig } from './config.ts';
import { createGateway, type Gateway } from './gateway.ts';
import { ListenError } from './http-host.ts';
import { createLog } from './log.ts';
import { renderStartTable } from './start-table.ts';

/** An orderly end takes at most this. */
const CLOSE_WITHIN_MS = 9_500;

async function main(): Promise<void> {
  const config = readConfig();
  const log = await createLog({
    level: config.logLevel,
    format: config.mode === 'production' ? 'json' : 'readable',
  });
  const gateway = createGateway(config, { log });
  let isEnding = false;

  function end(reason: string, exitCode: number): void {
    if (isEnding) return;
    isEnding = true;
    log('info', `${reason}: closing`);
    setTimeout(() => {
      log('error', 'closing takes too long: leaving without');
      process.exit(exitCode || 1);
    }, CLOSE_WITHIN_MS).unref();
    void gateway.close().then(() => process.exit(exitCode));
  }

  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (isEnding) process.exit(1);
      end(signal, 0);
    });
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log('error', `a fault that nobody caught (${event})`, { error });
      end('after a fault', 1);
    });
  }
  await start(gateway, config, log);
}

function readConfig(): Config {
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    say(['Switchboard cannot start with this configuration:', ...error.problems.map((problem) => `  - ${problem}`)]);
    process.exit(2);
  }
}

async function start(gateway: Gateway, config: Config, log: Awaited<ReturnType<typeof createLog>>): Promise<void> {
  try {
    const { addresses } = await gateway.start();
    if (config.mode === 'development') process.stdout.write(`\n${renderStartTable(config, addresses)}\n`);
    else {
      log('info', 'ready', {
        main: addresses.main.url,
        admin: addresses.admin.url,
        ...Object.fromEntries(addresses.adapters),
      });
    }
  } catch (error) {
    if (error instanceof StoreStartError || error instanceof ListenError) say([error.message]);
    else
      say([
        'Switchboard could not be started:',
        error instanceof Error ? (error.stack ?? error.message) : String(error),
      ]);
    process.exit(1);
  }
}

function say(lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`);
}

await main();
