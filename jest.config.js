import { availableParallelism } from 'node:os';

/** Unit, contract, template and acceptance tests; the integration tests have a separate configuration. */
export default {
  testEnvironment: 'node',
  // A safety net against a test that hangs, on a machine that does much else: no test proves anything by its time.
  testTimeout: 600_000,
  // Most suites wait for processes that they start. A number: above 100 % jest reads a percentage as a count.
  maxWorkers: 2 * availableParallelism(),
  testSequencer: './test/runtime/sequencer.js',
  // What tests import is part of the roots, so that --onlyChanged finds the tests of a changed file.
  roots: ['actions', 'sandbox', 'scripts', 'src', 'test'].map((folder) => `<rootDir>/${folder}`),
  modulePathIgnorePatterns: ['<rootDir>/scripts/new-service/files/'],
  testMatch: ['<rootDir>/test/**/*.test.ts'],
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
