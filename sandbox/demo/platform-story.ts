import { gitHubState } from '../github/state.ts';
import type { Sandbox, Scenario } from '../index.ts';
import { Jobs, type Job } from './jobs.ts';
import { environments, type Environment, type Played, type Stage } from './stage.ts';
import { layer } from './story.ts';
import type { Workspace } from './workspace.ts';

const [dev, staging, prod] = environments as [Environment, Environment, Environment];

/** The commits of the story: the first release, a good change, one whose order-service cannot start, a pull request. */
const COMMITS = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(40));

const INFRASTRUCTURE = 'vpc,security,registry,aurora-serverless,cluster,monitoring,cost';

/** The version that fails in staging, and how. */
const BROKEN = { version: 3, service: 'order-service', environment: staging.name };

const PULL_REQUEST = 7;

/** What only looks has a job without a GitHub environment, which nobody approves, and a role that only reads. */
const READS: Job = {};

/** How the sandbox must behave for the story: a bad release fails, and what a new account lacks has been raised. */
export function storyScenario(workspace: Workspace): Scenario {
  const { service, version, environment } = BROKEN;
  const digest = workspace.checkOut(version, [service])[service] ?? '';
  const match = { cluster: `${environment}-platform`, image: digest, oneOff: false };
  const logs = ['Error: the column orders.currency does not exist'];
  return {
    ecs: { rules: [{ match, does: 'exit', logs }] },
    quotas: { 'L-3032A538': 100, 'L-36FBB829': 100 },
    github: {
      branches: [{ name: 'main', protection: 'ruleset' }],
      environments: environments.map(({ name }) => ({
        name,
        branches: ['main'],
        ...(name !== 'dev' && { reviewers: ['octocat'] }),
      })),
    },
  };
}

/**
 * A platform from its first day to its last: trust, three environments, a release promoted to production, one that
 * fails on its way and goes back, a rollback and the hold that it leaves, a pull request's preview, a changed layer, and
 * an environment that is taken down. Each step is a job with the identity that its workflow gives it.
 */
export class PlatformStory {
  readonly #stage: Stage;
  readonly #sandbox: Sandbox;
  readonly #workspace: Workspace;
  readonly #jobs: Jobs;
  /** The bucket for what is too large for a request, by environment. */
  readonly #buckets = new Map<string, string>();

  constructor(stage: Stage, sandbox: Sandbox, workspace: Workspace) {
    this.#stage = stage;
    this.#sandbox = sandbox;
    this.#workspace = workspace;
    this.#jobs = new Jobs(stage, sandbox, workspace, COMMITS[0] ?? '');
  }

  async tell(): Promise<void> {
    const stage = this.#stage;
    stage.heading('Once for each account, an administrator: trust in GitHub, roles, a boundary');
    await Promise.all(environments.map((environment) => this.#bootstrap(environment)));
    for (const environment of environments) await this.#doctor(environment);
    // A job that deploys may check first.
    await this.#run(dev, 'doctor of dev, by a job that may deploy', 'ready', { command: 'doctor' });

    this.#checkOut(1);
    stage.heading('Each environment: one plan of everything, approved, and exactly that applied');
    await Promise.all([
      this.#planApproveApply(dev, {}),
      // There is no release to promote yet: the infrastructure first.
      ...[staging, prod].map((environment) =>
        this.#planApproveApply(environment, { stacks: INFRASTRUCTURE }),
      ),
    ]);
    stage.heading('The services of staging and prod begin with what runs upstream');
    for (const environment of [staging, prod]) {
      const services = this.#workspace.services.join(',');
      await this.#run(environment, `services of ${environment.name}`, 'deployed', { services });
    }

    stage.heading('A new commit: deployed to dev, promoted to staging and prod by digest');
    this.#checkOut(2);
    await this.#deploy('release the second commit to dev', { services: this.#workspace.services.join(',') });
    await this.#promote(staging);
    await this.#promotion(prod, { soak: '1h' }, 'promote to prod, an hour too soon', 'blocked');
    await this.#promote(prod);

    stage.heading('A bad one: it fails in staging, and goes back by itself');
    this.#checkOut(3, [BROKEN.service]);
    await this.#deploy('release the third commit to dev', { services: BROKEN.service });
    await this.#promotion(staging, {}, 'promote to staging: a service fails', 'rolled-back');

    stage.heading('On call: prod back to its previous release, and held there');
    await this.#promotion(
      prod,
      { command: 'rollback', reason: 'Orders are slow' },
      'roll prod back',
      'restored',
    );
    await this.#promotion(prod, {}, 'promote to prod, which is on hold', 'held');
    await this.#promotion(prod, { command: 'release-hold' }, 'release the hold', 'hold-released');
    await this.#promotion(prod, { command: 'status' }, 'what runs where', 'reported', READS);
    await this.#restart();

    await this.#previewLife();
    await this.#operateAndDestroy();
  }

  #checkOut(version: number, services?: readonly string[]): void {
    this.#workspace.checkOut(version, services);
    this.#jobs.commit = COMMITS[version - 1] ?? '';
  }

  async #bootstrap(environment: Environment): Promise<void> {
    for (const stack of this.#workspace.manualStacks(environment.name)) {
      const { run } = await this.#stage.play({
        title: `${stack} of ${environment.name}`,
        environment,
        inputs: layer(environment, stack),
        workspace: this.#workspace.folder,
        expect: 'created',
      });
      const { ArtifactBucket: bucket } = run.outputs;
      if (bucket !== undefined) this.#buckets.set(environment.name, bucket);
    }
  }

  async #doctor(environment: Environment): Promise<void> {
    const inputs = { command: 'doctor' };
    await this.#run(environment, `doctor of ${environment.name}`, 'ready', inputs, READS);
  }

  async #planApproveApply(environment: Environment, what: Record<string, string>): Promise<void> {
    const { name } = environment;
    const planned = await this.#run(
      environment,
      `plan ${name}`,
      'planned',
      { command: 'plan', ...what },
      READS,
    );
    const { plan = '', fingerprint = '' } = planned.run.outputs;
    if (!planned.asExpected) return;
    this.#stage.say(`  approved for ${name}: ${fingerprint.slice(0, 15)}…`);
    const approved = { command: 'apply', plan, fingerprint, ...what };
    await this.#run(environment, `apply ${name}`, 'deployed', approved);
  }

  async #deploy(title: string, what: Record<string, string>): Promise<void> {
    await this.#run(dev, title, 'deployed', { command: 'deploy', ...what });
  }

  async #promote(to: Environment): Promise<void> {
    const title = `promote to ${to.name}`;
    const planned = await this.#promotion(to, { 'dry-run': 'true' }, `plan: ${title}`, 'planned', READS);
    if (!planned.asExpected) return;
    const { images = '' } = planned.run.outputs;
    this.#stage.say(`  approved: ${Object.keys(JSON.parse(images) as object).join(', ')}`);
    await this.#promotion(to, { images }, title, 'promoted');
  }

  async #restart(): Promise<void> {
    await this.#jobs.play({
      title: 'restart user-service in dev',
      action: 'update-service',
      environment: dev,
      job: { environment: dev.name },
      inputs: {
        command: 'restart',
        cluster: 'dev-platform',
        service: 'user-service',
        'aws-region': 'eu-west-1',
        'role-to-assume': roleOf(dev, 'deploy'),
      },
      expect: 'deployed',
    });
  }

  /** Opened, changed, closed; and one that was forgotten, which the night's sweep finds. */
  async #previewLife(): Promise<void> {
    this.#stage.heading('A pull request: its preview is deployed, updated, and removed when it is closed');
    const pull = gitHubState(this.#sandbox.world).pull(PULL_REQUEST);
    if (!pull) throw new Error(`there is no pull request ${PULL_REQUEST}`);
    this.#checkOut(4);
    pull.sha = this.#jobs.commit;
    await this.#preview('deploy', 'preview of the pull request', 'deployed');
    this.#workspace.checkOut(5);
    this.#jobs.commit = pull.sha = 'e'.repeat(40);
    await this.#preview('deploy', 'another commit of it', 'deployed');
    pull.state = 'closed';
    await this.#preview('remove', 'the pull request is closed', 'removed');
    pull.state = 'open';
    await this.#preview('deploy', 'it is opened again', 'deployed');
    pull.state = 'closed';
    await this.#preview('sweep', 'sweep what was forgotten', 'swept');
  }

  async #preview(command: 'deploy' | 'remove' | 'sweep', title: string, expect: string): Promise<void> {
    const deploys = command === 'deploy';
    const role = roleOf(dev, deploys ? 'preview' : 'preview-cleanup');
    const job: Job = {
      environment: deploys ? 'preview' : 'preview-cleanup',
      ...(command !== 'sweep' && { pullRequest: PULL_REQUEST }),
    };
    const step = { environment: dev, job };
    const built = deploys
      ? await this.#jobs.play({
          ...step,
          title: 'images of the pull request',
          action: 'deploy-environment',
          inputs: { command: 'build', environment: dev.name, 'role-to-assume': role },
          expect: 'built',
        })
      : undefined;
    await this.#jobs.play({
      ...step,
      title,
      action: 'preview-environment',
      inputs: {
        command,
        ...(built && { images: built.run.outputs['images'] ?? '' }),
        'aws-region': 'eu-west-1',
        'role-to-assume': role,
        'role-arn': roleOf(dev, 'preview-execution'),
      },
      expect,
    });
  }

  async #operateAndDestroy(): Promise<void> {
    this.#stage.heading('A changed layer, drift, and the end of an environment');
    this.#checkOut(3);
    this.#workspace.setParameter(dev.name, 'LogRetentionDays', '60');
    await this.#planApproveApply(dev, {});
    await this.#largeTemplates();
    await this.#run(dev, 'drift of dev', 'in-sync', { command: 'drift' }, READS);
    await this.#run(dev, 'status of dev', 'reported', { command: 'status' }, READS);
    await this.#run(dev, 'destroy dev', 'destroyed', { command: 'destroy', 'allow-delete': 'all' });
  }

  /** A plan may add to the bucket what its deployment runs; a template over 51,200 bytes passes through it. */
  async #largeTemplates(): Promise<void> {
    const Value = 'a template of more than 51,200 bytes';
    const Parameter = {
      Type: 'AWS::SSM::Parameter',
      Properties: { Name: '/platform/dev/large', Type: 'String', Value },
    };
    const Function = {
      Type: 'AWS::Lambda::Function',
      Properties: {
        FunctionName: 'dev-platform-packaged',
        Code: './templates/environments',
        Role: `arn:aws:iam::${dev.account}:role/dev-platform-packaged`,
        Runtime: 'nodejs24.x',
        Handler: 'index.handler',
      },
    };
    this.#workspace.writeLargeTemplate('packaged.json', { Parameter, Function });
    this.#workspace.writeLargeTemplate('large.json', { Parameter });
    await this.#deployStack('plan', 'packaged', 'planned', READS);
    await this.#deployStack('deploy', 'large', 'created', { environment: dev.name });
  }

  async #deployStack(command: 'plan' | 'deploy', name: string, expect: string, job: Job): Promise<void> {
    await this.#jobs.play({
      title: `${command} a large template: ${name}`,
      action: 'deploy-stack',
      environment: dev,
      job,
      inputs: {
        command,
        'stack-name': `dev-platform-${name}`,
        template: `${name}.json`,
        'artifact-bucket': this.#buckets.get(dev.name) ?? '',
        'aws-region': 'eu-west-1',
        'role-to-assume': roleOf(dev, command),
        'role-arn': roleOf(dev, 'execution'),
      },
      expect,
    });
  }

  #promotion(
    environment: Environment,
    inputs: Record<string, string>,
    title: string,
    expect: string,
    job: Job = { environment: environment.name },
  ): Promise<Played> {
    const action = 'promote-environment';
    return this.#jobs.play({
      title,
      action,
      environment,
      job,
      inputs: { to: environment.name, ...inputs },
      expect,
    });
  }

  #run(
    environment: Environment,
    title: string,
    expect: string,
    inputs: Record<string, string>,
    job: Job = { environment: environment.name },
  ): Promise<Played> {
    const action = 'deploy-environment';
    return this.#jobs.play({
      title,
      action,
      environment,
      job,
      inputs: { environment: environment.name, ...inputs },
      expect,
    });
  }
}

function roleOf({ name, account }: Environment, role: string): string {
  return `arn:aws:iam::${account}:role/platform-${name}-${role}`;
}
