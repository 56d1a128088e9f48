// Two kinds of test in one run: `unit` touches neither disk nor network, `service` has the embedded PostgreSQL of
// jest.global-setup.ts. JavaScript, because nothing that Node 20 runs by itself could read it as TypeScript.
const shared = {
  rootDir: '.',
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
  extensionsToTreatAsEsm: [],
  moduleFileExtensions: ['ts', 'js', 'mjs', 'cjs', 'json', 'node'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/dist-testing/', '/\\.tsbuild/'],
  modulePathIgnorePatterns: ['<rootDir>/data/'],
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
      displayName: 'service',
      testMatch: ['<rootDir>/{packages,apps}/*/test/**/*.test.ts'],
      globalSetup: '<rootDir>/jest.global-setup.ts',
      globalTeardown: '<rootDir>/jest.global-teardown.ts',
    },
  ],
};
