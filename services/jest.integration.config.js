import unit from './jest.config.js';

/**
 * The same tests with the machine's PostgreSQL (POSTGRES_BIN), plus tests of the images: built, run and opened in a
 * browser. Docker, Chromium and PostgreSQL must be installed.
 */
export default {
  ...unit,
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  globalSetup: '<rootDir>/test/integration/support/start.ts',
  globalTeardown: '<rootDir>/test/integration/support/stop.ts',
  maxWorkers: 2,
};
