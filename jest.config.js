/** Unit, contract, template and acceptance tests; the integration tests have a configuration of their own. */
export default {
  testEnvironment: 'node',
  testTimeout: 120_000,
  globalSetup: './test/runtime/node24.js',
  roots: ['<rootDir>/test'],
  testPathIgnorePatterns: ['/node_modules/', '<rootDir>/test/integration/', '<rootDir>/test/bench/'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
        module: { type: 'es6' },
      },
    ],
  },
};
