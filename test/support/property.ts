import fc from 'fast-check';

/**
 * The seed of all tests that generate random cases. By default it is the same in each run, so that a failure is caused
 * by the change. Another SEED generates other cases.
 */
export const SEED = Number(process.env['SEED'] ?? 1);

fc.configureGlobal({ seed: SEED });

export { default as fc } from 'fast-check';
