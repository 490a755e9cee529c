import manifest from './package.json' with { type: 'json' };

/** Against an embedded PostgreSQL; only the tests of the cache need a program of the machine: valkey-server or redis-server. */
export default {
  testEnvironment: 'node',
  roots: [...manifest.workspaces, 'test'].map((folder) => `<rootDir>/${folder}`),
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '<rootDir>/test/integration/'],
  modulePathIgnorePatterns: ['/dist/'],
  globalSetup: '<rootDir>/test/support/start-postgres.ts',
  globalTeardown: '<rootDir>/test/support/stop-postgres.ts',
  maxWorkers: 2,
  // Only against hanging: a busy machine is many times slower than an idle one.
  testTimeout: 120_000,
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript' },
          target: 'es2023',
          experimental: { keepImportAttributes: true },
        },
        module: { type: 'es6' },
      },
    ],
  },
};
