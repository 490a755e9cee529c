import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ScaleEnvironment } from '../../support/scale/environment.ts';

let environment: ScaleEnvironment;
beforeAll(async () => {
  environment = await ScaleEnvironment.start({ stacks: 8, services: 2 });
});
afterAll(() => environment.close());

test('an unchanged environment', async () => {
  const first = await environment.run();
  expect(first.outputs['reason']).toBe('dev is deployed: 12 of 12 parts changed.');
  const again = await environment.run();
  expect(again.outputs['verdict']).toBe('unchanged');
  expect(again.totalCalls).toBeLessThan(first.totalCalls);
});
