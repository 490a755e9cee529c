import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job, Permissions } from '../workflow.ts';
import { Superseded } from './concurrency.ts';
import { endJobDeployment, environmentUrlOf, recordJobDeployment } from './deployment.ts';
import { Rejected, enterEnvironment } from './environment.ts';
import { interpolateAll, toText } from './expressions.ts';
import type { Contexts } from './expressions.ts';
import { Masks } from './masking.ts';
import { worst } from './report.ts';
import type { JobReport } from './report.ts';
import type { Scope } from './run.ts';
import { NoRunner, requireRunner, runsOnOf } from './runner.ts';
import { texts } from './step.ts';
import { outputsOf, runSteps } from './steps.ts';

export interface JobPlay {
  /** Its key in the workflow. */
  id: string;
  /** See RunReport. */
  name: string;
  job: Job;
  contexts: Contexts;
  permissions: Permissions;
  scope: Scope;
}

/**
 * Plays a job on its own runner: its turn in its concurrency group, then the approval, steps and outputs.
 *
 * A job that waits for an approval holds its group: "A second workflow run will be blocked and cannot be approved until
 * the first workflow run is approved."
 *
 * @see https://github.com/orgs/community/discussions/17401
 */
export async function playJob(play: JobPlay): Promise<JobReport> {
  const { job, contexts, permissions, scope } = play;
  const own = new AbortController();
  const signal = AbortSignal.any([scope.signal, own.signal]);
  const environment = environmentOf(job, contexts);
  const report: JobReport = {
    result: 'cancelled',
    outputs: {},
    dropped: [],
    reason: '',
    permissions,
    steps: [],
    ...(environment !== undefined && { environment }),
  };
  const turn = (): Promise<() => void> =>
    takeTurn(
      job.concurrency,
      contexts,
      scope,
      (reason) => {
        own.abort(reason);
      },
      signal,
    );
  try {
    report.runner = await runsOnOf(play.id, job, contexts);
    requireRunner(report.runner, scope.running.stage.runners);
    const leave = await turn();
    try {
      if (environment !== undefined) await enterEnvironment(scope.running, environment, signal);
      await scope.running.stage.pickUp?.(play.name, scope.running.run);
      Object.assign(report, await onRunner(play, environment, signal));
    } finally {
      leave();
    }
  } catch (error) {
    if (error instanceof Rejected || error instanceof NoRunner) report.result = 'failure';
    else if (!(error instanceof Superseded) && error !== signal.reason) throw error;
    report.reason = (error as Error).message;
  }
  return report;
}

async function onRunner(
  play: JobPlay,
  environment: string | undefined,
  signal: AbortSignal,
): Promise<Partial<JobReport>> {
  const { job, scope, permissions } = play;
  const { stage, event } = scope.running;
  const workspace = mkdtempSync(join(tmpdir(), 'job-'));
  try {
    const tokens = stage.sandbox.jobEnv({
      permissions: tokenPermissions(permissions),
      claims: claimsOf(play, environment),
    });
    const token = tokens['GITHUB_TOKEN'] ?? '';
    const { github } = play.contexts;
    const contexts = {
      ...play.contexts,
      github: { ...(github as object), token, job: play.id, workspace },
      secrets: { ...scope.secrets, GITHUB_TOKEN: token },
      runner: { os: 'Linux', arch: 'X64', temp: workspace },
      job: { status: 'success' },
    };
    const env = {
      ...stage.env,
      ...withoutToken(tokens),
      ...runnerVariables(contexts.github),
      ...jobEnv(play, contexts),
    };
    const masks = new Masks([...Object.values(scope.secrets), token]);
    const deployment = recordJobDeployment(scope.running, job, environment, contexts);
    const place = { stage, workspace, env, event: event.payload, token, signal };
    const { steps, seen } = await runSteps(job, contexts, place, masks);
    const result = worst(steps.map((step) => step.result));
    const { kept, dropped } = masks.withoutMasked(outputsOf(job, contexts, seen));
    const ended = signal.aborted && result !== 'failure' ? 'cancelled' : result;
    const url = environmentUrlOf(job, { ...contexts, steps: seen }, masks);
    if (deployment) endJobDeployment(scope.running, deployment, ended, url);
    return { steps, outputs: kept, dropped, result: ended, environmentUrl: url };
  } finally {
    rmSync(workspace, { recursive: true, force: true });
  }
}

/** A step gets the job's token only if it requests it. */
function withoutToken(env: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => name !== 'GITHUB_TOKEN'));
}

function jobEnv({ job, scope }: JobPlay, contexts: Contexts): Record<string, string> {
  return { ...texts(scope.file.workflow.env, contexts), ...texts(job.env, contexts) };
}

function tokenPermissions(permissions: Permissions): Record<string, 'read' | 'write'> {
  const granted = Object.entries(permissions).filter(([, access]) => access !== 'none');
  return Object.fromEntries(granted) as Record<string, 'read' | 'write'>;
}

/** The default variables of every step. */
function runnerVariables(github: object): Record<string, string> {
  const entries = Object.entries(github).filter(
    ([name, value]) => name !== 'token' && typeof value === 'string',
  );
  return Object.fromEntries(entries.map(([name, value]) => [`GITHUB_${name.toUpperCase()}`, String(value)]));
}

/** The claims of the job's identity token. */
function claimsOf({ scope }: JobPlay, environment: string | undefined): Record<string, unknown> {
  const { running, workflowRef } = scope;
  const { event, run } = running;
  const repository = running.stage.sandbox.env()['GITHUB_REPOSITORY'] ?? '';
  const ref = event.ref ?? 'refs/heads/main';
  return {
    event_name: event.name,
    ref,
    sha: run.sha,
    actor: run.actor.login,
    run_id: String(run.id),
    run_number: String(run.number),
    workflow: running.file.workflow.name ?? running.file.path,
    workflow_ref: `${repository}/${running.file.path}@${ref}`,
    job_workflow_ref: workflowRef,
    ...(environment !== undefined && { environment }),
  };
}

function environmentOf({ environment }: Job, contexts: Contexts): string | undefined {
  const name = typeof environment === 'object' ? environment.name : environment;
  return name === undefined ? undefined : toText(interpolateAll(name, contexts)) || undefined;
}

async function takeTurn(
  concurrency: Job['concurrency'],
  contexts: Contexts,
  { running }: Scope,
  cancel: (reason: Error) => void,
  signal: AbortSignal,
): Promise<() => void> {
  if (concurrency === undefined) {
    signal.throwIfAborted();
    return () => undefined;
  }
  return await running.groups.enter(readConcurrency(concurrency, contexts), cancel, signal);
}

/** A `concurrency` with its expressions replaced. */
export function readConcurrency(
  concurrency: NonNullable<Job['concurrency']>,
  contexts: Contexts,
): { group: string; cancelInProgress: boolean; queue: 'single' | 'max' } {
  const written = typeof concurrency === 'string' ? { group: concurrency } : concurrency;
  const {
    group,
    queue,
    'cancel-in-progress': cancel,
  } = interpolateAll(written, contexts) as Record<string, unknown>;
  return {
    group: toText(group),
    cancelInProgress: toText(cancel) === 'true',
    queue: queue === 'max' ? 'max' : 'single',
  };
}
