import { getOctokit } from '@actions/github';
import { gitHubState } from '../../../sandbox/github/state.ts';
import { startSandbox, type Sandbox, type SandboxOptions } from '../../../sandbox/index.ts';
import { ACCOUNTS, type EnvironmentName, Shop } from '../../workflows/scenarios/shop.ts';
import { GITHUB } from '../../workflows/scenarios/stage.ts';
import { CALLERS } from '../../workflows/workflow.ts';
import type { Event } from '../../workflows/rehearsal/run.ts';
import { deployEnvironment } from '../environment.ts';
import type { Act, ActStage } from './act.ts';
import type { ActReport } from './report.ts';

/** The repository in the sandbox's GitHub. */
export const REPOSITORY = { owner: 'org', repo: 'platform' } as const;
export const FIRST = 'a'.repeat(40);

/** A service team: its repository of the platform, in three accounts, and what it does with the callers. */
export class Team {
  readonly act: Act;
  readonly sandbox: Sandbox;
  readonly shop: Shop;
  readonly stage: ActStage;

  private constructor(act: Act, sandbox: Sandbox, repository: string) {
    this.act = act;
    this.sandbox = sandbox;
    this.shop = new Shop(sandbox, repository);
    this.stage = { sandbox, repository };
  }

  /** @param repository an empty folder. */
  static async start(act: Act, repository: string, options: SandboxOptions = {}): Promise<Team> {
    const { scenario } = options;
    const sandbox = await startSandbox({
      timeScale: 1000,
      accounts: Object.values(ACCOUNTS),
      ...options,
      scenario: { github: GITHUB, ...(typeof scenario === 'object' && scenario) },
    });
    return new Team(act, sandbox, repository);
  }

  /** Deploys without act. */
  async deploy(environment: EnvironmentName, sha = FIRST): Promise<void> {
    const inputs = { command: 'deploy', environment };
    const options = { workspace: this.shop.folder, env: { GITHUB_SHA: sha } };
    const made = await deployEnvironment(this.sandbox, inputs, options);
    if (made.exitCode !== 0) throw new Error(made.log);
  }

  /** Dispatches a workflow through GitHub's API. */
  async dispatch(name: string, inputs: Record<string, string>, sha = FIRST): Promise<ActReport> {
    const { rest } = getOctokit(this.sandbox.tokens.user, { baseUrl: this.sandbox.githubUrl });
    const { data } = await rest.actions.createWorkflowDispatch({
      ...REPOSITORY,
      ...{ workflow_id: `${name}.yml`, ref: 'main', inputs, return_run_details: true },
    });
    const run = gitHubState(this.sandbox.world).run((data as { workflow_run_id: number }).workflow_run_id);
    if (!run) throw new Error(`the run of ${name} was not found`);
    run.sha = sha;
    const event = { name: run.event, sha, inputs: { ...run.inputs } };
    return await this.act.begin(this.stage, `${CALLERS}/${name}.yml`, event, run).finished;
  }

  /** Pushes a commit whose SHA is a digit repeated 40 times. */
  async push(digit: string): Promise<ActReport> {
    return await this.act.play(this.stage, `${CALLERS}/pipeline.yml`, {
      name: 'push',
      sha: digit.repeat(40),
    });
  }

  /** Runs a scheduled workflow. */
  async night(name: string): Promise<ActReport> {
    return await this.act.play(this.stage, `${CALLERS}/${name}.yml`, { name: 'schedule' });
  }
}

/** The event of a pull request from the repository itself, or from a fork. */
export function pullRequest(
  number: number,
  action: string,
  { sha, base = 'c'.repeat(40), fork = false }: { sha: string; base?: string; fork?: boolean },
): Event {
  const repo = fork ? 'someone/fork' : `${REPOSITORY.owner}/${REPOSITORY.repo}`;
  const pull_request = {
    number,
    head: { ref: 'topic', sha, repo: { full_name: repo, fork } },
    base: { ref: 'main', sha: base },
  };
  return {
    name: 'pull_request',
    sha,
    ref: `refs/pull/${number}/merge`,
    payload: { action, pull_request },
  };
}
