import type { Sandbox } from '../index.ts';
import { environments, type Environment, type Played, type Stage } from './stage.ts';
import { layer } from './story.ts';
import type { Workspace } from './workspace.ts';

const [dev, staging, prod] = environments as [Environment, Environment, Environment];

/** The commits of the story: the first release, a good change, and one whose order-service cannot start. */
const COMMITS = ['a', 'b', 'c'].map((letter) => letter.repeat(40));

const INFRASTRUCTURE = 'vpc,security,registry,aurora-serverless,cluster,monitoring,cost';

/** The version that fails in staging, and how. */
export const BROKEN = { version: 3, service: 'order-service', environment: staging.name };

/** What only looks has a job without a GitHub environment, which nobody approves, and a role that only reads. */
type Kind = 'look' | 'change';

/**
 * A platform's first day: trust, three environments, a release promoted to production, one that fails on its way
 * and goes back, a rollback, and the hold that it leaves.
 */
export class PlatformStory {
  readonly #stage: Stage;
  readonly #sandbox: Sandbox;
  readonly #workspace: Workspace;
  #commit = COMMITS[0] ?? '';

  constructor(stage: Stage, sandbox: Sandbox, workspace: Workspace) {
    this.#stage = stage;
    this.#sandbox = sandbox;
    this.#workspace = workspace;
  }

  async tell(): Promise<void> {
    const stage = this.#stage;
    stage.heading('Once for each account, an administrator: trust in GitHub, roles, a boundary');
    await Promise.all(environments.map((environment) => this.#bootstrap(environment)));

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
    await this.#promotion(prod, { command: 'status' }, 'what runs where', 'reported', 'look');
  }

  #checkOut(version: number, services?: readonly string[]): void {
    this.#workspace.checkOut(version, services);
    this.#commit = COMMITS[version - 1] ?? '';
  }

  async #bootstrap(environment: Environment): Promise<void> {
    await this.#stage.play({
      title: `bootstrap ${environment.name}`,
      environment,
      inputs: layer(environment, 'bootstrap'),
      workspace: this.#workspace.folder,
      expect: 'created',
    });
  }

  async #planApproveApply(environment: Environment, what: Record<string, string>): Promise<void> {
    const { name } = environment;
    const planned = await this.#run(
      environment,
      `plan ${name}`,
      'planned',
      { command: 'plan', ...what },
      'look',
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
    const planned = await this.#promotion(to, { 'dry-run': 'true' }, `plan: ${title}`, 'planned', 'look');
    if (!planned.asExpected) return;
    const { images = '' } = planned.run.outputs;
    this.#stage.say(`  approved: ${Object.keys(JSON.parse(images) as object).join(', ')}`);
    await this.#promotion(to, { images }, title, 'promoted');
  }

  #promotion(
    environment: Environment,
    inputs: Record<string, string>,
    title: string,
    expect: string,
    kind: Kind = 'change',
  ): Promise<Played> {
    return this.#stage.play({
      title,
      environment,
      action: 'promote-environment',
      inputs: { to: environment.name, ...inputs },
      env: this.#job(kind === 'change' ? environment.name : undefined),
      workspace: this.#workspace.folder,
      expect,
    });
  }

  #run(
    environment: Environment,
    title: string,
    expect: string,
    inputs: Record<string, string>,
    kind: Kind = 'change',
  ): Promise<Played> {
    return this.#stage.play({
      title,
      environment,
      action: 'deploy-environment',
      inputs: { environment: environment.name, ...inputs },
      env: this.#job(kind === 'change' ? environment.name : undefined),
      workspace: this.#workspace.folder,
      expect,
    });
  }

  /** A job without keys: it has its identity token, as on GitHub. */
  #job(environment: string | undefined): Record<string, string> {
    const permissions = { contents: 'read', deployments: 'write', 'id-token': 'write' } as const;
    const claims = environment === undefined ? {} : { environment };
    return {
      ...this.#sandbox.jobEnv({ permissions, claims }),
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_SESSION_TOKEN: '',
      GITHUB_SHA: this.#commit,
    };
  }
}
