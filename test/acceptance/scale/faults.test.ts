import { expect, test } from '@jest/globals';
import type { FaultRule, Scenario } from '../../../sandbox/index.ts';
import { ScaleEnvironment } from '../../support/scale/environment.ts';
import { stackTimes } from '../../support/scale/stack-times.ts';

/**
 * A first deployment of many stacks and some services to an account with AWS's rates, while calls of all kinds fail by
 * chance, always the same ones. It ends deployed, or says which call failed; and AWS holds what it says.
 */
const SEED = 19;
const AWS = ['cloudformation', 'ssm', 'ecr', 'ecs'];

const faultsOf = (rule: Pick<FaultRule, 'kind' | 'probability' | 'after' | 'delayMs'>): FaultRule[] =>
  AWS.map((service) => ({ service, ...rule }));

interface Case {
  name: string;
  faults: FaultRule[];
  stacks?: number;
  services?: number;
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
  {
    name: 'three calls in ten throttled, 50 stacks and 25 services',
    faults: faultsOf({ kind: 'throttle', probability: 0.3 }),
    stacks: 50,
    services: 25,
  },
];

test.each(CASES)('$name', async ({ faults, stacks = 20, services = 3 }) => {
  const scenario: Scenario = { seed: SEED, rates: { preset: 'aws' }, faults };
  const environment = await ScaleEnvironment.start({ stacks, services, scenario });
  try {
    const run = await environment.run({ timeout: '10m' });
    const struck = environment.sandbox.calls.all.filter(({ fault }) => fault !== undefined).length;
    const limited = environment.sandbox.calls.all.filter(({ bucket }) => bucket !== undefined).length;
    console.log(
      `${run.outputs['verdict']}: ${run.totalCalls} calls, ${struck} struck, ${limited} over the rates`,
    );
    if (faults.length > 0) expect(struck).toBeGreaterThan(0);
    expectTrue(environment, run.result['parts'] as Part[]);
    expect({ verdict: run.outputs['verdict'], reason: run.outputs['reason'] }).toMatchObject({
      verdict: 'deployed',
    });
  } finally {
    await environment.close();
  }
});

interface Part {
  name: string;
  kind: string;
  verdict: string;
}

/** Each stack is created once, and exactly those that the result says. */
function expectTrue(environment: ScaleEnvironment, parts: readonly Part[]): void {
  const created = stackTimes(environment.sandbox)
    .filter(({ status }) => status === 'CREATE_COMPLETE')
    .map(({ stack }) => stack);
  const said = parts.filter(({ verdict }) => verdict === 'created').map(({ name }) => `dev-shop-${name}`);
  expect(said.sort()).toEqual(created.sort());
}
