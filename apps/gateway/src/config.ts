/**
 * One typed object from `switchboard.yaml` and the environment: the only reader of either. All that is wrong is said at once, in
 * sentences. Opens no socket and makes no directory.
 */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve } from 'node:path';
import { type CoreLimits, DEFAULT_LIMITS, type UserId } from '@switchboard/core';
import { DEFAULT_HOST_LIMITS, type HostLimits } from '@switchboard/protocol';
import { parseDocument } from 'yaml';
import {
  CONFIG_FILE_VARIABLE,
  type Environment,
  readEnvironment,
  unknownVariables,
  VARIABLES,
} from './config/environment.ts';
import { nearest } from './config/nearest.ts';
import { toProblems } from './config/problems.ts';
import {
  DEVELOPMENT_ADMIN_TOKEN,
  DEVELOPMENT_EVENT_SECRET,
  PRODUCTION_RATES,
  productionProblems,
} from './config/production.ts';
import {
  type EventSettings,
  type IqchannelsSettings,
  type NetaloSettings,
  type Settings,
  type SignalrSettings,
  settingsSchema,
  type WorkspaceSettings,
} from './config/schema.ts';

export interface ListenAddress {
  readonly host: string;
  readonly port: number;
  /** The setting to change when the port is taken. */
  readonly setting: string;
}

export interface Config {
  readonly mode: 'development' | 'production';
  /** `admin` null: on the main address. `adapters`: those with a port of their own, by protocol. */
  readonly listen: {
    readonly main: ListenAddress;
    readonly admin: ListenAddress | null;
    readonly adapters: Readonly<Record<string, ListenAddress>>;
  };
  /** How clients reach the main address, without a final slash; null = by the address itself. */
  readonly publicUrl: string | null;
  readonly dataDir: string;
  readonly filesDir: string;
  /** Null = an embedded PostgreSQL in `dataDir`. */
  readonly databaseUrl: string | null;
  readonly redisUrl: string | null;
  readonly adminToken: string;
  /** Null = one kept in `dataDir` (development only). */
  readonly sessionKey: string | null;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Allowed origins of browsers; null = any. In production, unless set, only the gateway's own (`publicUrl`). */
  readonly origins: readonly string[] | null;
  readonly trustProxy: boolean;
  readonly demoWorld: boolean;
  readonly coreLimits: CoreLimits;
  readonly hostLimits: HostLimits;
  /** Null = switched off. */
  readonly signalr: SignalrSettings | null;
  readonly event: (EventSettings & { readonly secret: string }) | null;
  readonly netalo: NetaloSettings | null;
  /** `openOperator`: by id, or the demo world's operator. */
  readonly iqchannels:
    | (Omit<IqchannelsSettings, 'openOperator'> & {
        readonly openOperator: UserId | { readonly namespace: string; readonly externalId: string } | null;
      })
    | null;
  readonly workspace: WorkspaceSettings | null;
}

/** The configuration cannot be used. `problems` are sentences, one for each thing that is wrong. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Throws ConfigError. Relative paths of the file are seen from the file, those of the environment from `cwd`. */
export function loadConfig(env: Environment = process.env, cwd = process.cwd()): Config {
  const problems = unknownVariables(env).map(unknownVariable);
  const file = locateFile(env, cwd);
  const raw = file ? readFile(file, problems) : {};
  const variables = readEnvironment(env);
  for (const [path, { value }] of variables) assign(raw, path, value);

  const fileName = file ? basename(file) : 'switchboard.yaml';
  const nameOf = (path: string) => {
    const variable = [...variables].find(([setting]) => path === setting || path.startsWith(`${setting}.`))?.[1]
      .variable;
    return variable ?? `"${path}" in ${fileName}`;
  };
  const parsed = settingsSchema.safeParse(raw);
  if (!parsed.success) problems.push(...toProblems(parsed.error, raw, nameOf));
  // Rules over several settings are told along with wrong values, as far as the values can be read.
  const settings = parsed.success ? parsed.data : (raw as Settings);
  problems.push(...combinationProblems(settings));
  if (settings.mode === 'production') problems.push(...productionProblems(settings));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);

  const baseOf = (path: string) => (variables.has(path) || !file ? cwd : dirname(file));
  return toConfig(parsed.data, (path, value) => (isAbsolute(value) ? value : resolve(baseOf(path), value)));
}

function toConfig(settings: Settings, pathOf: (setting: string, value: string) => string): Config {
  const mode = settings.mode ?? 'development';
  const production = mode === 'production';
  const host = settings.host ?? '127.0.0.1';
  const dataDir = pathOf('dataDir', settings.dataDir ?? 'data');
  const { admin, ...adapters } = settings.listen ?? {};
  const listenOn = (name: string, address: { host: string | null; port: number }): ListenAddress => ({
    host: address.host ?? host,
    port: address.port,
    setting: `listen.${name}`,
  });
  const { textLength, participants, fileBytes, ...hostLimits } = settings.limits ?? {};
  const limited = production ? { rates: PRODUCTION_RATES } : {};
  return {
    mode,
    listen: {
      main: { host, port: settings.port ?? 8080, setting: 'PORT' },
      admin: admin
        ? listenOn('admin', admin)
        : production
          ? { host: '127.0.0.1', port: 8081, setting: 'listen.admin' }
          : null,
      adapters: Object.fromEntries(
        Object.entries(adapters).flatMap(([name, address]) => (address ? [[name, listenOn(name, address)]] : [])),
      ),
    },
    publicUrl: settings.publicUrl?.replace(/\/+$/, '') ?? null,
    dataDir,
    filesDir: settings.filesDir ? pathOf('filesDir', settings.filesDir) : join(dataDir, 'files'),
    databaseUrl: settings.databaseUrl ?? null,
    redisUrl: settings.redisUrl ?? null,
    adminToken: settings.adminToken ?? DEVELOPMENT_ADMIN_TOKEN,
    sessionKey: settings.sessionKey ?? null,
    logLevel: settings.logLevel ?? 'info',
    origins: originsOf(settings),
    trustProxy: settings.trustProxy ?? false,
    demoWorld: settings.demoWorld ?? !production,
    coreLimits: {
      textLength: textLength ?? DEFAULT_LIMITS.textLength,
      participants: participants ?? DEFAULT_LIMITS.participants,
      fileBytes: fileBytes ?? DEFAULT_LIMITS.fileBytes,
    },
    hostLimits: { ...DEFAULT_HOST_LIMITS, ...hostLimits },
    signalr: settings.signalr === false ? null : { ...limited, ...settings.signalr },
    event:
      settings.event === false
        ? null
        : { ...limited, ...settings.event, secret: settings.event?.secret ?? DEVELOPMENT_EVENT_SECRET },
    netalo: settings.netalo === false ? null : (settings.netalo ?? {}),
    iqchannels:
      settings.iqchannels === false
        ? null
        : {
            ...limited,
            ...settings.iqchannels,
            ...(settings.iqchannels?.widgetDir && {
              widgetDir: pathOf('iqchannels.widgetDir', settings.iqchannels.widgetDir),
            }),
            openOperator: openOperatorOf(settings, production),
          },
    workspace: settings.workspace === false ? null : (settings.workspace ?? {}),
  };
}

/** In the demo world its operator, unless another one (or none) is set. */
function openOperatorOf({ iqchannels, demoWorld }: Settings, production: boolean) {
  const set = iqchannels ? iqchannels.openOperator : undefined;
  if (set !== undefined) return set as UserId | null;
  return (demoWorld ?? !production) ? { namespace: 'signalr', externalId: 'dave' } : null;
}

function originsOf(settings: Settings): readonly string[] | null {
  if (settings.origins) return settings.origins.includes('*') ? null : settings.origins;
  if (settings.mode !== 'production') return null;
  return settings.publicUrl ? [new URL(settings.publicUrl).origin] : [];
}

function combinationProblems(settings: Settings): string[] {
  const problems: string[] = [];
  if (settings.redisUrl && !settings.databaseUrl) {
    problems.push(
      'REDIS_URL joins several gateways, but each would keep an embedded PostgreSQL of its own: set DATABASE_URL to one that they share, or unset REDIS_URL.',
    );
  }
  for (const name of ['signalr', 'event', 'netalo', 'workspace', 'iqchannels'] as const) {
    if (settings[name] === false && settings.listen?.[name] !== undefined) {
      problems.push(`"listen.${name}" is set, but "${name}" is switched off: take one of them out.`);
    }
  }
  problems.push(...samePorts(settings), ...pingProblems(settings));
  return problems;
}

/** Two addresses of this gateway on one port: the second would find it taken, and nobody but itself to blame. */
function samePorts({ port = 8080, host = '127.0.0.1', listen = {}, mode }: Settings): string[] {
  const taken = new Map<string, string>([[`${host}:${port}`, 'PORT']]);
  const problems: string[] = [];
  const own: Settings['listen'] =
    mode === 'production' ? { admin: { host: '127.0.0.1', port: 8081 }, ...listen } : listen;
  for (const [name, address] of Object.entries(own ?? {})) {
    // A value that cannot be read is told by the schema.
    if (typeof address !== 'object' || address.port === 0) continue;
    const key = `${address.host ?? host}:${address.port}`;
    const other = taken.get(key);
    if (other) problems.push(`listen.${name} and ${other} are both ${key}: give one of them another port.`);
    taken.set(key, `listen.${name}`);
  }
  return problems;
}

/** Whoever must answer a ping before it is sent is cut off. */
function pingProblems({ event }: Settings): string[] {
  const { pingIntervalMs = 54_000, pongTimeoutMs = 60_000 } = event || {};
  if (!(pingIntervalMs >= pongTimeoutMs)) return [];
  return [
    `"event.pongTimeoutMs" (${pongTimeoutMs}) must be longer than "event.pingIntervalMs" (${pingIntervalMs}): every connection would be cut off.`,
  ];
}

function unknownVariable(name: string): string {
  const guess = nearest(name, [CONFIG_FILE_VARIABLE, ...Object.keys(VARIABLES)]);
  return `${name} is not a variable of Switchboard. ${guess ? `Did you mean ${guess}?` : `Known: ${CONFIG_FILE_VARIABLE}, ${Object.keys(VARIABLES).join(', ')}.`}`;
}

/** The file that was named, or `./switchboard.yaml` if there is one. */
function locateFile(env: Environment, cwd: string): string | null {
  const named = env[CONFIG_FILE_VARIABLE]?.trim();
  if (named) return resolve(cwd, named);
  const usual = join(cwd, 'switchboard.yaml');
  return existsSync(usual) ? usual : null;
}

function readFile(path: string, problems: string[]): Record<string, unknown> {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`;
    problems.push(`The configuration file ${path} ${reason}: correct ${CONFIG_FILE_VARIABLE}, or create the file.`);
    return {};
  }
  const document = parseDocument(content, { prettyErrors: true, stringKeys: true });
  if (document.errors.length > 0) {
    for (const { message } of document.errors) {
      problems.push(`${basename(path)} is no YAML: ${message.split('\n')[0]?.replace(/:$/, '')}.`);
    }
    return {};
  }
  const value: unknown = document.toJS() ?? {};
  if (typeof value === 'object' && !Array.isArray(value)) return value as Record<string, unknown>;
  problems.push(`${basename(path)} must hold settings by name, like "port: 8080".`);
  return {};
}

function assign(target: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let at = target;
  for (const key of keys) {
    const inner = at[key];
    // A section that was switched off stays off, whatever the environment holds for it.
    if (inner === false) return;
    if (typeof inner !== 'object' || inner === null) at[key] = {};
    at = at[key] as Record<string, unknown>;
  }
  at[last] = value;
}
