import { test } from '@jest/globals';
import type { FaultRule } from '../../../sandbox/index.ts';
import { deployWithFaults, faultsOf } from '../../support/scale/deploy-with-faults.ts';

/**
 * The fault matrix at 20 stacks, in an account with AWS's rates: random calls of all kinds fail, the same ones in each
 * run. 50 stacks with more faults are in test/integration/deployment-faults.test.ts.
 */

interface Case {
  name: string;
  faults: FaultRule[];
}

const CASES: Case[] = [
  { name: 'only the rate limits', faults: [] },
  { name: 'one call in ten is throttled', faults: faultsOf({ kind: 'throttle', probability: 0.1 }) },
  {
    name: 'one call in ten fails with a service error',
    faults: faultsOf({ kind: 'error', probability: 0.1 }),
  },
  { name: 'one connection in twenty is reset', faults: faultsOf({ kind: 'reset', probability: 0.05 }) },
  {
    name: 'one response in twenty is lost after the call was applied',
    faults: faultsOf({ kind: 'reset', probability: 0.05, after: true }),
  },
  {
    name: 'one response in ten is late',
    faults: faultsOf({ kind: 'delay', probability: 0.1, delayMs: 1500 }),
  },
];

test.each(CASES)('$name', ({ faults }) => deployWithFaults({ stacks: 20, services: 3, faults }));
