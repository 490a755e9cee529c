import { gitHubState } from '../github/state.ts';
import type { Sandbox } from '../index.ts';
import { type Commit, type Jobs, roleOf, withJobs } from './jobs.ts';
import { environments, type Environment, type Stage } from './stage.ts';

const [dev] = environments as [Environment];

const PULL_REQUEST = 7;
const SERVICES = ['user-service', 'product-service', 'order-service', 'frontend'];

/** The commits of the pull request. */
export const PULL_REQUEST_COMMITS = [
  {
    sha: '4d75f8b0c3e1a6925d7f4b8c0e3a1f6920bd75f8',
    message: 'Show the stock of a product',
    version: 4,
    services: SERVICES,
  },
  {
    sha: '5e86a9c1d4f2b7036e8a5c9d1f4b2a7031ce86a9',
    message: 'Round the stock',
    version: 5,
    services: SERVICES,
  },
] as const satisfies readonly Commit[];

/** The preview of a pull request: deployed when the pull request is opened, removed when it is closed. */
export async function playPreview(stage: Stage, sandbox: Sandbox): Promise<void> {
  await withJobs(stage, sandbox, PULL_REQUEST_COMMITS[0], async (jobs) => {
    const pull = pullRequest(sandbox);
    stage.heading('Pull request 7: its preview is deployed, and removed when the pull request is closed');
    pull.sha = PULL_REQUEST_COMMITS[0].sha;
    await deploy(jobs, 'Deploy the preview');
    pull.state = 'closed';
    await cleanUp(jobs, 'remove', 'Remove the preview of the closed pull request');
  });
}

/** More events in the life of a preview: another commit, a reopened pull request, a clean-up job that never ran. */
export async function playPreviewLife(stage: Stage, sandbox: Sandbox): Promise<void> {
  await withJobs(stage, sandbox, PULL_REQUEST_COMMITS[0], async (jobs) => {
    const pull = pullRequest(sandbox);
    stage.heading('A preview follows its pull request');
    pull.state = 'open';
    pull.sha = PULL_REQUEST_COMMITS[0].sha;
    await deploy(jobs, 'Deploy the preview');
    jobs.checkOut(PULL_REQUEST_COMMITS[1]);
    pull.sha = PULL_REQUEST_COMMITS[1].sha;
    await deploy(jobs, 'Update the preview after a push');
    pull.state = 'closed';
    await cleanUp(jobs, 'remove', 'Remove the preview of the closed pull request');
    pull.state = 'open';
    await deploy(jobs, 'Deploy the preview of the reopened pull request');
    pull.state = 'closed';
    stage.say('The pull request is closed, but its clean-up job never runs.');
    await cleanUp(jobs, 'sweep', 'Remove the previews of closed pull requests');
  });
}

async function deploy(jobs: Jobs, title: string): Promise<void> {
  const job = { environment: 'preview', pullRequest: PULL_REQUEST };
  const role = roleOf(dev, 'preview');
  const built = await jobs.deployEnvironment({
    title: 'Build the images of the pull request',
    environment: dev,
    inputs: { command: 'build', 'role-to-assume': role },
    expect: 'built',
    job,
  });
  await jobs.play({
    title,
    action: 'preview-environment',
    environment: dev,
    job,
    inputs: {
      command: 'deploy',
      images: built.run.outputs['images'] ?? '',
      'aws-region': 'eu-west-1',
      'role-to-assume': role,
      'role-arn': roleOf(dev, 'preview-execution'),
    },
    expect: 'deployed',
  });
}

async function cleanUp(jobs: Jobs, command: 'remove' | 'sweep', title: string): Promise<void> {
  await jobs.play({
    title,
    action: 'preview-environment',
    environment: dev,
    job: { environment: 'preview-cleanup', ...(command === 'remove' && { pullRequest: PULL_REQUEST }) },
    inputs: {
      command,
      'aws-region': 'eu-west-1',
      'role-to-assume': roleOf(dev, 'preview-cleanup'),
      'role-arn': roleOf(dev, 'preview-execution'),
    },
    expect: command === 'remove' ? 'removed' : 'swept',
  });
}

function pullRequest(sandbox: Sandbox): { sha: string; state: 'open' | 'closed' } {
  const pull = gitHubState(sandbox.world).pull(PULL_REQUEST);
  if (!pull) throw new Error(`there is no pull request ${PULL_REQUEST}`);
  return pull;
}
