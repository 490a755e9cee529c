import { allLayers } from './scenarios/all-layers.ts';
import { blockedReplacement } from './scenarios/blocked-replacement.ts';
import { cancelledJob } from './scenarios/cancelled-job.ts';
import { failedCreate } from './scenarios/failed-create.ts';
import { operations, platform, preview } from './scenarios/platform.ts';
import { realTasks } from './scenarios/real-tasks.ts';
import { throttling } from './scenarios/throttling.ts';
import type { DemoScenario } from './stage.ts';
import { layers } from './story.ts';

/** The scenarios of `npm run demo -- --scenario NAME`; the first is the default. */
export const scenarios: Readonly<Record<string, DemoScenario>> = {
  platform,
  'failed-create': failedCreate,
  'blocked-replacement': blockedReplacement,
  throttling,
  'cancelled-job': cancelledJob,
  preview,
  operations,
  layers,
  'all-layers': allLayers,
  'real-tasks': realTasks,
};
