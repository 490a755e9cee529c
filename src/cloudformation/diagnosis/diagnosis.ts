import { DescribeEventsCommand, type OperationEvent } from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { bestEffort, type CloudFormationContext } from '../context.ts';
import type { ResourceFailure } from '../execution/events.ts';
import { STACK_TYPE } from '../stack.ts';
import { type ServiceFailure, serviceKey, type ServiceFailures } from '../execution/services.ts';
import { errorCodeOf, hintFor } from './hints.ts';
import { hookDetail } from './hooks.ts';
import { nestedTemplate, type Template } from '../template/template.ts';
import type { Execution } from '../execution/watch.ts';

/** A resource that failed, explained. */
export interface Cause {
  logicalId: string;
  /** Logical ids of the nested stacks above, from the root. */
  nesting: readonly string[];
  type: string;
  reason: string;
  code?: string;
  hint?: string;
  /** Of an ECS service: why its tasks fail. */
  tasks?: ServiceFailure;
  /** Where the template declares it, for a template in the workspace. */
  file?: string;
  line?: number;
}

/** Why an operation failed. */
export interface Diagnosis {
  /** The first failure in time, through nested stacks; undefined when AWS reported none. */
  rootCause?: Cause;
  /** The other resources that failed for their own reason, in the order of time. */
  alsoFailed: readonly Cause[];
  /** What failed during the rollback. */
  rollbackFailures: readonly Cause[];
  /** Whether CloudFormation started a rollback. */
  rolledBack: boolean;
}

/**
 * Finds the root cause of a failed operation: the first failure. Cancelled resources, and events of stacks that only
 * repeat a failure inside them, count only if there is nothing else.
 */
export async function diagnose(
  context: CloudFormationContext,
  execution: Execution,
  stack: { stackName: string; template?: Template },
): Promise<Diagnosis> {
  const { timeline, serviceFailures } = execution;
  // A service whose tasks fail is the cause also where the wait for it was cancelled.
  const failures = timeline.failures.filter(
    (failure) => !isCancelled(failure.reason) || serviceFailures?.has(serviceKey(failure)) === true,
  );
  const forward = inTimeOrder(failures.filter((failure) => !failure.rollback));
  const failed = forward.filter((failure) => failure.type !== STACK_TYPE);
  const resources = failed.length > 0 ? failed : failingServices(execution);
  const reported = resources.length > 0 ? [] : await operationFailures(context, execution, stack.stackName);
  const explain = (failure: Failure): Cause => causeOf(failure, stack.template, execution.serviceFailures);
  const found =
    resources.length > 0 ? resources : [...reported, ...stackFailures(forward, execution, stack.stackName)];
  const causes = (await withHookDetails(context, found)).map(explain);
  const [rootCause, ...alsoFailed] = causes;
  const back = inTimeOrder(failures.filter((failure) => failure.rollback && failure.type !== STACK_TYPE));
  return {
    ...(rootCause ? { rootCause } : {}),
    alsoFailed: resources.length > 0 ? alsoFailed : [],
    rollbackFailures: back.map(explain),
    rolledBack: timeline.rolledBack,
  };
}

/** The services that CloudFormation still waits for although their tasks fail. */
function failingServices({ timeline, serviceFailures }: Execution): Failure[] {
  return [...timeline.steps]
    .filter((step) => step.endedAt === undefined && serviceFailures?.has(serviceKey(step)))
    .map((step) => ({ ...step, reason: step.status }));
}

type Failure = Pick<ResourceFailure, 'logicalId' | 'nesting' | 'type' | 'reason'> &
  Partial<Pick<ResourceFailure, 'rollback' | 'hook'>> & { fix?: string };

/** Events have neither the whole reason of a hook nor its remedy. */
async function withHookDetails(
  context: CloudFormationContext,
  failures: readonly Failure[],
): Promise<Failure[]> {
  const detailed = failures.slice(0, EXPLAINED_HOOKS).map(async (failure): Promise<Failure> => {
    const { hook, ...rest } = failure;
    const detail = await hookDetail(context, hook?.resultId);
    if (!hook || !detail) return failure;
    const { said, fix } = detail;
    return { ...rest, reason: `Hook ${hook.type} refused this: ${said}`, ...(fix !== undefined && { fix }) };
  });
  return [...(await Promise.all(detailed)), ...failures.slice(EXPLAINED_HOOKS)];
}

const EXPLAINED_HOOKS = 10;

function isCancelled(reason: string): boolean {
  return /\bcancell?ed\b/i.test(reason) && !/Error Code|HandlerErrorCode/.test(reason);
}

/** Sorting is stable: events of the same millisecond keep AWS's order. */
function inTimeOrder(failures: readonly ResourceFailure[]): ResourceFailure[] {
  return failures.toSorted((a, b) => a.at - b.at);
}

/** What the row of a stack says when something inside it failed. */
const SUMMARY = /^(?:Embedded stack|The following resource\(s\) failed)/;

/**
 * If no resource failed: the deepest nested stack that failed before it created anything, else the stack's own reason,
 * such as an alarm that stopped it. A row that only sums up what failed in a nested stack still says more of it than the
 * stack's own row.
 */
function stackFailures(
  forward: readonly ResourceFailure[],
  execution: Execution,
  stackName: string,
): Failure[] {
  const deepest = forward
    .filter((failure) => failure.reason !== '')
    .toSorted((a, b) => b.nesting.length - a.nesting.length);
  const own = deepest.filter((failure) => !SUMMARY.test(failure.reason));
  if (own.length > 0) return own;
  const [embedded] = deepest.filter((failure) => /^Embedded stack/.test(failure.reason));
  if (embedded) return [embedded];
  const reason = execution.timeline.rollbackReason ?? execution.reason;
  return reason ? [{ logicalId: stackName, nesting: [], type: STACK_TYPE, reason }] : [];
}

function causeOf(
  failure: Failure,
  template: Template | undefined,
  serviceFailures: ServiceFailures | undefined,
): Cause {
  const { logicalId, nesting, type, reason, rollback = false } = failure;
  const tasks = serviceFailures?.get(serviceKey({ logicalId, nesting, rollback }));
  const code = errorCodeOf(reason);
  const hint = tasks ? undefined : (failure.fix ?? hintFor({ type, reason, ...(code ? { code } : {}) }));
  return {
    logicalId,
    nesting,
    type,
    reason,
    ...(code ? { code } : {}),
    ...(hint ? { hint } : {}),
    ...(tasks ? { tasks } : {}),
    ...(template ? placeOf(failure, template) : {}),
  };
}

/**
 * The line of the property that the reason names, else of the resource. Inside of a nested stack whose template is no local
 * file, that of the stack.
 */
function placeOf({ logicalId, nesting, reason }: Failure, root: Template): { file?: string; line?: number } {
  const { template, below } = nestedTemplate(root, nesting);
  const place = below.length === 0 ? template.locate(reason) : {};
  const isOwn = place.logicalId === logicalId && place.line !== undefined;
  const line = isOwn ? place.line : template.lineOf(`Resources.${below[0] ?? logicalId}`);
  return template.file === undefined || line === undefined ? {} : { file: template.file, line };
}

/** Failures of hooks and validations, which only DescribeEvents has. Optional. */
async function operationFailures(
  context: CloudFormationContext,
  execution: Execution,
  stackName: string,
): Promise<Failure[]> {
  const { operationId } = execution;
  if (operationId === undefined) return [];
  const command = new DescribeEventsCommand({ OperationId: operationId, Filters: { FailedEvents: true } });
  const answer = await bestEffort(context, 'DescribeEvents', (limited) =>
    send(context.client, command, limited),
  );
  const events = answer?.OperationEvents ?? [];
  return events
    .filter((event) => event.ResourceType !== STACK_TYPE)
    .flatMap((event) => failureOf(event, stackName));
}

function failureOf(event: OperationEvent, stackName: string): Failure[] {
  const reason = event.ResourceStatusReason ?? event.ValidationStatusReason ?? event.HookStatusReason ?? '';
  if (reason === '' || isCancelled(reason)) return [];
  const hook = event.HookType ? `Hook ${event.HookType}: ` : '';
  return [
    {
      logicalId: event.LogicalResourceId ?? stackName,
      nesting: [],
      type: event.ResourceType ?? '',
      reason: `${hook}${reason}`,
    },
  ];
}
