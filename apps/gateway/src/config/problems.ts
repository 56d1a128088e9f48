/** A schema's complaints as sentences for the person at the terminal: which setting, what is wrong, what it must be. */
import type { z } from 'zod';
import { nearest } from './nearest.ts';
import { PROTOCOL_NAMES, SECRET_SETTINGS, settingsSchema } from './schema.ts';

/** Where a setting came from, by its path: `PORT`, or `port in switchboard.yaml`. */
export type NameOf = (path: string) => string;

export function toProblems(error: z.ZodError, raw: unknown, nameOf: NameOf): string[] {
  return error.issues.flatMap((issue) => sentencesOf(issue, raw, nameOf));
}

function sentencesOf(issue: z.core.$ZodIssue, raw: unknown, nameOf: NameOf): string[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownSetting([...path, key], nameOf));
  if (issue.code === 'invalid_union') {
    // `event: false` or settings: what is wrong inside the settings says more than "neither".
    const inner = issue.errors.find((branch) =>
      branch.some((one) => one.code === 'unrecognized_keys' || one.path.length > 0),
    );
    if (inner) return inner.flatMap((one) => sentencesOf({ ...one, path: [...issue.path, ...one.path] }, raw, nameOf));
  }
  const name = path.join('.');
  const words = issue.message.startsWith('must ') ? issue.message : 'must be false, or settings by name';
  return [`${nameOf(name)} ${words}${shown(name, valueAt(raw, path))}.`];
}

function shown(name: string, value: unknown): string {
  if (value === undefined || SECRET_SETTINGS.includes(name)) return '';
  const text = JSON.stringify(value);
  return `, not ${text.length > 60 ? `${text.slice(0, 60)}…` : text}`;
}

function unknownSetting(path: string[], nameOf: NameOf): string {
  const key = path.at(-1) ?? '';
  const full = path.join('.');
  if ((PROTOCOL_NAMES as readonly string[]).includes(key) && path.length === (path[0] === 'listen' ? 2 : 1)) {
    return `${nameOf(full)} is a setting of a protocol that is not built into this version; take it out.`;
  }
  const known = knownKeys(path.slice(0, -1));
  const guess = nearest(key, known);
  const hint = guess
    ? `Did you mean "${[...path.slice(0, -1), guess].join('.')}"?`
    : `Known here: ${known.join(', ')}.`;
  return `${nameOf(full)} is not a setting. ${hint}`;
}

/** The settings below a path. */
export function knownKeys(path: readonly string[]): string[] {
  let schema: unknown = settingsSchema;
  for (const key of path) schema = shapeOf(schema)?.[key];
  return Object.keys(shapeOf(schema) ?? {});
}

function shapeOf(schema: unknown): Record<string, unknown> | undefined {
  const { shape, def } = (schema ?? {}) as {
    shape?: Record<string, unknown>;
    def?: { innerType?: unknown; options?: unknown[] };
  };
  if (shape) return shape;
  if (def?.innerType) return shapeOf(def.innerType);
  return def?.options?.map(shapeOf).find(Boolean);
}

function valueAt(raw: unknown, path: readonly string[]): unknown {
  let value = raw;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string, unknown>)[key];
  }
  return value;
}
