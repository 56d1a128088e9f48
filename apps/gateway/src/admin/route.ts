/** The shape of one administration call: what it takes, what it answers, what it does. Rows of it are the API and its description. */
import type { Actor, Core, Log } from '@switchboard/core';
import type { Hub } from '@switchboard/protocol';
import { z } from 'zod';
import type { RunningAdapter } from '../adapters.ts';

export interface AdminContext {
  readonly core: Core;
  readonly hub: Hub;
  readonly log: Log;
  readonly running: readonly RunningAdapter[];
  /** A fresh actor: one for each call. */
  actor(): Actor;
}

type Schema = z.ZodType;

export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** Below `/admin/v1`, with `{name}` for what `params` parses. */
  readonly path: string;
  readonly summary: string;
  readonly params: Schema | null;
  readonly query: Schema | null;
  readonly body: Schema | null;
  readonly status: 200 | 201 | 204;
  /** Null: no content. */
  readonly answer: Schema | null;
  /** What a caller should reckon with, besides 400, 401, 413, 415, 429, 500 and 503. */
  readonly refusals: readonly number[];
  readonly run: (context: AdminContext, input: { params: unknown; query: unknown; body: unknown }) => Promise<unknown>;
}

type Parsed<S extends Schema | undefined> = S extends Schema ? z.infer<S> : undefined;

interface RouteOptions<P extends Schema | undefined, Q extends Schema | undefined, B extends Schema | undefined, A> {
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly status?: 200 | 201 | 204;
  readonly answer?: z.ZodType<A>;
  readonly refusals?: readonly number[];
  readonly run: (
    context: AdminContext,
    input: { params: Parsed<P>; query: Parsed<Q>; body: Parsed<B> },
  ) => Promise<NoInfer<A> | Answered<NoInfer<A>>>;
}

/** An answer with another status than the row's (found instead of made). */
export interface Answered<A> {
  readonly answeredStatus: 200 | 201;
  readonly value: A;
}

export function isAnswered(value: unknown): value is Answered<unknown> {
  return typeof value === 'object' && value !== null && 'answeredStatus' in value;
}

/** `'POST /users'` and the rest, typed by its schemas. */
export function route<
  P extends Schema | undefined = undefined,
  Q extends Schema | undefined = undefined,
  B extends Schema | undefined = undefined,
  A = void,
>(name: `${'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'} /${string}`, options: RouteOptions<P, Q, B, A>): Route {
  const [method, path] = name.split(' ') as [string, string];
  const { summary, params, query, body, answer, refusals = [], run } = options;
  return {
    method: method.toLowerCase() as Route['method'],
    path,
    summary,
    params: params ?? null,
    query: query ?? null,
    body: body ?? null,
    status: options.status ?? (answer ? 200 : 204),
    answer: answer ?? null,
    refusals,
    // The router has parsed the input with the row's own schemas.
    run: run as Route['run'],
  };
}

const MAX_ID = Number.MAX_SAFE_INTEGER;

/** An id in a JSON body. */
export function idSchema<Id extends number>(): z.ZodType<Id, number> {
  return z.int().min(1).max(MAX_ID) as unknown as z.ZodType<Id, number>;
}

/** An id in a path or a query. */
export function idText<Id extends number>(): z.ZodType<Id, string> {
  return z
    .string()
    .regex(/^[1-9]\d{0,15}$/)
    .transform(Number)
    .refine((id) => id <= MAX_ID, { error: 'is no id' }) as unknown as z.ZodType<Id, string>;
}

/** A whole number in a query. */
export function countText(min: number, max: number) {
  const error = `must be a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,16}$/)
    .transform(Number)
    .refine((value) => value >= min && value <= max, { error });
}

export const timeSchema = z.number().describe('Unix time in milliseconds.');
export const nameSchema = z.string().trim().min(1).max(200);
export const externalIdSchema = z.string().min(1).max(200);
export const namespaceSchema = z.string().regex(/^[a-z][a-z0-9_-]{0,31}$/);
