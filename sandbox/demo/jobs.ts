import type { Sandbox } from '../index.ts';
import type { Environment, Played, Stage } from './stage.ts';
import type { Workspace } from './workspace.ts';

/** What a workflow says of a job: who may take which role follows from it. */
export interface Job {
  /** The GitHub environment. A job that only reads has none: nobody approves it, and its role only reads. */
  environment?: string;
  /** The number of the pull request whose event started the run; else, it was a push to main. */
  pullRequest?: number;
}

export interface JobStep {
  title: string;
  action: string;
  /** Where it happens. */
  environment: Environment;
  job: Job;
  inputs: Record<string, string>;
  expect: string;
}

/** Plays the steps of jobs that have no keys of AWS: each has its identity token, as on GitHub. */
export class Jobs {
  commit: string;
  readonly #stage: Stage;
  readonly #sandbox: Sandbox;
  readonly #workspace: Workspace;

  constructor(stage: Stage, sandbox: Sandbox, workspace: Workspace, commit: string) {
    this.#stage = stage;
    this.#sandbox = sandbox;
    this.#workspace = workspace;
    this.commit = commit;
  }

  play({ job, ...step }: JobStep): Promise<Played> {
    return this.#stage.play({
      ...step,
      env: this.#environmentOf(job),
      workspace: this.#workspace.folder,
      ...(job.pullRequest !== undefined && { event: this.#pullRequest(job.pullRequest) }),
    });
  }

  #environmentOf({ environment, pullRequest }: Job): Record<string, string> {
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
      ...this.#sandbox.jobEnv({ permissions, claims }),
      AWS_ACCESS_KEY_ID: '',
      AWS_SECRET_ACCESS_KEY: '',
      AWS_SESSION_TOKEN: '',
      GITHUB_EVENT_NAME: event,
      GITHUB_REF: ref,
      GITHUB_SHA: this.commit,
    };
  }

  #pullRequest(number: number): object {
    const head = { sha: this.commit, repo: { full_name: this.#sandbox.env()['GITHUB_REPOSITORY'] } };
    return { action: 'synchronize', pull_request: { number, head } };
  }
}
