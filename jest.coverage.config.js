import unit from './jest.config.js';

/**
 * What the tests execute of src, in the tests and in the actions that they start. Left out are the tests that repeat
 * the same paths hundreds of times or measure the bundles themselves.
 */
export default {
  ...unit,
  globalSetup: './test/coverage/set-up.js',
  transform: { '^.+\\.ts$': './test/coverage/strip-types.js' },
  testPathIgnorePatterns: [
    ...unit.testPathIgnorePatterns,
    '<rootDir>/test/templates/',
    '<rootDir>/test/workflows/',
    '<rootDir>/test/acceptance/.*/(faults|scale)\\.test\\.ts$',
    '<rootDir>/test/acceptance/bundles\\.test\\.ts$',
  ],
  collectCoverage: true,
  collectCoverageFrom: ['src/**/*.ts'],
  coverageProvider: 'v8',
  coverageReporters: ['none'],
  reporters: ['default', './test/coverage/reporter.js'],
};
