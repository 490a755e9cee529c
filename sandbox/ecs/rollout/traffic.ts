import { SECONDS } from '../durations.ts';
import type { DeploymentConfiguration } from '../model.ts';
import { stopOtherDeployments, scaleUp } from './rolling.ts';
import type { Rollout } from './context.ts';
import { enterStage, runHooks } from './stages.ts';
import { setProductionWeight, setTestTraffic } from './weights.ts';

const DEFAULT_CANARY = { percent: 5, minutes: 10 };
const DEFAULT_STEP = { percent: 10, minutes: 6 };

/** Starts all new tasks in addition to the old ones, then moves the traffic, all at once or in steps. */
export async function shiftTraffic(rollout: Rollout): Promise<void> {
  const { configuration, sources } = rollout.record;
  if (sources.length > 1) await stage(rollout, 'RECONCILE_SERVICE');
  await stage(rollout, 'PRE_SCALE_UP');
  await stage(rollout, 'SCALE_UP', () => scaleUp(rollout));
  await stage(rollout, 'POST_SCALE_UP');
  await stage(rollout, 'TEST_TRAFFIC_SHIFT', async () => {
    setTestTraffic(rollout);
    await rollout.sleep(SECONDS.shift);
  });
  await stage(rollout, 'POST_TEST_TRAFFIC_SHIFT');
  for (const { percent, minutes } of stepsOf(configuration)) {
    await stage(rollout, 'PRE_PRODUCTION_TRAFFIC_SHIFT');
    await stage(rollout, 'PRODUCTION_TRAFFIC_SHIFT', async () => {
      setProductionWeight(rollout, percent);
      await rollout.sleep(SECONDS.shift + minutes * 60);
    });
  }
  await stage(rollout, 'POST_PRODUCTION_TRAFFIC_SHIFT');
  await stage(rollout, 'BAKE_TIME', () => rollout.sleep((configuration.bakeTimeInMinutes ?? 0) * 60));
  await stage(rollout, 'CLEAN_UP', () => stopOtherDeployments(rollout));
}

/** Enters a stage, does its work, and runs its hooks. */
async function stage(
  rollout: Rollout,
  name: string,
  work: () => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  enterStage(rollout, name);
  await work();
  await runHooks(rollout, name);
}

/** The new revision's share of the traffic in each step, and the bake time after it. */
function stepsOf(configuration: DeploymentConfiguration): { percent: number; minutes: number }[] {
  const all = { percent: 100, minutes: 0 };
  const { canaryConfiguration: canary, linearConfiguration: linear } = configuration;
  switch (configuration.strategy) {
    case 'CANARY': {
      const percent = canary?.canaryPercent ?? DEFAULT_CANARY.percent;
      return [{ percent, minutes: canary?.canaryBakeTimeInMinutes ?? DEFAULT_CANARY.minutes }, all];
    }
    case 'LINEAR': {
      const step = linear?.stepPercent ?? DEFAULT_STEP.percent;
      const minutes = linear?.stepBakeTimeInMinutes ?? DEFAULT_STEP.minutes;
      const count = Math.ceil(100 / step) - 1;
      return [
        ...Array.from({ length: count }, (_, index) => ({ percent: step * (index + 1), minutes })),
        all,
      ];
    }
    default:
      return [all];
  }
}
