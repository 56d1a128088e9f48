/**
 * Golden transcripts: what named people send and what each must be sent back, as plain JSON files written from a wire's sources. Binds
 * placeholders on first sight, knows wildcards, says exactly where a frame differs. Knows no wire: the frames are whatever the adapter's
 * driver makes of them.
 *
 * In an expected frame: `<any>`, `<string>`, `<number>`, `<integer>`, `<digits>` (a decimal string), `<time>` (RFC 3339), `<uuid>` match
 * by kind; any other `<name>` is bound by the first value seen and must be equal from then on, inside longer strings too. An object
 * may hold no keys but those shown, unless one of them is `"...": true`. `{"$json": …}` is a string that holds this JSON,
 * `{"$anyOrder": […]}` an array in whatever order. In a frame that is sent, placeholders are replaced by what they were bound to.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface Transcript {
  readonly title: string;
  /** Where the wire says so: `PROTOCOL.md §5.4`, `seed`. */
  readonly source: string;
  /** What must be so at the start, in words or data for the driver. */
  readonly given?: Json;
  readonly steps: readonly TranscriptStep[];
}

/** One of them. A person's second device is another name: `alice`, `alice:phone`. */
export type TranscriptStep =
  | { readonly as: string; readonly send: Json }
  /** The next frame that this person gets. */
  | { readonly as: string; readonly expect: Json }
  /** The next frames that this person gets, in whatever order. */
  | { readonly as: string; readonly expectAll: readonly Json[] }
  /** Nothing is there for this person, once what is under way has arrived. */
  | { readonly as: string; readonly expectNothing: true }
  /** The connection of this person ends. */
  | { readonly as: string; readonly expectClose: Json }
  /** Something that happens elsewhere: `{"do": "advance", "ms": 6000}`, or what the driver knows. */
  | { readonly do: string; readonly [key: string]: Json };

/** A mounted adapter, as a transcript meets it. */
export interface TranscriptDriver {
  send(person: string, frame: Json): Promise<void> | void;
  /** The next frame; rejects when none comes. */
  receive(person: string): Promise<Json>;
  /** What has come for this person and was not received yet, once nothing is under way any more. */
  pending(person: string): Promise<readonly Json[]>;
  /** How the connection ended, in the wire's words; rejects when it does not end. */
  closed(person: string): Promise<Json>;
  do?(step: { readonly do: string; readonly [key: string]: Json }, bindings: Bindings): Promise<void> | void;
}

/** Placeholder → value. Preset what the test's world knows: `<alice>`, `<lobby>`. */
export type Bindings = Map<string, Json>;

/** Every `*.json` of a folder, each holding one transcript or an array of them, in order of names. */
export function loadTranscripts(folder: string): Transcript[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.sort().flatMap((name) => {
    const content = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Transcript | Transcript[];
    return Array.isArray(content) ? content : [content];
  });
}

/** Plays it through. Rejects with the step, the place in the frame, and both sides. */
export async function playTranscript(
  transcript: Transcript,
  driver: TranscriptDriver,
  bindings: Bindings = new Map(),
): Promise<Bindings> {
  for (const [index, step] of transcript.steps.entries()) {
    const where = `${transcript.title} (${transcript.source}), step ${index + 1}`;
    try {
      await playStep(step, driver, bindings);
    } catch (error) {
      throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  return bindings;
}

async function playStep(step: TranscriptStep, driver: TranscriptDriver, bindings: Bindings): Promise<void> {
  if ('do' in step) {
    if (!driver.do) throw new Error(`the driver cannot do "${step.do}"`);
    await driver.do(step, bindings);
  } else if ('send' in step) await driver.send(step.as, fillIn(step.send, bindings));
  else if ('expect' in step) mustMatch(step.expect, await driver.receive(step.as), bindings);
  else if ('expectClose' in step) mustMatch(step.expectClose, await driver.closed(step.as), bindings);
  else if ('expectAll' in step) {
    const frames: Json[] = [];
    for (let count = 0; count < step.expectAll.length; count += 1) frames.push(await driver.receive(step.as));
    mustMatch({ $anyOrder: step.expectAll }, frames, bindings);
  } else {
    const frames = await driver.pending(step.as);
    if (frames.length > 0) throw new Error(`${step.as} got what was not expected: ${show(frames[0])}`);
  }
}

function mustMatch(expected: Json, actual: Json, bindings: Bindings): void {
  const difference = match(expected, actual, bindings);
  if (difference) throw new Error(`${difference}\n  expected ${show(expected)}\n  got      ${show(actual)}`);
}

/** Null when the frame is as expected (and new placeholders are bound); else where and how it differs (and nothing is bound). */
export function match(expected: Json, actual: Json, bindings: Bindings): string | null {
  const tried: Bindings = new Map(bindings);
  const difference = compare(expected, actual, { bindings: tried, path: '$' });
  if (!difference) for (const [name, value] of tried) bindings.set(name, value);
  return difference;
}

interface Place {
  readonly bindings: Bindings;
  readonly path: string;
}

const KINDS: Readonly<Record<string, (value: Json) => boolean>> = {
  '<any>': () => true,
  '<string>': (value) => typeof value === 'string',
  '<number>': (value) => typeof value === 'number',
  '<integer>': (value) => Number.isSafeInteger(value),
  '<digits>': (value) => typeof value === 'string' && /^[0-9]+$/.test(value),
  '<time>': (value) =>
    typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value),
  '<uuid>': (value) => typeof value === 'string' && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value),
};

const PLACEHOLDER = /<[a-z][a-z0-9-]*>/g;
const isPlaceholder = (text: string) => /^<[a-z][a-z0-9-]*>$/.test(text);

function compare(expected: Json, actual: Json, place: Place): string | null {
  if (typeof expected === 'string') return compareText(expected, actual, place);
  if (expected === null || typeof expected !== 'object') {
    return expected === actual ? null : differs(place, expected, actual);
  }
  if (isArray(expected)) {
    if (!isArray(actual)) return differs(place, expected, actual);
    if (actual.length !== expected.length) {
      return `${place.path}: ${actual.length} elements instead of ${expected.length}`;
    }
    return firstOf(expected, (each, at) => compare(each, actual[at] as Json, inside(place, `[${at}]`)));
  }
  if ('$json' in expected) return compareJsonText(expected.$json as Json, actual, place);
  if ('$anyOrder' in expected) return compareAnyOrder(expected.$anyOrder as readonly Json[], actual, place);
  if (actual === null || typeof actual !== 'object' || isArray(actual)) return differs(place, expected, actual);
  for (const key of Object.keys(expected)) {
    if (key === '...') continue;
    if (!Object.hasOwn(actual, key)) return `${place.path}.${key}: is missing`;
    const difference = compare(expected[key] as Json, actual[key] as Json, inside(place, `.${key}`));
    if (difference) return difference;
  }
  const more = Object.keys(actual).find((key) => !Object.hasOwn(expected, key));
  return more === undefined || '...' in expected ? null : `${place.path}.${more}: is not expected`;
}

function compareText(expected: string, actual: Json, place: Place): string | null {
  const kind = KINDS[expected];
  if (kind) return kind(actual) ? null : differs(place, expected, actual);
  if (isPlaceholder(expected)) {
    const bound = place.bindings.get(expected);
    if (bound === undefined) {
      place.bindings.set(expected, actual);
      return null;
    }
    return show(bound) === show(actual) ? null : `${place.path}: ${expected} was ${show(bound)}, now ${show(actual)}`;
  }
  if (expected === actual) return null;
  return typeof actual === 'string' && bindInText(expected, actual, place.bindings)
    ? null
    : differs(place, expected, actual);
}

/** `Room <room> is full`: bound placeholders are filled in, new ones take what stands in their place. */
function bindInText(expected: string, actual: string, bindings: Bindings): boolean {
  const names: string[] = [];
  let pattern = '';
  let copied = 0;
  for (const found of expected.matchAll(PLACEHOLDER)) {
    const [name] = found;
    pattern += escapeText(expected.slice(copied, found.index));
    copied = found.index + name.length;
    const bound = bindings.get(name);
    if (bound !== undefined) pattern += escapeText(String(bound));
    else if (KINDS[name]) pattern += '(?:.+?)';
    else if (names.includes(name)) pattern += `\\${names.indexOf(name) + 1}`;
    else {
      names.push(name);
      pattern += '(.+?)';
    }
  }
  const found = new RegExp(`^${pattern}${escapeText(expected.slice(copied))}$`, 's').exec(actual);
  if (!found || copied === 0) return false;
  for (const [at, name] of names.entries()) bindings.set(name, found[at + 1] as string);
  return true;
}

function compareJsonText(expected: Json, actual: Json, place: Place): string | null {
  if (typeof actual !== 'string') return differs(place, expected, actual);
  try {
    return compare(expected, JSON.parse(actual) as Json, inside(place, '(json)'));
  } catch {
    return `${place.path}: holds no JSON: ${show(actual)}`;
  }
}

/** Each expected element takes the first that fits it: written with its most particular ones first. */
function compareAnyOrder(expected: readonly Json[], actual: Json, place: Place): string | null {
  if (!isArray(actual)) return differs(place, expected, actual);
  if (actual.length !== expected.length) {
    return `${place.path}: ${actual.length} elements instead of ${expected.length}`;
  }
  const left = [...actual];
  for (const each of expected) {
    const at = left.findIndex((candidate) => match(each, candidate, place.bindings) === null);
    if (at === -1) return `${place.path}: nothing like ${show(each)} among ${show(left)}`;
    left.splice(at, 1);
  }
  return null;
}

/** What is sent: placeholders replaced, `$json` written out. Throws for a placeholder that nothing has bound. */
export function fillIn(frame: Json, bindings: Bindings): Json {
  if (typeof frame === 'string') {
    if (isPlaceholder(frame)) return boundTo(frame, bindings);
    return frame.replace(PLACEHOLDER, (name) => {
      const value = boundTo(name, bindings);
      return typeof value === 'string' ? value : JSON.stringify(value);
    });
  }
  if (frame === null || typeof frame !== 'object') return frame;
  if (isArray(frame)) return frame.map((each) => fillIn(each, bindings));
  if ('$json' in frame) return JSON.stringify(fillIn(frame.$json as Json, bindings));
  return Object.fromEntries(Object.entries(frame).map(([key, value]) => [key, fillIn(value, bindings)]));
}

function boundTo(name: string, bindings: Bindings): Json {
  const value = bindings.get(name);
  if (value === undefined) throw new Error(`nothing has bound ${name} yet`);
  return value;
}

function firstOf<T>(items: readonly T[], check: (item: T, at: number) => string | null): string | null {
  for (const [at, item] of items.entries()) {
    const difference = check(item, at);
    if (difference) return difference;
  }
  return null;
}

const isArray = (value: Json): value is readonly Json[] => Array.isArray(value);
const inside = (place: Place, step: string): Place => ({ bindings: place.bindings, path: place.path + step });
const escapeText = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
const differs = (place: Place, expected: Json, actual: Json) =>
  `${place.path}: ${show(actual)} instead of ${show(expected)}`;

function show(value: Json | undefined): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
