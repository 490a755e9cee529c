import fc from 'fast-check';

/**
 * The seed of every test that draws its cases by chance. By default the same in each run, so that a run says something
 * about the change alone; another SEED tries other cases.
 */
export const SEED = Number(process.env['SEED'] ?? 1);

fc.configureGlobal({ seed: SEED });

export { default as fc } from 'fast-check';
