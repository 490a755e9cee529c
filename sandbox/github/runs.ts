import { crc32 } from 'node:zlib';
import { AwsError } from '../protocols/service.ts';
import { forbidden, notFound, numberOf, unprocessable } from './call.ts';
import type { GitHubCall, Routes } from './call.ts';
import { environmentJson } from './environments.ts';
import type { Environment, Run } from './state.ts';
import { userJson } from './users.ts';

/** The maximum number of inputs of a dispatch. */
const MAX_INPUTS = 25;

/** Workflow runs, and the approvals of their environments. */
export const runRoutes: Routes = {
  'GET /repos/{owner}/{repo}/actions/workflows/{workflow}/runs': [
    'actions/list-workflow-runs',
    (call) => {
      const { query, params, state } = call;
      const wanted = (field: string, value: string): boolean => [null, value].includes(query.get(field));
      const runs = state.runs.filter(
        (run) =>
          [String(workflowId(run)), run.workflow.split('/').at(-1)].includes(params.workflow) &&
          wanted('status', statusOf(run)) &&
          wanted('branch', run.branch) &&
          wanted('event', run.event),
      );
      return {
        list: runs.toReversed().map((run) => runJson(call, run)),
        wrap: (workflow_runs, total) => ({ total_count: total, workflow_runs }),
      };
    },
  ],

  /**
   * The run is only recorded, so that a test that plays workflows finds it. The sandbox does not read workflows, so it
   * accepts unknown inputs and workflows without `workflow_dispatch`.
   *
   * @see https://docs.github.com/rest/actions/workflows#create-a-workflow-dispatch-event
   * @see https://github.blog/changelog/2026-02-19-workflow-dispatch-api-now-returns-run-ids
   */
  'POST /repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches': [
    'actions/create-workflow-dispatch',
    (call) => {
      const { state, params, viewer, body, repositoryUrl, htmlUrl } = call;
      const { ref, inputs = {}, return_run_details: details } = body;
      if (typeof ref !== 'string' || ref === '')
        throw unprocessable('Workflow', 'ref', "ref wasn't supplied");
      if (typeof inputs !== 'object' || inputs === null || Object.keys(inputs).length > MAX_INPUTS) {
        throw unprocessable('Workflow', 'inputs', `inputs must be an object of at most ${MAX_INPUTS} keys`);
      }
      const run = state.startRun({
        event: 'workflow_dispatch',
        branch: ref.replace('refs/heads/', ''),
        workflow: `.github/workflows/${params.workflow ?? ''}`,
        actor: viewer,
        inputs: inputs as Record<string, unknown>,
      });
      if (details !== true) return { status: 204 };
      const page = `/actions/runs/${run.id}`;
      return {
        body: {
          workflow_run_id: run.id,
          run_url: repositoryUrl + page,
          html_url: htmlUrl + page,
        },
      };
    },
  ],

  'POST /repos/{owner}/{repo}/actions/runs/{run}/cancel': [
    'actions/cancel-workflow-run',
    (call) => {
      const run = runOf(call);
      if (run.conclusion !== undefined) {
        throw new AwsError('Conflict', 'Cannot cancel a workflow run that is completed.', 409);
      }
      run.cancelling.abort(new Error(`${call.viewer.login} cancelled the run`));
      return { status: 202, body: {} };
    },
  ],

  'GET /repos/{owner}/{repo}/actions/runs/{run}': [
    'actions/get-workflow-run',
    (call) => ({ body: runJson(call, runOf(call)) }),
  ],

  'GET /repos/{owner}/{repo}/actions/runs/{run}/attempts/{attempt}': [
    'actions/get-workflow-run-attempt',
    (call) => {
      const run = runOf(call);
      // Earlier attempts are not stored.
      if (numberOf(call, 'attempt') !== run.attempt) throw notFound();
      return { body: runJson(call, run) };
    },
  ],

  'GET /repos/{owner}/{repo}/actions/runs/{run}/approvals': [
    'actions/get-reviews-for-run',
    (call) => {
      const approvals = runOf(call).approvals.map(({ state, comment, environments, user }) => ({
        state,
        comment,
        environments: environments.map((name) => ({ name, ...found(call, name) })),
        user: userJson(user),
      }));
      return { body: approvals };
    },
  ],

  'GET /repos/{owner}/{repo}/actions/runs/{run}/pending_deployments': [
    'actions/get-pending-deployments-for-run',
    (call) => ({ body: pendingOf(call).map((environment) => pendingJson(call, environment)) }),
  ],

  'POST /repos/{owner}/{repo}/actions/runs/{run}/pending_deployments': [
    'actions/review-pending-deployments-for-run',
    (call) => {
      if (call.viewer.type === 'Bot') throw forbidden();
      const { environment_ids: ids, state, comment } = call.body;
      const wanted = pendingOf(call).filter(({ id }) => Array.isArray(ids) && ids.includes(id));
      const run = runOf(call);
      if (wanted.length === 0 || !wanted.every((environment) => mayApprove(call, environment))) {
        throw unprocessable(
          'WorkflowRun',
          'environment_ids',
          'There are no pending deployment requests to approve or reject',
        );
      }
      if (state !== 'approved' && state !== 'rejected') {
        throw unprocessable('WorkflowRun', 'state', 'state must be approved or rejected');
      }
      const names = wanted.map(({ name }) => name);
      run.pending = run.pending.filter((name) => !names.includes(name));
      const text = typeof comment === 'string' ? comment : '';
      run.approvals.push({ state, comment: text, environments: names, user: call.viewer });
      return { body: names.map((environment) => ({ environment, ref: run.branch, sha: run.sha })) };
    },
  ],
};

function runOf(call: GitHubCall): Run {
  const run = call.state.run(numberOf(call, 'run'));
  if (!run) throw notFound();
  return run;
}

function pendingOf(call: GitHubCall): Environment[] {
  const { pending } = runOf(call);
  return call.state.environments.filter(({ name }) => pending.includes(name));
}

function found(call: GitHubCall, name: string): object {
  const environment = call.state.environments.find((candidate) => candidate.name === name);
  return environment ? environmentJson(call, environment) : {};
}

function mayApprove({ viewer }: GitHubCall, { reviewers }: Environment): boolean {
  return viewer.type === 'User' && (reviewers.length === 0 || reviewers.includes(viewer.login));
}

function pendingJson(call: GitHubCall, environment: Environment): object {
  return {
    environment: environmentJson(call, environment),
    wait_timer: environment.waitMinutes,
    current_user_can_approve: mayApprove(call, environment),
    reviewers: environment.reviewers.map((login) => ({
      type: 'User',
      reviewer: userJson({ login, type: 'User' }),
    })),
  };
}

function statusOf({ conclusion, pending }: Run): string {
  if (conclusion !== undefined) return 'completed';
  return pending.length > 0 ? 'waiting' : 'in_progress';
}

function workflowId({ workflow }: Run): number {
  return crc32(workflow);
}

function runJson({ state, repositoryUrl, htmlUrl }: GitHubCall, run: Run): object {
  return {
    id: run.id,
    name: 'pipeline',
    run_attempt: run.attempt,
    run_number: run.number,
    workflow_id: workflowId(run),
    path: run.workflow,
    event: run.event,
    status: statusOf(run),
    conclusion: run.conclusion ?? null,
    head_branch: run.branch,
    head_sha: run.sha,
    url: `${repositoryUrl}/actions/runs/${run.id}`,
    html_url: `${htmlUrl}/actions/runs/${run.id}`,
    actor: userJson(run.actor),
    triggering_actor: userJson(run.triggeringActor),
    repository: { full_name: state.repository },
  };
}
