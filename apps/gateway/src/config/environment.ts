/** The environment variables that are settings, and how their text becomes a value. Knows no default. */

/** Variable → path of the setting. */
export const VARIABLES: Readonly<Record<string, string>> = {
  SWITCHBOARD_MODE: 'mode',
  HOST: 'host',
  PORT: 'port',
  PUBLIC_URL: 'publicUrl',
  DATA_DIR: 'dataDir',
  FILES_DIR: 'filesDir',
  DATABASE_URL: 'databaseUrl',
  REDIS_URL: 'redisUrl',
  ADMIN_TOKEN: 'adminToken',
  ADMIN_LISTEN: 'listen.admin',
  SESSION_KEY: 'sessionKey',
  LOG_LEVEL: 'logLevel',
  ORIGINS: 'origins',
  EVENT_SECRET: 'event.secret',
};

export const CONFIG_FILE_VARIABLE = 'SWITCHBOARD_CONFIG';

const NUMERIC = new Set(['PORT', 'ADMIN_LISTEN']);

export type Environment = Readonly<Record<string, string | undefined>>;

/** What is set, as settings by path. An empty variable counts as unset. */
export function readEnvironment(env: Environment): ReadonlyMap<string, { variable: string; value: unknown }> {
  const found = new Map<string, { variable: string; value: unknown }>();
  for (const [variable, path] of Object.entries(VARIABLES)) {
    const text = env[variable]?.trim();
    if (!text) continue;
    found.set(path, { variable, value: toValue(variable, text) });
  }
  return found;
}

function toValue(variable: string, text: string): unknown {
  if (NUMERIC.has(variable) && /^\d+$/.test(text)) return Number(text);
  if (variable === 'ORIGINS') return text.split(/[\s,]+/).filter(Boolean);
  return text;
}

/** Variables that look like ours and are not: a typing error would otherwise pass in silence. */
export function unknownVariables(env: Environment): string[] {
  return Object.keys(env).filter(
    (name) => name.startsWith('SWITCHBOARD_') && name !== CONFIG_FILE_VARIABLE && !(name in VARIABLES),
  );
}
