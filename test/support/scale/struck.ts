import { expect } from '@jest/globals';
import type { FaultRule } from '../../../sandbox/index.ts';
import { ScaleEnvironment } from './environment.ts';
import { stackTimes } from './stack-times.ts';

const SEED = 19;
const AWS = ['cloudformation', 'ssm', 'ecr', 'ecs'];

/** A rule for the calls of every service that a deployment makes many calls to. */
export function faultsOf(rule: Pick<FaultRule, 'kind' | 'probability' | 'after' | 'delayMs'>): FaultRule[] {
  return AWS.map((service) => ({ service, ...rule }));
}

/**
 * A first deployment to an account with AWS's rates while calls fail by chance, always the same ones. It must end
 * deployed, and AWS must hold exactly what it says.
 */
export async function deployStruck({
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
    const struck = all.filter(({ fault }) => fault !== undefined).length;
    const limited = all.filter(({ bucket }) => bucket !== undefined).length;
    const { verdict, reason } = run.outputs;
    console.log(`${verdict}: ${run.totalCalls} calls, ${struck} struck, ${limited} over the rates`);
    if (faults.length > 0) expect(struck).toBeGreaterThan(0);
    const parts = run.result['parts'] as { name: string; verdict: string }[];
    const said = parts.filter((part) => part.verdict === 'created').map(({ name }) => `dev-shop-${name}`);
    const created = stackTimes(environment.sandbox)
      .filter(({ status }) => status === 'CREATE_COMPLETE')
      .map(({ stack }) => stack);
    expect(said.sort()).toEqual(created.sort());
    expect({ verdict, reason }).toMatchObject({ verdict: 'deployed' });
  } finally {
    await environment.close();
  }
}
