/** Where the time of a process went: the functions of a `.cpuprofile` by their own time. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

const IDLE = new Set(['(idle)', '(root)']);

/** One line a function: share of the time that was not idle, name, place. Of every profile in the directory. */
export async function renderProfiles(dir: string, count = 25): Promise<string> {
  const files = (await readdir(dir)).filter((name) => name.endsWith('.cpuprofile'));
  const parts = files.map(async (name) => {
    const profile = JSON.parse(await readFile(join(dir, name), 'utf8')) as CpuProfile;
    return `${join(dir, name)}\n${renderProfile(profile, count)}`;
  });
  return (await Promise.all(parts)).join('\n\n');
}

function renderProfile({ nodes, samples, timeDeltas }: CpuProfile, count: number): string {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const times = new Map<string, number>();
  let busy = 0;
  for (let at = 0; at < samples.length; at += 1) {
    const place = places.get(samples[at] as number) ?? '';
    if (IDLE.has(place)) continue;
    const time = timeDeltas[at] as number;
    busy += time;
    times.set(place, (times.get(place) ?? 0) + time);
  }
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([place, time]) => `  ${((100 * time) / busy).toFixed(1).padStart(5)} %  ${place}`)
    .join('\n');
}

function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const file = url.split('/').slice(-3).join('/');
  return file ? `${functionName || '(anonymous)'}  ${file}:${lineNumber + 1}` : functionName;
}
