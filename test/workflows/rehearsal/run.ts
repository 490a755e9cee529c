import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/github/state.ts';
import type { Permissions, WorkflowFile } from '../workflow.ts';
import type { ConcurrencyGroups } from './concurrency.ts';
import type { Contexts } from './expressions.ts';
import type { JobReport, Result } from './report.ts';
import type { Runner } from './runner.ts';

/** The event that started a run. */
export interface Event {
  name: string;
  ref?: string;
  sha?: string;
  actor?: string;
  /** Who requested a re-run. */
  triggeringActor?: string;
  /** The value of `github.event`. */
  payload?: Record<string, unknown>;
  /** For a workflow_dispatch. */
  inputs?: Record<string, unknown>;
}

/** A reviewer of a run that waits for an environment, with a GitHub token. */
export interface Reviewer {
  token: string;
  review: (environment: string, run: Run) => Promise<'approved' | 'rejected'>;
}

export interface Stage {
  sandbox: Sandbox;
  /** The repository's files, which a checkout provides. */
  repository: string;
  /** Branches and tags that a checkout may use, with the files of their commits. */
  refs?: Record<string, { sha: string; repository: string }>;
  reviewer?: Reviewer;
  secrets?: Record<string, string>;
  vars?: Record<string, string>;
  /** Additional actions that are not run, by name or by path in this repository. */
  standIns?: Record<string, StandIn>;
  /** Reusable workflows defined in a test, by path. */
  workflows?: Record<string, WorkflowFile>;
  /** The environment variables of every runner. */
  env?: Record<string, string>;
  /** Resolves when a runner takes a queued job. If absent, immediately. */
  pickUp?: (job: string, run: Run) => Promise<unknown>;
  /** If absent, there is one for every job. */
  runners?: readonly Runner[];
  /** The Node.js that the runner provides for actions. */
  node: readonly [string, ...string[]];
  open: OpenRules;
}

/**
 * Questions that GitHub's documentation leaves open, and on which reports contradict each other. Workflows are played
 * with each alternative.
 */
export interface OpenRules {
  /**
   * The result of a called workflow in which some jobs succeeded and the others were skipped.
   *
   * @see https://github.com/github/docs/issues/30296
   */
  partlySkipped: 'success' | 'skipped';
  /**
   * Whether the jobs of a called workflow also depend on the dependencies of the calling job. "The jobs are skipped
   * when using reusable workflows containing multiple jobs even though I used every mix of previously mentioned fixes."
   *
   * @see https://github.com/actions/runner/issues/2205
   */
  standsOnCaller: boolean;
}

/** A step with a third-party action, and its environment. */
export interface ThirdPartyStep {
  stage: Stage;
  /** The job's folder. */
  workspace: string;
  /** The commit of the run. */
  sha: string;
  inputs: Readonly<Record<string, string>>;
}

/** What a step leaves for later ones. */
export interface ThirdPartyRun {
  exitCode?: number;
  timedOut?: boolean;
  outputs?: Record<string, string>;
  env?: Record<string, string>;
}

/** Plays an action. */
export type StandIn = (step: ThirdPartyStep) => ThirdPartyRun;

/** A run of a workflow, as all of its jobs see it. */
export interface Running {
  stage: Stage;
  groups: ConcurrencyGroups;
  run: Run;
  event: Event & { payload: Record<string, unknown> };
  /** The workflow that the event started. Its name is `github.workflow`, even in called ones. */
  file: WorkflowFile;
  jobs: Record<string, JobReport>;
  /** The jobs of the previous attempt. This one re-runs those that did not succeed. */
  earlier: Record<string, JobReport>;
}

/** The position in a run: in the workflow itself, or in one that a job calls. */
export interface Scope {
  running: Running;
  file: WorkflowFile;
  /** The `job_workflow_ref` of its jobs' tokens, see workflow-ref.ts. */
  workflowRef: string;
  inputs: Record<string, unknown>;
  secrets: Record<string, string>;
  /** The permissions of the calling job, or undefined at the top. */
  allowed: Permissions | undefined;
  /** `caller / `, the prefix of the names of jobs. */
  prefix: string;
  /** See GraphRules. */
  above: readonly Result[];
  again: boolean;
  signal: AbortSignal;
}

/** Whether the event is that of a pull request from another repository, which gets no secrets. */
export function fromFork({ event, stage }: Running): boolean {
  const pull = event.payload['pull_request'] as { head?: { repo?: { full_name?: string } } } | undefined;
  if (!pull) return false;
  return pull.head?.repo?.full_name !== stage.sandbox.env()['GITHUB_REPOSITORY'];
}

/** The contexts that all jobs of a scope share. `github` is the caller's, even in a called workflow. */
export function sharedContexts({ running, inputs, secrets }: Scope): Contexts {
  const { event, run, stage, file } = running;
  const repository = stage.sandbox.env()['GITHUB_REPOSITORY'] ?? '';
  const pull = event.payload['pull_request'] as
    | { head?: { ref?: string }; base?: { ref?: string } }
    | undefined;
  const ref = event.ref ?? 'refs/heads/main';
  return {
    github: {
      event: event.payload,
      event_name: event.name,
      ref,
      ref_name: ref.replace(/^refs\/(heads|tags)\//, ''),
      head_ref: pull?.head?.ref ?? '',
      base_ref: pull?.base?.ref ?? '',
      sha: run.sha,
      actor: run.actor.login,
      triggering_actor: run.triggeringActor.login,
      repository,
      repository_owner: repository.split('/')[0],
      run_id: String(run.id),
      run_number: String(run.number),
      run_attempt: String(run.attempt),
      workflow: file.workflow.name ?? file.path,
      workflow_ref: `${repository}/${file.path}@${ref}`,
      server_url: stage.sandbox.githubUrl,
      api_url: stage.sandbox.githubUrl,
    },
    inputs,
    secrets,
    vars: stage.vars ?? {},
  };
}
