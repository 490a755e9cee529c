import unit from './jest.config.js';

/**
 * The same tests against the PostgreSQL of the machine (POSTGRES_BIN), and the images: built, run and looked at.
 * Docker's daemon, Chromium and PostgreSQL must be on the machine.
 */
export default {
  ...unit,
  testPathIgnorePatterns: ['/node_modules/', '/dist/'],
  maxWorkers: 1,
};
