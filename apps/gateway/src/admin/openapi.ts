/** The description of this API, made from the very schemas that the router parses with: it cannot disagree with them. */
import { z } from 'zod';
import { problemSchema } from './problem.ts';
import type { Route } from './route.ts';

type Json = Record<string, unknown>;

const PROBLEM_REF = { $ref: '#/components/schemas/Problem' };
const ALWAYS = [400, 401, 429, 500, 503];

export function createOpenApi(routes: readonly Route[]): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  const problem = jsonSchema(problemSchema, 'output', schemas);
  schemas.Problem ??= problem;
  for (const route of routes) {
    const item = paths[`/admin/v1${route.path}`] ?? {};
    item[route.method] = describe(route, schemas);
    paths[`/admin/v1${route.path}`] = item;
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Switchboard administration',
      version: '1',
      description: 'Users, spaces, conversations, credentials and connections. Refusals are RFC 9457 problem details.',
    },
    security: [{ bearer: [] }],
    paths,
    components: { schemas, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  };
}

function describe(route: Route, schemas: Json): Json {
  const parameters = [...parametersOf(route.params, 'path', schemas), ...parametersOf(route.query, 'query', schemas)];
  const withBody = route.body ? [413, 415] : [];
  const refusals = [...ALWAYS, ...withBody, ...route.refusals].filter((status) => status >= 400).sort();
  const content = route.answer
    ? { content: { 'application/json': { schema: jsonSchema(route.answer, 'output', schemas) } } }
    : {};
  const successes = [route.status, ...route.refusals.filter((status) => status < 400)];
  return {
    operationId: operationId(route),
    tags: [route.path.split('/')[1]],
    summary: route.summary,
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(route.body
      ? {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: jsonSchema(route.body, 'input', schemas) } },
          },
        }
      : {}),
    responses: Object.fromEntries([
      ...successes.map((status) => [
        String(status),
        { description: route.answer ? 'Done.' : 'Done; no content.', ...content },
      ]),
      ...refusals.map((status) => [
        String(status),
        { description: 'Refused.', content: { 'application/problem+json': { schema: PROBLEM_REF } } },
      ]),
    ]),
  };
}

function parametersOf(schema: z.ZodType | null, place: 'path' | 'query', schemas: Json): Json[] {
  if (!schema) return [];
  const { properties = {}, required = [] } = jsonSchema(schema, 'input', schemas) as {
    properties?: Record<string, Json>;
    required?: string[];
  };
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
  }));
}

/** Schemas with an id go to the components and are referred to. */
function jsonSchema(schema: z.ZodType, io: 'input' | 'output', schemas: Json): Json {
  const {
    $schema: _dialect,
    $defs = {},
    ...rest
  } = z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' }) as Json & { $defs?: Json };
  const own = rest.id as string | undefined;
  for (const [name, definition] of Object.entries($defs as Record<string, Json>)) schemas[name] = clean(definition);
  if (!own) return clean(rest);
  schemas[own] = clean(rest);
  return { $ref: `#/components/schemas/${own}` };
}

/** `$defs` references point into the components, and ids of ours are no part of the description. */
function clean(value: Json): Json {
  return JSON.parse(JSON.stringify(value), (key, inner: unknown) => {
    if (key === '$ref' && typeof inner === 'string') return inner.replace('#/$defs/', '#/components/schemas/');
    if (
      typeof inner === 'object' &&
      inner !== null &&
      !Array.isArray(inner) &&
      'id' in inner &&
      typeof inner.id === 'string'
    ) {
      const { id: _id, ...rest } = inner;
      return rest;
    }
    return inner;
  }) as Json;
}

function operationId({ method, path }: Route): string {
  const words = path
    .split('/')
    .filter(Boolean)
    .map((part) => part.replace(/[{}]/g, ''));
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
