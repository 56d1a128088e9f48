/**
 * npm run bench: the gateway beside a plain reference, on the same machine, PostgreSQL and cores, in the same run. Every round runs every
 * scenario against every target, each started anew on an empty database; what is printed are medians of the rounds.
 * Options: --rounds 3, --only <scenario>, --targets event, --quick, --no-pins, --profile <dir> (CPU profiles of what is
 * measured, and the dearest functions).
 */
import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startTestServer } from '@switchboard/persistence/testing';
import { createLoadClient, NoLoadClientError } from './load-client.ts';
import { createPins, describeMachine, describeOthers, usageOf } from './machine.ts';
import { renderProfiles } from './profile.ts';
import type { Bench, Figures, Scenario, Target } from './scenario.ts';
import { fanOut } from './scenarios/fan-out.ts';
import { idle } from './scenarios/idle.ts';
import { latency } from './scenarios/latency.ts';
import { sends } from './scenarios/sends.ts';
import { renderTable } from './table.ts';
import type { TargetContext } from './targets/context.ts';
import { createEventTarget } from './targets/event.ts';
import { createExpressTarget } from './targets/express.ts';
import { createIqchannelsTarget } from './targets/iqchannels.ts';
import { createNetaloTarget, createOldNetaloTarget } from './targets/netalo.ts';
import { createReferenceTarget } from './targets/reference.ts';
import { createSignalrTarget } from './targets/signalr.ts';
import { createWorkspaceTarget } from './targets/workspace.ts';

const SCENARIOS: readonly Scenario[] = [sends, latency, fanOut, idle];
/** By wire; the reference is always there. */
const TARGETS: Readonly<Record<string, (context: TargetContext) => Target>> = {
  event: createEventTarget,
  iqchannels: createIqchannelsTarget,
  signalr: createSignalrTarget,
  netalo: createNetaloTarget,
  'netalo-eio3': createOldNetaloTarget,
  workspace: createWorkspaceTarget,
};

/** An open response of HTTP costs Node more than a WebSocket, and an engine between costs its share. */
const BUDGETS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  iqchannels: { 'RSS per connection': 12 },
  netalo: { 'RSS per connection': 14 },
  'netalo-eio3': { 'RSS per connection': 16 },
};
/** What each is measured beside: a plain server of its own kind of transport. */
const REFERENCES: readonly {
  readonly create: (context: TargetContext) => Target;
  readonly name: string;
  readonly serves: (target: string) => boolean;
}[] = [
  { name: 'reference', create: createReferenceTarget, serves: (target) => target !== 'iqchannels' },
  { name: 'express', create: createExpressTarget, serves: (target) => target === 'iqchannels' },
];

const { values } = parseArgs({
  options: {
    rounds: { type: 'string' },
    only: { type: 'string', multiple: true },
    targets: { type: 'string', default: Object.keys(TARGETS).join(',') },
    quick: { type: 'boolean', default: false },
    pins: { type: 'boolean', default: true },
    profile: { type: 'string' },
  },
  allowNegative: true,
});

async function main(): Promise<void> {
  const { quick } = values;
  const rounds = Number(values.rounds ?? (quick ? 1 : 3));
  const scenarios = values.only ? values.only.map((name) => pick(name, SCENARIOS)) : SCENARIOS;
  const names = values.targets.split(',').filter((name) => name !== '');
  for (const name of names)
    pick(
      name,
      Object.keys(TARGETS).map((known) => ({ name: known })),
    );
  const others = describeOthers();
  build();

  const pins = createPins(values.pins);
  const load = await createLoadClient(pins.load);
  // As the gateway starts its own, on disk.
  const postgres = await startTestServer({
    durable: true,
    settings: { shared_buffers: '128MB', max_connections: '100' },
  });
  try {
    pins.pinStore(postgres.pid());
    const bench: Bench = { load, quick, postgresUsage: () => usageOf(postgres.pid()) };
    const facts = [describeMachine(), pins.about, `${count(rounds, 'round')}, medians.`, ...(others ? [others] : [])];
    console.log(`${facts.join('\n')}\n`);
    for (const scenario of scenarios) {
      const profileDir = values.profile && resolve(values.profile, scenario.name);
      if (profileDir) await mkdir(profileDir, { recursive: true });
      console.log(`${scenario.name}: ${scenario.about}`);
      for (const reference of REFERENCES) {
        const served = names.filter(reference.serves);
        if (served.length === 0) continue;
        const columns = [reference.name, ...served].map((target) => ({
          target,
          rounds: [] as Figures[],
          budgets: BUDGETS[target],
        }));
        for (let round = 0; round < rounds; round += 1) {
          for (const column of columns) {
            const create = TARGETS[column.target] ?? reference.create;
            column.rounds.push(await runOnce(scenario, create({ postgres, pins }), { ...bench, profileDir }));
          }
        }
        console.log(`${renderTable(scenario.figures, columns)}\n`);
      }
      if (profileDir) console.log(`${await renderProfiles(profileDir)}\n`);
    }
  } finally {
    await postgres.close();
  }
}

async function runOnce(scenario: Scenario, target: Target, bench: Bench): Promise<Figures> {
  try {
    await target.start({ stores: scenario.stores });
    return await run(scenario, target, bench);
  } finally {
    await target.stop();
  }
}

/** What went wrong with a server stands in its log. */
async function run(scenario: Scenario, target: Target, bench: Bench): Promise<Figures> {
  try {
    return await scenario.run(target, bench);
  } catch (error) {
    console.error(`${scenario.name}, ${target.name}. Its last words:\n${target.lastWords()}`);
    throw error;
  }
}

/** What is measured is what is shipped: the bench, and the gateway that it depends on. */
function build(): void {
  const script = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url));
  const { status } = spawnSync(process.execPath, [script, '--filter=@switchboard/bench'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the build failed');
}

function pick<T extends { readonly name: string }>(name: string, all: readonly T[]): T {
  const found = all.find((one) => one.name === name);
  if (!found) throw new UsageError(`There is no "${name}": ${all.map((one) => one.name).join(', ')}.`);
  return found;
}

class UsageError extends Error {
  override readonly name = 'UsageError';
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof NoLoadClientError || error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
