/**
 * Prisma's schema engine in this process: the WebAssembly build, because the native one is a download that not every
 * machine can make. Owns loading it and the two places where adapter and engine disagree. Compares, never changes a
 * database: it cannot run a script that holds a function body (the adapter cuts scripts at every semicolon).
 */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import {
  bindMigrationAwareSqlAdapterFactory,
  ColumnTypeEnum,
  type SqlMigrationAwareDriverAdapterFactory,
} from '@prisma/driver-adapter-utils';
import type { SchemaEngine } from '@prisma/schema-engine-wasm';
import pg from 'pg';

export interface SchemaFile {
  path: string;
  content: string;
}

export interface SchemaEngineHandle {
  engine: SchemaEngine;
  close(): Promise<void>;
}

/** PostgreSQL's internal one-byte type `"char"`, in which the catalogs say what kind a constraint is. */
const CHAR_OID = 18;
/** Its array type, which no query of the engine returns: the mark by which such a column is known again. */
const CHAR_ARRAY_OID = 1002;

/** One engine on one database. A schema that does not parse is an error here, with Prisma's own text. */
export async function openSchemaEngine(connectionString: string, schema: SchemaFile): Promise<SchemaEngineHandle> {
  const engineModule = await loadEngine();
  const pool = new pg.Pool({ connectionString, max: 2 });
  pool.on('error', () => undefined);
  try {
    const engine = await engineModule.SchemaEngine.new(
      { datamodels: [[schema.path, schema.content]] },
      () => undefined,
      bindMigrationAwareSqlAdapterFactory(readingCharColumns(pool)),
    );
    return {
      engine,
      async close() {
        engine.free();
        await pool.end();
      },
    };
  } catch (error) {
    await pool.end();
    throw error;
  }
}

/** Node has it; the types of Node and of ES2023 do not. */
declare const WebAssembly: {
  instantiate(
    bytes: Uint8Array,
    imports: Record<string, object>,
  ): Promise<{ instance: { exports: { __wbindgen_start(): void } } }>;
};

type EngineModule = typeof import('@prisma/schema-engine-wasm/schema_engine_bg');

let loaded: Promise<EngineModule> | undefined;

/** The package is made for bundlers that import `.wasm` files; Node is given the two halves by hand. */
function loadEngine(): Promise<EngineModule> {
  loaded ??= (async () => {
    // Without it a panic of the engine ends as "cannot read properties of undefined".
    Object.assign(globalThis, {
      PRISMA_WASM_PANIC_REGISTRY: {
        set_message(message: string) {
          console.error(`The schema engine gave up: ${message}`);
        },
      },
    });
    const glue = await import('@prisma/schema-engine-wasm/schema_engine_bg');
    const packageDir = dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'));
    const { instance } = await WebAssembly.instantiate(await readFile(join(packageDir, 'schema_engine_bg.wasm')), {
      './schema_engine_bg.js': glue,
    });
    glue.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start();
    return glue;
  })();
  return loaded;
}

/** The adapter refuses columns of the type `"char"`, the engine insists on them as characters. */
function readingCharColumns(pool: pg.Pool): SqlMigrationAwareDriverAdapterFactory {
  const marking = new Proxy(pool, {
    get(target, property) {
      if (property === 'query') {
        return async (config: pg.QueryConfig) => {
          const result = await target.query(config);
          for (const field of result.fields) if (field.dataTypeID === CHAR_OID) field.dataTypeID = CHAR_ARRAY_OID;
          return result;
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const inner = new PrismaPg(marking);
  return {
    provider: inner.provider,
    adapterName: inner.adapterName,
    async connect() {
      const adapter = await inner.connect();
      const queryRaw = adapter.queryRaw.bind(adapter);
      adapter.queryRaw = async (query) => {
        const result = await queryRaw(query);
        const columnTypes = result.columnTypes.map((type) =>
          type === ColumnTypeEnum.CharacterArray ? ColumnTypeEnum.Character : type,
        );
        return { ...result, columnTypes };
      };
      return adapter;
    },
    connectToShadowDb() {
      throw new Error('The schema engine asked for a shadow database; migrations are applied by applyMigrations here.');
    },
  };
}
