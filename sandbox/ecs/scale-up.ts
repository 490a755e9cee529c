import { healthyCount } from './rolling.ts';
import type { Rollout } from './rollout-context.ts';
import { schedule } from './scheduler.ts';

/** Starts all tasks of the rollout's deployment beside the others, and waits until they are healthy. */
export async function scaleUp(rollout: Rollout): Promise<void> {
  const { record, deployment } = rollout;
  const { service } = record;
  for (;;) {
    deployment.wanted = service.desiredCount;
    schedule(service);
    if (healthyCount(service, deployment) >= service.desiredCount) return;
    await rollout.change();
  }
}
