import manifest from './package.json' with { type: 'json' };

/** Runs with an embedded PostgreSQL; only the cache tests need an installed program: valkey-server or redis-server. */
export default {
  testEnvironment: 'node',
  roots: [...manifest.workspaces, 'test'].map((folder) => `<rootDir>/${folder}`),
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '<rootDir>/test/integration/'],
  modulePathIgnorePatterns: ['/dist/'],
  globalSetup: '<rootDir>/test/support/start-postgres.ts',
  globalTeardown: '<rootDir>/test/support/stop-postgres.ts',
  maxWorkers: 2,
  // Only to detect hangs: a busy machine is much slower than an idle one.
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
