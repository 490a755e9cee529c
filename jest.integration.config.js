import unit from './jest.config.js';

/** Tests against moto, Docker and PostgreSQL: what they need must be on the machine. */
export default {
  ...unit,
  roots: ['<rootDir>/test/integration'],
  testPathIgnorePatterns: ['/node_modules/'],
  // The tests on moto wait for most of their time, those on Docker compute.
  maxWorkers: 2,
};
