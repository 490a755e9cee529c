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
  { name: 'nothing but the rates', faults: [] },
  { name: 'one call in ten throttled', faults: faultsOf({ kind: 'throttle', probability: 0.1 }) },
  { name: 'one call in ten an error of the service', faults: faultsOf({ kind: 'error', probability: 0.1 }) },
  { name: 'one connection in twenty reset', faults: faultsOf({ kind: 'reset', probability: 0.05 }) },
  {
    name: 'one answer in twenty lost after the call was applied',
    faults: faultsOf({ kind: 'reset', probability: 0.05, after: true }),
  },
  {
    name: 'one answer in ten late',
    faults: faultsOf({ kind: 'delay', probability: 0.1, delayMs: 1500 }),
  },
];

test.each(CASES)('$name', ({ faults }) => deployWithFaults({ stacks: 20, services: 3, faults }));
