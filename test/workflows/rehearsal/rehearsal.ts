import { accountOf, gitHubState } from '../../../sandbox/github/state.ts';
import { readWorkflow } from '../workflow.ts';
import type { WorkflowFile } from '../workflow.ts';
import { ConcurrencyGroups, Superseded } from './concurrency.ts';
import { inputsOf } from './inputs.ts';
import { readConcurrency } from './job.ts';
import { worst } from './report.ts';
import type { RunReport } from './report.ts';
import { fromFork, sharedContexts } from './run.ts';
import type { Event, OpenRules, Running, Scope, Stage } from './run.ts';
import { isRefusal, playWorkflow } from './workflow-play.ts';

/** The strictest of GitHub's undocumented alternatives. */
const STRICTEST: OpenRules = { partlySkipped: 'success', standsOnCaller: true };

export interface StartedRun {
  id: number;
  cancel: () => void;
  finished: Promise<RunReport>;
}

/**
 * Plays workflows from their files, like GitHub, against a sandbox: the actions of this repository are their committed
 * bundles, and scripts run with bash. It supports what our workflows use, and throws for everything else.
 */
export class Rehearsal {
  readonly stage: Stage;
  readonly #groups = new ConcurrencyGroups();
  readonly #runs = new Map<number, Running>();

  constructor(stage: Omit<Stage, 'open'> & Partial<Stage>) {
    this.stage = { open: STRICTEST, ...stage };
  }

  /** Starts a run of a workflow of the repository, or of one defined in a test. */
  start(workflow: string | WorkflowFile, event: Event): StartedRun {
    const file = typeof workflow === 'string' ? readWorkflow(workflow) : workflow;
    const state = gitHubState(this.stage.sandbox.world);
    const run = state.startRun({
      event: event.name,
      workflow: file.path,
      branch: (event.ref ?? 'refs/heads/main').replace('refs/heads/', ''),
      ...(event.sha !== undefined && { sha: event.sha }),
      ...(event.actor !== undefined && { actor: accountOf(event.actor) }),
      ...(event.triggeringActor !== undefined && { triggeringActor: accountOf(event.triggeringActor) }),
    });
    return this.#begin({
      stage: this.stage,
      groups: this.#groups,
      run,
      event: { ...event, payload: event.payload ?? {} },
      file,
      jobs: {},
      earlier: {},
    });
  }

  /**
   * Another attempt of a run that has ended. "When you re-run failed jobs or a specific job, GitHub also re-runs the
   * jobs that depend on them. Jobs that aren't included keep their outputs from the previous attempt, which the newly
   * run jobs can use."
   *
   * @param by who asks for it, if not the one who started the run.
   * @see https://docs.github.com/actions/how-tos/manage-workflow-runs/re-run-workflows-and-jobs
   */
  async rerun({ id }: { id: number }, which: 'all' | 'failed', by?: string): Promise<RunReport> {
    const before = this.#runs.get(id);
    if (before?.run.conclusion === undefined) throw new Error(`run ${id} has not ended`);
    const { run, jobs } = before;
    delete run.conclusion;
    run.attempt += 1;
    if (by !== undefined) run.triggeringActor = accountOf(by);
    run.cancelling = new AbortController();
    return await this.#begin({ ...before, jobs: {}, earlier: which === 'failed' ? jobs : {} }).finished;
  }

  #begin(running: Running): StartedRun {
    const { run } = running;
    this.#runs.set(run.id, running);
    const finished = this.#play(running).then((report) => {
      run.conclusion = report.result;
      return report;
    });
    const cancel = (): void => {
      run.cancelling.abort(new Error('the run was cancelled'));
    };
    return { id: run.id, cancel, finished };
  }

  /** A whole run. */
  async play(workflow: string | WorkflowFile, event: Event): Promise<RunReport> {
    return await this.start(workflow, event).finished;
  }

  async #play(running: Running): Promise<RunReport> {
    const { run, file, event, jobs } = running;
    const { id, attempt } = run;
    const { on, concurrency } = file.workflow;
    if (!(event.name in on)) throw new Error(`${file.path} does not run on ${event.name}`);
    const repository = this.stage.sandbox.env()['GITHUB_REPOSITORY'] ?? '';
    const scope: Scope = {
      running,
      file,
      workflowRef: `${repository}/${file.path}@${event.ref ?? 'refs/heads/main'}`,
      inputs: {},
      secrets: fromFork(running) ? {} : (this.stage.secrets ?? {}),
      allowed: undefined,
      prefix: '',
      above: [],
      again: Object.keys(running.earlier).length === 0,
      signal: run.cancelling.signal,
    };
    try {
      scope.inputs = inputsOf(on.workflow_dispatch, event.inputs ?? {});
      const leave = concurrency === undefined ? undefined : await this.#enter(concurrency, scope);
      try {
        await playWorkflow(scope);
        return { id, attempt, jobs, result: worst(Object.values(jobs).map(({ result }) => result)) };
      } finally {
        leave?.();
      }
    } catch (error) {
      if (error instanceof Superseded) return { id, attempt, jobs, result: 'cancelled' };
      if (isRefusal(error)) return { id, attempt, jobs, result: 'failure', refused: error.message };
      throw error;
    }
  }

  async #enter(
    concurrency: NonNullable<WorkflowFile['workflow']['concurrency']>,
    scope: Scope,
  ): Promise<() => void> {
    const { cancelling } = scope.running.run;
    const wanted = readConcurrency(concurrency, sharedContexts(scope));
    return await this.#groups.enter(
      wanted,
      (reason) => {
        cancelling.abort(reason);
      },
      scope.signal,
    );
  }
}
