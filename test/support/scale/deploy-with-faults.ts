import { expect } from '@jest/globals';
import type { FaultRule } from '../../../sandbox/index.ts';
import { ScaleEnvironment } from './environment.ts';
import { stackTimes } from './stack-times.ts';

const SEED = 19;
const AWS = ['cloudformation', 'ssm', 'ecr', 'ecs'];

/** A rule for the calls of every service that a deployment calls often. */
export function faultsOf(rule: Pick<FaultRule, 'kind' | 'probability' | 'after' | 'delayMs'>): FaultRule[] {
  return AWS.map((service) => ({ service, ...rule }));
}

/**
 * A first deployment to an account with AWS's rates, while random calls fail, the same in each run. It must succeed,
 * and AWS must contain exactly what it reports.
 */
export async function deployWithFaults({
  stacks,
  services,
  faults,
}: {
  stacks: number;
  services: number;
  faults: FaultRule[];
}): Promise<void> {
  const scenario = { seed: SEED, rates: { preset: 'aws' as const }, faults };
  const environment = await ScaleEnvironment.start({ stacks, services, scenario });
  try {
    const run = await environment.run({ timeout: '20m' }, { limitMs: 1_200_000 });
    const { all } = environment.sandbox.calls;
    const faulty = all.filter(({ fault }) => fault !== undefined).length;
    const limited = all.filter(({ bucket }) => bucket !== undefined).length;
    const { verdict, reason } = run.outputs;
    console.log(`${verdict}: ${run.totalCalls} calls, ${faulty} with faults, ${limited} throttled`);
    if (faults.length > 0) expect(faulty).toBeGreaterThan(0);
    const parts = run.result['parts'] as { name: string; verdict: string }[];
    const reported = parts.filter((part) => part.verdict === 'created').map(({ name }) => `dev-shop-${name}`);
    const created = stackTimes(environment.sandbox)
      .filter(({ status }) => status === 'CREATE_COMPLETE')
      .map(({ stack }) => stack);
    expect(reported.sort()).toEqual(created.sort());
    expect({ verdict, reason }).toMatchObject({ verdict: 'deployed' });
  } finally {
    await environment.close();
  }
}
