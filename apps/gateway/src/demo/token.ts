/**
 * `npm run --silent token -- <protocol> <person>`: prints what a client needs to speak as one of the demo people, as JSON. Asks the
 * administration of the gateway that runs with this configuration. Exit codes: 2 = asked wrongly or not built in, 1 = it did not work.
 */

import { PROTOCOL_NAMES } from '../config/schema.ts';
import { ConfigError, loadConfig } from '../config.ts';

const PEOPLE = ['alice', 'bob', 'carol', 'dave'];

interface Problem {
  readonly detail?: string;
}

class Refused extends Error {
  override readonly name = 'Refused';
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

const USAGE = [
  'Usage: npm run --silent token -- <protocol> <person>',
  `  protocol: ${PROTOCOL_NAMES.join(', ')}`,
  `  person:   ${PEOPLE.join(', ')}`,
].join('\n');

async function issue([protocol = '', person = '', ...rest]: readonly string[]): Promise<unknown> {
  const isKnown = (PROTOCOL_NAMES as readonly string[]).includes(protocol) && PEOPLE.includes(person);
  if (!isKnown || rest.length > 0) throw new Refused(USAGE, 2);
  const { listen, adminToken, demoWorld } = loadConfig();
  if (!demoWorld) throw new Refused('The demo people live in development only; this configuration has none.', 1);
  const { host, port } = listen.admin ?? listen.main;
  const base = `http://${host.includes(':') ? `[${host}]` : host.replace('0.0.0.0', '127.0.0.1')}:${port}`;

  const call = async (path: string, body?: unknown) => {
    const response = await fetch(`${base}/admin/v1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    }).catch(() => {
      throw new Refused(
        `No gateway answers at ${base}. Start one with "npm start" (with the same PORT, if you set one) and try again.`,
        1,
      );
    });
    const answer: unknown = await response.json().catch(() => null);
    if (response.status === 501) throw new Refused(`${protocol}: not built in`, 2);
    if (!response.ok) {
      const why = (answer as Problem | null)?.detail ?? `status ${response.status}`;
      throw new Refused(`The gateway at ${base} refused: ${why}`, 1);
    }
    return answer;
  };

  const found = (await call(`/users?protocol=signalr&externalId=${person}`)) as { users: { id: number }[] };
  const user = found.users[0];
  if (!user) throw new Refused(`There is no ${person} here: the demo world is made when the store is empty.`, 1);
  // Dave works on the queue; the others are customers where a wire tells them apart.
  const role =
    protocol === 'event' || protocol === 'iqchannels'
      ? person === 'dave'
        ? staffRole(protocol)
        : 'customer'
      : undefined;
  const credential = await call('/credentials', { protocol, userId: user.id, ...(role ? { role } : {}) });
  return (credential as { connect: unknown }).connect;
}

function staffRole(protocol: string): string {
  return protocol === 'event' ? 'moderator' : 'operator';
}

try {
  process.stdout.write(`${JSON.stringify(await issue(process.argv.slice(2)), null, 2)}\n`);
} catch (error) {
  if (error instanceof Refused) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = error.exitCode;
  } else if (error instanceof ConfigError) {
    process.stderr.write(`${error.problems.join('\n')}\n`);
    process.exitCode = 2;
  } else {
    throw error;
  }
}
