import type { Sandbox } from '../index.ts';
import type { Environment, Played, Stage, Step } from './stage.ts';
import { Workspace } from './workspace.ts';

/** The properties of a job that determine which role it may assume. */
export interface Job {
  /** The GitHub environment. A read-only job has none: it needs no approval and assumes a read-only role. */
  environment?: string;
  /** The number of the pull request that triggered the run; undefined for a push to main. */
  pullRequest?: number;
}

/** A job without a GitHub environment: it needs no approval and assumes a read-only role. */
export const READS: Job = {};

export interface JobStep extends Pick<
  Step,
  'title' | 'environment' | 'inputs' | 'expect' | 'note' | 'milestone'
> {
  action: string;
  /** Default: a job in the GitHub environment of the same name. */
  job?: Job;
}

/** A commit of the scenario, and the services that it changes. */
export interface Commit {
  sha: string;
  message: string;
  /** The version of the images built from it. */
  version: number;
  services: readonly string[];
}

/** Runs the steps of jobs without AWS keys: each has its own identity token and checkout, as on GitHub. */
export class Jobs {
  readonly workspace = new Workspace();
  readonly stage: Stage;
  readonly sandbox: Sandbox;
  #commit: Commit;

  constructor(stage: Stage, sandbox: Sandbox, commit: Commit) {
    this.stage = stage;
    this.sandbox = sandbox;
    this.#commit = commit;
    this.checkOut(commit);
  }

  checkOut(commit: Commit): void {
    this.workspace.checkOut(commit.version, commit.services);
    this.#commit = commit;
  }

  play({ job, ...step }: JobStep): Promise<Played> {
    const ofStep = job ?? { environment: step.environment.name };
    return this.stage.play({
      ...step,
      commit: this.#commit,
      env: this.#variables(ofStep),
      workspace: this.workspace.folder,
      ...(ofStep.pullRequest !== undefined && { event: this.#pullRequestEvent(ofStep.pullRequest) }),
    });
  }

  deployEnvironment(step: Omit<JobStep, 'action'>): Promise<Played> {
    const inputs = { environment: step.environment.name, ...step.inputs };
    return this.play({ ...step, action: 'deploy-environment', inputs });
  }

  promoteEnvironment(step: Omit<JobStep, 'action'>): Promise<Played> {
    const inputs = { to: step.environment.name, ...step.inputs };
    return this.play({ ...step, action: 'promote-environment', inputs });
  }

  /** Plans an environment, then applies exactly that plan. */
  async planAndApply(
    environment: Environment,
    { inputs = {}, milestone }: { inputs?: Record<string, string>; milestone?: string } = {},
  ): Promise<void> {
    const planned = await this.deployEnvironment({
      title: 'Plan the environment',
      environment,
      inputs: { command: 'plan', ...inputs },
      expect: 'planned',
      job: READS,
    });
    const { plan = '', fingerprint = '' } = planned.run.outputs;
    if (!planned.asExpected) return;
    this.stage.say(`Approved for ${environment.name}: plan ${fingerprint.slice(0, 15)}…`);
    await this.deployEnvironment({
      title: 'Apply the approved plan',
      environment,
      inputs: { command: 'apply', plan, fingerprint, ...inputs },
      expect: 'deployed',
      ...(milestone !== undefined && { milestone }),
    });
  }

  #variables({ environment, pullRequest }: Job): Record<string, string> {
    const permissions = {
      actions: 'read',
      contents: 'read',
      deployments: 'write',
      'id-token': 'write',
      'pull-requests': 'write',
    } as const;
    const event = pullRequest === undefined ? 'push' : 'pull_request';
    const ref = pullRequest === undefined ? 'refs/heads/main' : `refs/pull/${pullRequest}/merge`;
    const claims = { event_name: event, ref, ...(environment !== undefined && { environment }) };
    return {
      ...this.sandbox.jobEnv({ permissions, claims }),
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_SESSION_TOKEN: '',
      GITHUB_EVENT_NAME: event,
      GITHUB_REF: ref,
      GITHUB_SHA: this.#commit.sha,
    };
  }

  #pullRequestEvent(number: number): object {
    const head = { sha: this.#commit.sha, repo: { full_name: this.sandbox.env()['GITHUB_REPOSITORY'] } };
    return { action: 'synchronize', pull_request: { number, head } };
  }
}

/** Runs the work in its own checkout, which is removed afterwards. */
export async function withJobs(
  stage: Stage,
  sandbox: Sandbox,
  commit: Commit,
  work: (jobs: Jobs) => Promise<void>,
): Promise<void> {
  const jobs = new Jobs(stage, sandbox, commit);
  try {
    await work(jobs);
  } finally {
    jobs.workspace.remove();
  }
}

export function roleOf({ name, account }: Environment, role: string): string {
  return `arn:aws:iam::${account}:role/platform-${name}-${role}`;
}
