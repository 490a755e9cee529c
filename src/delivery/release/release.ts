import type { OurDeployment } from '../../ecs/deployment.ts';
import { diagnose, type FailedTaskGroup, type RolloutFailure } from '../../ecs/diagnosis.ts';
import type { RolloutState } from '../../ecs/rollout.ts';
import type { TaskFailures } from '../../ecs/task-failures.ts';
import type { ServiceAddress } from '../../ecs/service.ts';
import { revisionName, type TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { ServiceContext } from './request.ts';
import { type RolloutReport, SERVICE_VERDICTS, type ServiceEnd, type ServiceResult } from './result.ts';
import { sentence } from '../../core/text.ts';

/** The stages of a release, in their order. */
type Stage =
  | 'check'
  | 'register'
  | 'run'
  | 'pre-deploy'
  | 'update'
  | 'rollout'
  | 'prove'
  | 'smoke-test'
  | 'record';

/** What was started on AWS, and goes on when this process ends. */
interface Started {
  /** The task of a command. */
  oneOff?: { cluster: string; startedBy: string };
  /** RegisterTaskDefinition was sent; its response may be lost. */
  registration?: 'sent' | 'done';
  /** UpdateService was sent; its response may be lost. */
  update?: { taskDefinition: string; previous: string; answered?: true };
  deployment?: OurDeployment;
}

/** One release in progress: what was done so far, for its result and for its rollback, wherever it ends. */
export class Release {
  stage: Stage = 'check';
  readonly report: RolloutReport;
  readonly started: Started = {};
  /** False for a task on its own, and for a revision that is only registered. */
  changesService = true;
  /** Whether it replaces a newer release, as it was allowed to. */
  allowedOlder = false;
  readonly #context: ServiceContext;
  /** In ms since the epoch. */
  readonly startedAt: number;
  /** The failed tasks of the deployment that is followed. */
  failures?: TaskFailures;
  /** Whether a smoke test answers the PAUSE hooks of the deployment. */
  isTested = false;
  readonly #told = new Set<string>();

  constructor(context: ServiceContext, { cluster, service }: ServiceAddress) {
    this.#context = context;
    this.startedAt = context.clock.now();
    this.report = {
      cluster,
      service,
      region: context.region,
      digests: {},
      changes: [],
      findings: [],
      timeline: [],
      durationMs: 0,
      notes: [],
    };
  }

  /** The revision that is meant from now on. */
  setTaskDefinition(arn: string): void {
    this.report.taskDefinition = revisionName(arn);
    this.report.taskDefinitionArn = arn;
  }

  /** Adds an event to the log and to the timeline. */
  logEvent(text: string): void {
    this.#context.log.info(text);
    this.report.timeline.push({ at: this.#context.clock.now(), text });
  }

  /** Adds a sentence to the log and to the notes of the summary. */
  addNote(text: string): void {
    this.#context.log.info(text);
    this.report.notes.push(text);
  }

  /** Adds a sentence to the notes of the summary, and shows it as a warning on the run's page. */
  warn(text: string): void {
    this.#context.log.warning(text, { title: this.report.service });
    this.report.notes.push(text);
  }

  /** Shows a cause as a warning, in the log and on the run's page, the first time that it is found. */
  tellCause({ cause, fix, awsMessage }: Pick<FailedTaskGroup, 'cause' | 'fix' | 'awsMessage'>): void {
    if (this.#told.has(cause)) return;
    this.#told.add(cause);
    const text = sentence(cause);
    this.report.timeline.push({ at: this.#context.clock.now(), text });
    const said = awsMessage === undefined ? [] : [`AWS reported: "${awsMessage}"`];
    const lines = [text, ...said, ...(fix === undefined ? [] : [`Fix: ${fix}`])];
    this.#context.log.warning(lines.join('\n'), { title: `Tasks of ${this.report.service} fail` });
  }

  /** The result of a release that a check stops before anything is changed; undefined when none does. */
  endByFindings(): ServiceResult | undefined {
    const [first, ...others] = this.report.findings.filter(({ level }) => level === 'error');
    if (!first) return undefined;
    const more = others.length > 0 ? ` (and ${others.length} more)` : '';
    const { message, fix = '' } = first;
    const advice = fix === '' ? '' : ` Fix: ${fix}`;
    const reason = `${sentence(`${message.replace(/\.$/, '')}${more}`)} Nothing was changed.${advice}`;
    return this.end({ verdict: 'failed', reason });
  }

  end(end: ServiceEnd): ServiceResult {
    this.report.durationMs = this.#context.clock.now() - this.startedAt;
    return { ...this.report, ...end, ok: SERVICE_VERDICTS[end.verdict].ok };
  }
}

/** Finds out why a deployment fails, for the log at once and for the report. */
export async function explainFailure(
  context: ServiceContext,
  release: Release,
  deployment: OurDeployment,
  definition: TaskDefinition,
  state?: RolloutState,
): Promise<void> {
  // After a failed smoke test, that is the reason.
  if (release.report.smokeTest?.ok === false) return;
  const found = await diagnose(context, deployment, definition, state);
  if (!found) return;
  const isNew = release.report.failure?.cause !== found.cause;
  release.tellCause(found);
  if (isNew) for (const line of found.log?.lines ?? []) context.log.info(`  ${line}`);
  for (const group of found.groups.slice(1)) release.tellCause(group);
  release.report.failure = moreDetailed(release.report.failure, found);
}

/** The first explanation stays, unless the later one has the log that was missing. */
function moreDetailed(before: RolloutFailure | undefined, now: RolloutFailure): RolloutFailure {
  if (!before || before.cause === now.cause || before.groups.length === 0) return now;
  return now.log && !before.log ? now : before;
}
