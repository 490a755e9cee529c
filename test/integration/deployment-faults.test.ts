import { test } from '@jest/globals';
import { deployWithFaults, faultsOf } from '../support/scale/deploy-with-faults.ts';

test('a deployment of 50 stacks and 25 services completes although three calls in ten are throttled', () =>
  deployWithFaults({ stacks: 50, services: 25, faults: faultsOf({ kind: 'throttle', probability: 0.3 }) }));
