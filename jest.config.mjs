// Three kinds of test in one run: `unit` needs nothing but itself; `golden` (test/golden*.test.ts) and `service` have the
// embedded PostgreSQL of jest.global-setup.ts. JavaScript, because Node 20 alone cannot read a configuration in TypeScript.
const shared = {
  rootDir: '.',
  cacheDirectory: '<rootDir>/node_modules/.cache/jest',
  testEnvironment: 'node',
  // The packages' sources, not their builds: see "exports" in any package.json.
  testEnvironmentOptions: { customExportConditions: ['source', 'node', 'node-addons'] },
  transform: {
    '\\.[cm]?ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
        swcrc: false,
      },
    ],
  },
  // Prisma's client loads its query compiler as ESM, which CommonJS tests cannot; the package has it in both forms.
  moduleNameMapper: { '^(@prisma/client/runtime/.+)\\.mjs$': '$1.js' },
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/dist-testing/', '/\\.tsbuild/'],
  modulePathIgnorePatterns: ['<rootDir>/data/'],
};

const withServices = {
  globalSetup: '<rootDir>/jest.global-setup.ts',
  globalTeardown: '<rootDir>/jest.global-teardown.ts',
};

export default {
  maxWorkers: 2,
  testTimeout: 30_000,
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: ['<rootDir>/{packages,apps}/*/src/**/*.test.ts', '<rootDir>/{bench,scripts}/**/*.test.ts'],
    },
    {
      ...shared,
      ...withServices,
      displayName: 'golden',
      testMatch: ['<rootDir>/{packages,apps}/*/test/**/golden*.test.ts'],
    },
    {
      ...shared,
      ...withServices,
      displayName: 'service',
      testMatch: ['<rootDir>/{packages,apps}/*/test/**/!(golden*).test.ts'],
    },
  ],
};
