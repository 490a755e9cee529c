import type { Sandbox } from '../../index.ts';
import { withJobs } from '../jobs.ts';
import { playOperations } from '../operations-story.ts';
import { bootstrap, playPlatform, RELEASES, storyScenario } from '../platform-story.ts';
import { playPreviewLife } from '../preview-story.ts';
import { type DemoScenario, environments, type Stage } from '../stage.ts';

/** At this scale, the scenarios of a whole environment take about as long as the actions themselves. */
const TIME_SCALE = 2000;

/** The default scenario of `npm run demo`. */
export const platform: DemoScenario = {
  about:
    'Three accounts, four services, one platform.yml. Environments are planned, approved and applied; a release is promoted from dev to prod by digest; a broken release is rolled back; an operator rolls prod back.',
  sandbox: storyScenario,
  timeScale: TIME_SCALE,
  play: (stage, sandbox) => playPlatform(stage, needed(sandbox)),
};

export const preview: DemoScenario = {
  about:
    'The preview of a pull request is deployed, updated, removed, deployed again, and removed by a nightly clean-up.',
  sandbox: storyScenario,
  timeScale: TIME_SCALE,
  async play(stage, sandbox) {
    await createDev(stage, needed(sandbox));
    await playPreviewLife(stage, needed(sandbox));
  },
};

export const operations: DemoScenario = {
  about:
    'Operations on an existing environment: checks, a restart, a changed parameter, large templates, drift, status and destroy.',
  sandbox: storyScenario,
  timeScale: TIME_SCALE,
  async play(stage, sandbox) {
    await createDev(stage, needed(sandbox));
    await playOperations(stage, needed(sandbox));
  },
};

async function createDev(stage: Stage, sandbox: Sandbox): Promise<void> {
  const dev = environments.slice(0, 1);
  await withJobs(stage, sandbox, RELEASES[0], async (jobs) => {
    await bootstrap(jobs, dev);
    stage.heading('Create dev');
    for (const environment of dev) await jobs.planAndApply(environment);
  });
}

function needed(sandbox: Sandbox | undefined): Sandbox {
  if (!sandbox) throw new Error('This scenario needs the sandbox. Fix: run it without --endpoint.');
  return sandbox;
}
