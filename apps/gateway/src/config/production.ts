/** What production refuses: secrets that everybody knows, secrets that are missing, and the demo world. */
import type { Settings } from './schema.ts';

export const DEVELOPMENT_ADMIN_TOKEN = 'dev-admin-token';
/** Stands in the published source of the wire's original server: everybody can sign tokens with it. */
export const DEVELOPMENT_EVENT_SECRET = '!!SECRET!!';

/**
 * How often one user may call one operation where nothing else is set: more than people and their clients ask for, and too little for one
 * of them to take the gateway from the others.
 */
export const PRODUCTION_RATES = { fallback: { perSecond: 100, burst: 1_000 }, operations: {} };

const RANDOM = 'for example the output of: openssl rand -base64 48';

export function productionProblems(settings: Settings): string[] {
  const problems: string[] = [];
  if (!settings.adminToken) problems.push(`ADMIN_TOKEN is missing: in production set it to a random text, ${RANDOM}`);
  else if (settings.adminToken === DEVELOPMENT_ADMIN_TOKEN) {
    problems.push(`ADMIN_TOKEN is the development token: in production set it to a random text, ${RANDOM}`);
  } else if (settings.adminToken.length < 16) {
    problems.push('ADMIN_TOKEN must have at least 16 characters in production.');
  }
  if (!settings.sessionKey) {
    problems.push(`SESSION_KEY is missing: in production set it to a random text, the same on every node, ${RANDOM}`);
  }
  if (settings.event !== false) {
    const secret = settings.event?.secret;
    if (!secret || secret === DEVELOPMENT_EVENT_SECRET) {
      const fault = secret ? 'is the published development secret' : 'is missing';
      problems.push(
        `EVENT_SECRET ${fault}: set it to the secret that your application signs event tokens with, or switch the protocol off with "event: false" in switchboard.yaml.`,
      );
    }
  }
  if (settings.iqchannels !== false && settings.iqchannels?.openOperator) {
    problems.push('"iqchannels.openOperator" lets anybody act as an operator: production takes tokens only.');
  }
  if (settings.iqchannels !== false && settings.iqchannels?.developmentCredentials) {
    problems.push(
      '"iqchannels.developmentCredentials" lets anybody be any client: name the "credentials", or an "introspection".',
    );
  }
  if (settings.demoWorld) {
    problems.push('"demoWorld" is true: everybody knows the passwords of its people; production does not make it.');
  }
  return problems;
}
