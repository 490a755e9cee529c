import type { FollowedDeployment } from '../../ecs/deployment.ts';
import { diagnose, type FailedTaskGroup, type RolloutFailure } from '../../ecs/diagnosis.ts';
import type { RolloutState } from '../../ecs/rollout.ts';
import type { TaskFailures } from '../../ecs/task-failures.ts';
import type { ServiceAddress } from '../../ecs/service.ts';
import { revisionName, type TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { ServiceContext } from './request.ts';
import { type RolloutReport, SERVICE_VERDICTS, type ServiceEnd, type ServiceResult } from './result.ts';
import { sentence } from '../../core/text.ts';

/** The stages of a release, in order. */
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

/** Operations on AWS that continue when this process ends. */
interface Started {
  /** The task of a command. */
  oneOff?: { cluster: string; startedBy: string };
  /** RegisterTaskDefinition was sent; its response may be lost. */
  registration?: 'sent' | 'done';
  /** UpdateService was sent; its response may be lost. */
  update?: { taskDefinition: string; previous: string; answered?: true };
  deployment?: FollowedDeployment;
}

/** A release in progress: everything done so far, for its result and for its rollback. */
export class Release {
  stage: Stage = 'check';
  readonly report: RolloutReport;
  readonly started: Started = {};
  /** False for a one-off task and for a revision that is only registered. */
  changesService = true;
  /** Whether it replaces a newer release because that is allowed. */
  allowedOlder = false;
  readonly #context: ServiceContext;
  /** In milliseconds since the epoch. */
  readonly startedAt: number;
  /** The failed tasks of the deployment that is followed. */
  failures?: TaskFailures;
  /** Whether a smoke test answers the PAUSE hooks of the deployment. */
  isTested = false;
  readonly #warned = new Set<string>();

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

  /** Sets the revision that the release deploys. */
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

  /** Adds a sentence to the notes of the summary and shows it as a warning annotation. */
  warn(text: string): void {
    this.#context.log.warning(text, { title: this.report.service });
    this.report.notes.push(text);
  }

  /** Shows a cause as a warning, in the log and as an annotation, the first time that it is found. */
  warnAboutCause({ cause, fix, awsMessage }: Pick<FailedTaskGroup, 'cause' | 'fix' | 'awsMessage'>): void {
    if (this.#warned.has(cause)) return;
    this.#warned.add(cause);
    const text = sentence(cause);
    this.report.timeline.push({ at: this.#context.clock.now(), text });
    const quote = awsMessage === undefined ? [] : [`AWS reported: "${awsMessage}"`];
    const lines = [text, ...quote, ...(fix === undefined ? [] : [`Fix: ${fix}`])];
    this.#context.log.warning(lines.join('\n'), { title: `Failing tasks of ${this.report.service}` });
  }

  /** The result of a release that a check blocks before anything is changed; undefined if none does. */
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

/** Diagnoses a failing deployment, for the log immediately and for the report. */
export async function explainFailure(
  context: ServiceContext,
  release: Release,
  deployment: FollowedDeployment,
  definition: TaskDefinition,
  state?: RolloutState,
): Promise<void> {
  // After a failed smoke test, the test is the reason.
  if (release.report.smokeTest?.ok === false) return;
  const found = await diagnose(context, deployment, definition, state);
  if (!found) return;
  const isNew = release.report.failure?.cause !== found.cause;
  release.warnAboutCause(found);
  if (isNew) for (const line of found.log?.lines ?? []) context.log.info(`  ${line}`);
  for (const group of found.groups.slice(1)) release.warnAboutCause(group);
  release.report.failure = moreDetailed(release.report.failure, found);
}

/** Keeps the first explanation, unless the later one has the log that was missing. */
function moreDetailed(before: RolloutFailure | undefined, now: RolloutFailure): RolloutFailure {
  if (!before || before.cause === now.cause || before.groups.length === 0) return now;
  return now.log && !before.log ? now : before;
}
