import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError, loadConfig } from '../src/config.ts';

const SECRETS = {
  SWITCHBOARD_MODE: 'production',
  ADMIN_TOKEN: 'an-admin-token-that-nobody-knows',
  SESSION_KEY: 'a session key of thirty-two characters or more',
  EVENT_SECRET: 'the secret of the application',
};

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'switchboard-config-'));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

function load(yaml: string | null, env: Record<string, string> = {}) {
  if (yaml !== null) writeFileSync(join(dir, 'switchboard.yaml'), yaml);
  return loadConfig(env, dir);
}

function problemsOf(yaml: string | null, env: Record<string, string> = {}): readonly string[] {
  try {
    load(yaml, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

it('refuses what would work against itself, and says which settings', () => {
  expect(problemsOf('event: { pingIntervalMs: 60000, pongTimeoutMs: 5000 }\n')).toEqual([
    expect.stringMatching(/event\.pongTimeoutMs.*longer than.*event\.pingIntervalMs/),
  ]);
  expect(problemsOf('event: { pongTimeoutMs: 54000 }\n')).toHaveLength(1);
  expect(problemsOf('event: { syntheticSidBase: 3000000001 }\n')).toEqual([
    expect.stringContaining('from 0 to 3000000000'),
  ]);
  expect(problemsOf('listen: { event: 9000 }\n', { PORT: '9000' })).toEqual([
    'listen.event and PORT are both 127.0.0.1:9000: give one of them another port.',
  ]);
  expect(problemsOf('listen: { event: 8081 }\n', SECRETS)).toEqual([
    expect.stringContaining('listen.event and listen.admin'),
  ]);
  expect(problemsOf('listen: { event: "127.0.0.2:9000", admin: 0, signalr: 0 }\n', { PORT: '9000' })).toEqual([]);
});

it('limits what one user may ask for in production, unless it is set otherwise', () => {
  const ratesOf = (yaml: string | null, env: Record<string, string>) => {
    const { event, signalr, workspace, iqchannels } = load(yaml, env);
    return [event, signalr, workspace, iqchannels].map((section) => section?.rates?.fallback);
  };
  const generous = { perSecond: 100, burst: 1_000 };
  expect(ratesOf(null, {})).toEqual(Array(4).fill(undefined));
  // The workspace wire has none unless set: its clients send in bursts.
  expect(ratesOf(null, SECRETS)).toEqual([generous, generous, undefined, generous]);
  const yaml = 'event:\n  rates:\n    fallback: null\nsignalr:\n  rates:\n    fallback: { perSecond: 5, burst: 9 }\n';
  expect(ratesOf(yaml, SECRETS)).toEqual([null, { perSecond: 5, burst: 9 }, undefined, generous]);
});

describe('without a file and without variables', () => {
  it('is a development gateway on 127.0.0.1:8080 with embedded storage and the demo world', () => {
    expect(load(null)).toMatchObject({
      mode: 'development',
      listen: { main: { host: '127.0.0.1', port: 8080 }, admin: null, adapters: {} },
      dataDir: join(dir, 'data'),
      filesDir: join(dir, 'data/files'),
      databaseUrl: null,
      redisUrl: null,
      adminToken: 'dev-admin-token',
      sessionKey: null,
      origins: null,
      demoWorld: true,
      event: { secret: '!!SECRET!!' },
    });
  });
});

describe('a file', () => {
  it('is read from the working directory, or from where SWITCHBOARD_CONFIG says', () => {
    expect(load('port: 9000').listen.main.port).toBe(9000);
    const other = join(dir, 'other.yaml');
    writeFileSync(other, 'port: 9001');
    expect(load(null, { SWITCHBOARD_CONFIG: other }).listen.main.port).toBe(9001);
    expect(load(null, { SWITCHBOARD_CONFIG: 'other.yaml' }).listen.main.port).toBe(9001);
  });

  it('is overruled by the environment', () => {
    const config = load('port: 9000\nhost: 0.0.0.0\nevent: {secret: from-the-file}', {
      PORT: '0',
      EVENT_SECRET: 'from-the-environment',
    });
    expect(config.listen.main).toMatchObject({ host: '0.0.0.0', port: 0 });
    expect(config.event?.secret).toBe('from-the-environment');
  });

  it('sees its relative paths from where it stands, and those of the environment from the working directory', () => {
    const other = join(dir, 'switchboard.yaml');
    writeFileSync(other, 'dataDir: state');
    expect(loadConfig({ SWITCHBOARD_CONFIG: other }, '/').dataDir).toBe(join(dir, 'state'));
    expect(loadConfig({ SWITCHBOARD_CONFIG: other, DATA_DIR: 'state' }, '/').dataDir).toBe('/state');
  });

  it('gives adapters and the admin API addresses of their own', () => {
    const { listen } = load('listen: {event: 8888, admin: "[::1]:8081"}');
    expect(listen.adapters.event).toMatchObject({ host: '127.0.0.1', port: 8888 });
    expect(listen.admin).toMatchObject({ host: '::1', port: 8081 });
  });

  it('switches a protocol off', () => {
    expect(load('event: false', { EVENT_SECRET: 'left over in the environment' }).event).toBeNull();
  });

  it('may be empty', () => {
    expect(load('# nothing yet\n').listen.main.port).toBe(8080);
  });
});

describe('what is wrong', () => {
  it('names the nearest known setting for an unknown one, at every depth', () => {
    expect(problemsOf('databseUrl: x')).toEqual([
      '"databseUrl" in switchboard.yaml is not a setting. Did you mean "databaseUrl"?',
    ]);
    expect(problemsOf('event: {roomlimit: 5}')).toEqual([
      '"event.roomlimit" in switchboard.yaml is not a setting. Did you mean "event.roomLimit"?',
    ]);
    expect(problemsOf('limits: {textlenght: 5}')[0]).toContain('Did you mean "limits.textLength"?');
    expect(problemsOf(null, { SWITCHBOARD_MODUS: 'production' })[0]).toBe(
      'SWITCHBOARD_MODUS is not a variable of Switchboard. Did you mean SWITCHBOARD_MODE?',
    );
  });

  it('lists what is known where nothing is near', () => {
    expect(problemsOf('listen: {telephone: 1}')[0]).toMatch(/not a setting\. Known here: admin, .*event.*\.$/);
  });

  it('says what a setting of netalo must be', () => {
    expect(problemsOf('netalo: {idFormat: hex, directGroupType: 2}')).toEqual([
      '"netalo.idFormat" in switchboard.yaml must be "string" or "number", not "hex".',
      '"netalo.directGroupType" in switchboard.yaml must be 1 or 3, not 2.',
    ]);
    expect(problemsOf('netalo: {syntheticUins: 1}')[0]).toContain('Did you mean "netalo.syntheticUinBase"?');
    expect(problemsOf('netalo: false\nlisten: {netalo: 2082}')).toEqual([
      '"listen.netalo" is set, but "netalo" is switched off: take one of them out.',
    ]);
  });

  it.each([
    [{ PORT: '99999' }, 'PORT must be a port: a whole number from 0 to 65535 (0 takes any free one), not 99999.'],
    [{ PORT: 'http' }, 'PORT must be a port: a whole number from 0 to 65535 (0 takes any free one), not "http".'],
    [{ SWITCHBOARD_MODE: 'prod' }, 'SWITCHBOARD_MODE must be "development" or "production", not "prod".'],
    [
      { DATABASE_URL: 'localhost:5432/chat' },
      'DATABASE_URL must be an address like postgresql://user:password@host:5432/switchboard.',
    ],
    [{ ADMIN_TOKEN: 'two words' }, 'ADMIN_TOKEN must be made of letters, digits and signs of ASCII, without blanks.'],
    [{ SESSION_KEY: 'short' }, 'SESSION_KEY must have at least 32 characters.'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be debug, info, warn, error or silent, not "loud".'],
    [{ ADMIN_LISTEN: 'here' }, 'ADMIN_LISTEN must be a port, or host:port as in 127.0.0.1:8081, not "here".'],
    [
      { ORIGINS: 'chat.example.org/' },
      'ORIGINS must be a list of origins like https://chat.example.org, *.example.org, or *, not "chat.example.org/".',
    ],
  ])('says what a wrong variable must be: %j', (env, sentence) => {
    expect(problemsOf(null, env as Record<string, string>)).toEqual([sentence]);
  });

  it('never repeats a secret or an address that may hold a password', () => {
    const env = { DATABASE_URL: 'mysql://me:hunter22@db/chat', ADMIN_TOKEN: 'hunter2', EVENT_SECRET: 'hunter2' };
    const problems = problemsOf(null, env);
    expect(problems).toHaveLength(3);
    expect(problems.join()).not.toContain('hunter');
  });

  it('is told all at once', () => {
    const problems = problemsOf('prot: 1\nport: -1\nevent: {roomLimit: many}', {
      REDIS_URL: 'redis://localhost',
      LOG_LEVEL: 'loud',
    });
    expect(problems).toHaveLength(5);
  });

  it('is told of a file that is missing, no YAML, or no settings', () => {
    expect(problemsOf(null, { SWITCHBOARD_CONFIG: '/nowhere/at-all.yaml' })[0]).toMatch(/at-all\.yaml does not exist/);
    expect(problemsOf('port: [8080')[0]).toMatch(/^switchboard\.yaml is no YAML: /);
    expect(problemsOf('- port')[0]).toBe('switchboard.yaml must hold settings by name, like "port: 8080".');
  });

  it('refuses Redis without a common PostgreSQL', () => {
    expect(problemsOf(null, { REDIS_URL: 'redis://localhost' })[0]).toMatch(/set DATABASE_URL to one that they share/);
  });

  it('refuses a port for a protocol that is switched off', () => {
    expect(problemsOf('event: false\nlisten: {event: 8888}')).toHaveLength(1);
  });
});

describe('production', () => {
  it('keeps the admin API and metrics to this machine unless told otherwise', () => {
    expect(load(null, SECRETS)).toMatchObject({
      mode: 'production',
      listen: { admin: { host: '127.0.0.1', port: 8081 } },
      demoWorld: false,
      origins: [],
    });
    expect(load('listen: {admin: "0.0.0.0:9090"}', SECRETS).listen.admin).toMatchObject({
      host: '0.0.0.0',
      port: 9090,
    });
  });

  it('lets browsers of its own address in, or those that are listed', () => {
    expect(load(null, { ...SECRETS, PUBLIC_URL: 'https://chat.example.org/' })).toMatchObject({
      publicUrl: 'https://chat.example.org',
      origins: ['https://chat.example.org'],
    });
    expect(load(null, { ...SECRETS, ORIGINS: 'https://a.example.org, *.example.com' }).origins).toHaveLength(2);
    expect(load(null, { ...SECRETS, ORIGINS: '*' }).origins).toBeNull();
  });

  it('asks for every secret that is missing', () => {
    const problems = problemsOf(null, { SWITCHBOARD_MODE: 'production' });
    expect(problems.map((problem) => problem.split(' ')[0])).toEqual(['ADMIN_TOKEN', 'SESSION_KEY', 'EVENT_SECRET']);
  });

  it('refuses the secrets of development and the demo world', () => {
    const problems = problemsOf('demoWorld: true', {
      ...SECRETS,
      ADMIN_TOKEN: 'dev-admin-token',
      EVENT_SECRET: '!!SECRET!!',
    });
    expect(problems).toHaveLength(3);
    expect(problemsOf(null, { ...SECRETS, ADMIN_TOKEN: 'too-short' })[0]).toMatch(/at least 16/);
  });

  it('asks for no secret of a protocol that is switched off', () => {
    expect(problemsOf('event: false', { ...SECRETS, EVENT_SECRET: '' })).toEqual([]);
  });
});
