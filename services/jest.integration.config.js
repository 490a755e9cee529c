import unit from './jest.config.js';

/**
 * The same tests against the PostgreSQL of the machine (POSTGRES_BIN), and the images: built, run and looked at.
 * Docker's daemon, Chromium and PostgreSQL must be on the machine.
 */
export default {
  ...unit,
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  globalSetup: '<rootDir>/test/integration/support/start.ts',
  globalTeardown: '<rootDir>/test/integration/support/stop.ts',
  maxWorkers: 2,
};
