import { test } from '@jest/globals';
import { deployStruck, faultsOf } from '../support/scale/struck.ts';

test('a deployment of 50 stacks and 25 services completes although three calls in ten are throttled', () =>
  deployStruck({ stacks: 50, services: 25, faults: faultsOf({ kind: 'throttle', probability: 0.3 }) }));
