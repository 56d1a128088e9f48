/** What stands on the terminal when the gateway is up: where everybody finds it, and a line to try each. */
import { PROTOCOL_NAMES, type ProtocolName } from './config/schema.ts';
import type { Config } from './config.ts';
import type { GatewayAddresses } from './gateway.ts';

/** What clients of the protocol are pointed at, below its base address. */
const ENTRANCES: Readonly<Record<ProtocolName, { readonly scheme: 'http' | 'ws'; path(config: Config): string }>> = {
  signalr: { scheme: 'http', path: (config) => config.signalr?.path ?? '/chathub' },
  event: { scheme: 'ws', path: (config) => `${config.event?.path ?? '/ws'}?sid=<n>` },
  netalo: { scheme: 'http', path: () => '/data' },
  workspace: { scheme: 'http', path: () => '/' },
  iqchannels: { scheme: 'http', path: () => '/public/api/v1' },
};

export function renderStartTable(config: Config, addresses: GatewayAddresses): string {
  const storage = config.databaseUrl ? 'PostgreSQL' : `embedded PostgreSQL in ${config.dataDir}`;
  const rows = PROTOCOL_NAMES.map((name) => protocolRow(name, config, addresses));
  const isDevelopment = config.mode === 'development';
  const token = isDevelopment ? config.adminToken : '$ADMIN_TOKEN';
  rows.push(
    [
      'admin',
      `${addresses.admin.url}/admin/v1`,
      `curl -H 'Authorization: Bearer ${token}' ${addresses.admin.url}/admin/v1/users`,
    ],
    ['probes', `${addresses.main.url}/readyz`, `curl ${addresses.main.url}/readyz`],
    ['metrics', `${addresses.admin.url}/metrics`, `curl ${addresses.admin.url}/metrics`],
  );
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map(([name = '', address = '', hint = '']) =>
    `  ${name.padEnd(widths[0] ?? 0)}  ${address.padEnd(widths[1] ?? 0)}  ${hint}`.trimEnd(),
  );
  const people = config.demoWorld ? ['', '  people of the demo world: alice, bob, carol, dave'] : [];
  const silent =
    config.workspace && !config.workspace.janusUrl
      ? ['', '  no media server is set (workspace.janusUrl, workspace.janusWsUrl): its calls work, but carry no voices']
      : [];
  const title = `Switchboard is ready on ${addresses.main.url} (${config.mode}, ${storage})`;
  return [title, '', ...lines, ...people, ...silent, ''].join('\n');
}

function protocolRow(name: ProtocolName, config: Config, addresses: GatewayAddresses): string[] {
  const base = addresses.adapters.get(name);
  if (base === undefined) return [name, 'switched off', ''];
  const { scheme, path } = ENTRANCES[name];
  const address = (scheme === 'ws' ? base.replace(/^http/, 'ws') : base) + path(config);
  return [name, address, config.demoWorld ? `npm run --silent token -- ${name} alice` : ''];
}
