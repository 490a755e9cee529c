import { NoOperationTraceWriter, convertWorkflowTemplate, parseWorkflow } from '@actions/workflow-parser';
import type { Job } from '../workflow.ts';
import { interpolateAll, toText } from './expressions.ts';
import type { Contexts } from './expressions.ts';

/** A runner of a rehearsal, for `runs-on`. */
export interface Runner {
  labels: readonly string[];
  group?: string;
}

/** A job that no runner can take. */
export class NoRunner extends Error {
  override readonly name = 'NoRunner';
}

/**
 * The labels and the group in a job's `runs-on`. A value that GitHub's schema refuses fails the job: `Error when
 * evaluating 'runs-on' for job 'plan'. … Unexpected value ''`.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idruns-on "You can
 *  provide runs-on as: a single string, a single variable containing a string, an array of strings …, a key: value pair
 *  using the group or labels keys."
 * @throws NoRunner
 */
export async function runsOnOf(id: string, job: Job, contexts: Contexts): Promise<Runner> {
  const refused = (why: string): NoRunner =>
    new NoRunner(`Error when evaluating 'runs-on' for job '${id}'. ${why}`);
  let value: unknown;
  try {
    value = interpolateAll(job['runs-on'], contexts);
  } catch (error) {
    throw refused((error as Error).message);
  }
  const [problem] = await schemaErrors(value);
  if (problem !== undefined) throw refused(problem);
  const { group, labels = [] } = isMapping(value) ? value : { labels: value };
  return {
    labels: (Array.isArray(labels) ? labels : [labels]).map(toText),
    ...(group !== undefined && { group: toText(group) }),
  };
}

/**
 * Does not wait for a runner: one with all labels and in the group must exist.
 *
 * @see https://docs.github.com/actions/reference/limits "Each job for self-hosted runners can be queued for a maximum of
 *  24 hours. If a self-hosted runner does not start executing the job within this limit, the job is terminated and
 *  fails to complete."
 * @param runners undefined for a repository whose runners take every job.
 * @throws NoRunner
 */
export function requireRunner(wanted: Runner, runners: readonly Runner[] | undefined): void {
  const isFit = ({ labels, group }: Runner): boolean =>
    (wanted.group === undefined || wanted.group === group) &&
    wanted.labels.every((label) => labels.some((one) => one.toLowerCase() === label.toLowerCase()));
  if (!runners || runners.some(isFit)) return;
  const place = wanted.group === undefined ? '' : ` in the group ${wanted.group}`;
  throw new NoRunner(`no runner${place} has all labels of [${wanted.labels.join(', ')}]`);
}

async function schemaErrors(value: unknown): Promise<string[]> {
  const job = { 'runs-on': value ?? '', steps: [{ run: 'true' }] };
  const content = JSON.stringify({ on: 'push', jobs: { job } });
  const file = { name: 'runs-on', content };
  const { context, value: template } = parseWorkflow(file, new NoOperationTraceWriter());
  if (template) await convertWorkflowTemplate(context, template);
  return context.errors.getErrors().map(({ rawMessage }) => rawMessage);
}

function isMapping(value: unknown): value is { group?: unknown; labels?: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
