import { allLayers } from './scenarios/all-layers.ts';
import { blockedReplacement } from './scenarios/blocked-replacement.ts';
import { cancelledJob } from './scenarios/cancelled-job.ts';
import { failedCreate } from './scenarios/failed-create.ts';
import { realTasks } from './scenarios/real-tasks.ts';
import { throttling } from './scenarios/throttling.ts';
import type { DemoScenario } from './stage.ts';

/** What `npm run demo -- --scenario NAME` can play. */
export const scenarios: Readonly<Record<string, DemoScenario>> = {
  'failed-create': failedCreate,
  'blocked-replacement': blockedReplacement,
  throttling,
  'cancelled-job': cancelledJob,
  'all-layers': allLayers,
  'real-tasks': realTasks,
};
