import type { Sandbox, Scenario } from '../index.ts';
import { type Commit, type Jobs, READS, withJobs } from './jobs.ts';
import { playPreview, PULL_REQUEST_COMMITS } from './preview-story.ts';
import { environments, type Environment, type Stage } from './stage.ts';
import { layer } from './story.ts';
import { imageDigest } from './workspace.ts';

const [dev, staging, prod] = environments as [Environment, Environment, Environment];

const ALL = ['user-service', 'product-service', 'order-service', 'frontend'];

/** The releases of the scenario. */
export const RELEASES = [
  { sha: '1f0c2b9e4d7a8365c1e0b2f49d6a7c8353e1f0a2', message: 'Start the shop', version: 1, services: ALL },
  {
    sha: '2a91d3c7e5f604b8a92c1d7e3f5b6a0c4d8e9f17',
    message: 'Add a search by name',
    version: 2,
    services: ALL,
  },
  {
    sha: '3c48e6a1b9d2f7053e8c4a6b1d9f2e7035ac48d6',
    message: 'Charge orders in the currency of the customer',
    version: 3,
    services: ['order-service'],
  },
] as const satisfies readonly Commit[];

const INFRASTRUCTURE = 'vpc,security,registry,aurora-serverless,cluster,monitoring,cost';

/** The soak time of prod in platform.yml. */
const SOAK = '1h';

/** The sandbox's scenario: release 3 fails in staging, and the quotas of a new account have been raised. */
export const storyScenario: Scenario = {
  ecs: {
    rules: [
      {
        match: { cluster: `${staging.name}-platform`, image: imageDigest('order-service', 3), oneOff: false },
        does: 'exit',
        logs: ['error: column orders.currency does not exist'],
      },
    ],
  },
  quotas: { 'L-3032A538': 100, 'L-36FBB829': 100 },
  github: {
    branches: [{ name: 'main', protection: 'ruleset' }],
    environments: environments.map(({ name }) => ({
      name,
      branches: ['main'],
      ...(name !== 'dev' && { reviewers: ['octocat'] }),
    })),
    commits: [
      ...RELEASES.map(({ sha, message, services }) => ({ sha, message, files: services.map(sourceOf) })),
      ...PULL_REQUEST_COMMITS.map(({ sha, message, services }) => ({
        sha,
        message,
        files: services.map(sourceOf),
      })),
    ],
  },
};

function sourceOf(service: string): string {
  return `services/${service}/src/app.ts`;
}

/**
 * A new platform: trust, three environments, a release that reaches production, one that fails in staging, and a
 * rollback. Each step is a job with the identity that its workflow would give it.
 */
export async function playPlatform(stage: Stage, sandbox: Sandbox): Promise<void> {
  await withJobs(stage, sandbox, RELEASES[0], async (jobs) => {
    await bootstrap(jobs, environments);
    await createEnvironments(jobs);
  });
  await stage.parallel(
    (main) => playReleases(main, sandbox),
    (beside) => playPreview(beside, sandbox),
  );
}

/** An administrator creates the OIDC provider, the roles and a permissions boundary, once in each account. */
export async function bootstrap({ stage, workspace }: Jobs, of: readonly Environment[]): Promise<void> {
  stage.heading(
    'Bootstrap: an administrator creates the roles that GitHub jobs assume, once in each account',
  );
  await Promise.all(
    of.map(async (environment) => {
      for (const stack of workspace.manualStacks(environment.name)) {
        await stage.play({
          title: `Create the ${stack} stack`,
          environment,
          inputs: layer(environment, stack, stack === 'bootstrap' ? promotesTo(environment) : {}),
          workspace: workspace.folder,
          expect: 'created',
        });
      }
    }),
  );
}

/** The jobs of the next environment read the running images of this one. */
function promotesTo({ name }: Environment): Record<string, string> {
  const next = environments[environments.findIndex((environment) => environment.name === name) + 1];
  return next ? { PromotesTo: next.name } : {};
}

async function createEnvironments(jobs: Jobs): Promise<void> {
  jobs.stage.heading(
    'Release 1: create the environments. A plan of all stacks is approved, then exactly that plan is applied',
  );
  await Promise.all([
    createDev(jobs),
    // Dev has no release to promote yet, so only the infrastructure is created.
    ...[staging, prod].map((environment) =>
      jobs.planAndApply(environment, { inputs: { stacks: INFRASTRUCTURE } }),
    ),
  ]);
}

async function createDev(jobs: Jobs): Promise<void> {
  await jobs.deployEnvironment({
    title: 'Check the account and the repository',
    environment: dev,
    inputs: { command: 'doctor' },
    expect: 'ready',
    job: READS,
  });
  await jobs.planAndApply(dev, { milestone: 'deployed' });
}

/** Three releases. The next one is deployed to dev while the previous one is still being promoted to prod. */
async function playReleases(stage: Stage, sandbox: Sandbox): Promise<void> {
  await withJobs(stage, sandbox, RELEASES[0], (jobs) => createServices(jobs, staging, dev));
  await stage.parallel(
    (main) => withJobs(main, sandbox, RELEASES[0], (jobs) => createServices(jobs, prod, staging)),
    (next) => withJobs(next, sandbox, RELEASES[1], startSecondRelease),
  );
  await withJobs(stage, sandbox, RELEASES[1], (jobs) => promote(jobs, staging));
  await stage.parallel(
    (main) => withJobs(main, sandbox, RELEASES[1], promoteToProd),
    (next) => withJobs(next, sandbox, RELEASES[2], startThirdRelease),
  );
  await withJobs(stage, sandbox, RELEASES[2], failInStaging);
  await withJobs(stage, sandbox, RELEASES[1], rollBack);
}

/** Creates the services of an environment with the images of its upstream environment. */
async function createServices(jobs: Jobs, environment: Environment, upstream: Environment): Promise<void> {
  await jobs.deployEnvironment({
    title: `Create the services with the images of ${upstream.name}`,
    environment,
    inputs: { services: ALL.join(',') },
    expect: 'deployed',
    milestone: 'deployed',
  });
}

async function startSecondRelease(jobs: Jobs): Promise<void> {
  jobs.stage.heading('Release 2: built once, deployed to dev, promoted to staging and prod by digest');
  await deployToDev(jobs, RELEASES[1]);
}

async function promoteToProd(jobs: Jobs): Promise<void> {
  await jobs.promoteEnvironment({
    title: 'Promote before the soak time has passed',
    environment: prod,
    inputs: { soak: SOAK },
    expect: 'blocked',
    milestone: 'blocked: soak time',
    note: `A soak time is how long a release must run in one environment before it may be promoted to the next. platform.yml requires ${SOAK} in staging before prod. The demo does not wait that long: its copy of platform.yml has 0s, and only this step uses ${SOAK}.`,
  });
  await promote(jobs, prod);
}

async function startThirdRelease(jobs: Jobs): Promise<void> {
  jobs.stage.heading('Release 3: fails in staging and is rolled back; it never reaches prod');
  await deployToDev(jobs, RELEASES[2]);
}

async function failInStaging(jobs: Jobs): Promise<void> {
  await jobs.promoteEnvironment({
    title: 'Promote a release whose order-service exits',
    environment: staging,
    inputs: {},
    expect: 'rolled-back',
    milestone: 'failed, rolled back',
  });
}

async function rollBack(jobs: Jobs): Promise<void> {
  jobs.stage.heading('Rollback: prod returns to release 1 and is put on hold');
  await jobs.promoteEnvironment({
    title: 'Roll back to the previous release',
    environment: prod,
    inputs: { command: 'rollback', reason: 'Orders are slow' },
    expect: 'restored',
    milestone: 'rolled back to release 1',
  });
  await jobs.promoteEnvironment({
    title: 'Promote while prod is on hold',
    environment: prod,
    inputs: {},
    expect: 'held',
    milestone: 'promotion refused: on hold',
  });
  await jobs.promoteEnvironment({
    title: 'Release the hold',
    environment: prod,
    inputs: { command: 'release-hold' },
    expect: 'hold-released',
    milestone: 'hold released',
  });
  await jobs.promoteEnvironment({
    title: 'Report what is running',
    environment: prod,
    inputs: { command: 'status' },
    expect: 'reported',
    job: READS,
  });
}

async function deployToDev(jobs: Jobs, commit: Commit): Promise<void> {
  jobs.checkOut(commit);
  await jobs.deployEnvironment({
    title: 'Deploy the commit',
    environment: dev,
    inputs: { command: 'deploy', services: commit.services.join(',') },
    expect: 'deployed',
    milestone: 'deployed',
  });
}

async function promote(jobs: Jobs, environment: Environment): Promise<void> {
  const planned = await jobs.promoteEnvironment({
    title: 'Plan the promotion',
    environment,
    inputs: { 'dry-run': 'true' },
    expect: 'planned',
    job: READS,
  });
  if (!planned.asExpected) return;
  const { images = '' } = planned.run.outputs;
  jobs.stage.say(`Approved for ${environment.name}: ${Object.keys(JSON.parse(images) as object).join(', ')}`);
  await jobs.promoteEnvironment({
    title: 'Promote the approved images',
    environment,
    inputs: { images },
    expect: 'promoted',
    milestone: 'promoted',
  });
}
