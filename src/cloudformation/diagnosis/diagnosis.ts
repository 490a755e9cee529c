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

/** A resource that failed, with its cause and fix. */
export interface Cause {
  logicalId: string;
  /** Logical ids of the nested stacks above, from the root. */
  nesting: readonly string[];
  type: string;
  reason: string;
  code?: string;
  hint?: string;
  /** Set for an ECS service: why its tasks failed. */
  tasks?: ServiceFailure;
  /** The place in the template, for a template in the workspace. */
  file?: string;
  line?: number;
}

/** Why an operation failed. */
export interface Diagnosis {
  /** The earliest failure, including nested stacks; undefined if AWS reported none. */
  rootCause?: Cause;
  /** Other resources that failed for their own reason, in chronological order. */
  alsoFailed: readonly Cause[];
  /** The resources that failed during the rollback. */
  rollbackFailures: readonly Cause[];
  /** Whether CloudFormation started a rollback. */
  rolledBack: boolean;
}

/**
 * Finds the root cause of a failed operation: the earliest failure. Cancelled resources, and stack events that only repeat a
 * failure of their resources, count only if there is nothing else.
 */
export async function diagnose(
  context: CloudFormationContext,
  execution: Execution,
  stack: { stackName: string; template?: Template },
): Promise<Diagnosis> {
  const { timeline, serviceFailures } = execution;
  // A service whose tasks fail is a cause even if CloudFormation cancelled its update.
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

/** The ECS services that CloudFormation is still waiting for although their tasks fail. */
function failingServices({ timeline, serviceFailures }: Execution): Failure[] {
  return [...timeline.steps]
    .filter((step) => step.endedAt === undefined && serviceFailures?.has(serviceKey(step)))
    .map((step) => ({ ...step, reason: step.status }));
}

type Failure = Pick<ResourceFailure, 'logicalId' | 'nesting' | 'type' | 'reason'> &
  Partial<Pick<ResourceFailure, 'rollback' | 'hook'>> & { fix?: string };

/** Adds the whole reason of a hook and its remediation, which events do not contain. */
async function withHookDetails(
  context: CloudFormationContext,
  failures: readonly Failure[],
): Promise<Failure[]> {
  const detailed = failures.slice(0, EXPLAINED_HOOKS).map(async (failure): Promise<Failure> => {
    const { hook, ...rest } = failure;
    const detail = await hookDetail(context, hook?.resultId);
    if (!hook || !detail) return failure;
    const { reason, fix } = detail;
    return {
      ...rest,
      reason: `Hook ${hook.type} rejected this: ${reason}`,
      ...(fix !== undefined && { fix }),
    };
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

/** The reason in a stack's event when one of its resources failed. */
const SUMMARY = /^(?:Embedded stack|The following resource\(s\) failed)/;

/**
 * If no resource failed: the deepest nested stack that failed before it created anything, else the stack's own reason, such
 * as a rollback alarm. An event that only summarizes the failures of a nested stack is still more specific than the
 * stack's own event.
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
 * The line of the property that the reason names, else of the resource. In a nested stack whose template is not a local
 * file, the line of the nested stack.
 */
function placeOf({ logicalId, nesting, reason }: Failure, root: Template): { file?: string; line?: number } {
  const { template, below } = nestedTemplate(root, nesting);
  const place = below.length === 0 ? template.locate(reason) : {};
  const isOwn = place.logicalId === logicalId && place.line !== undefined;
  const line = isOwn ? place.line : template.lineOf(`Resources.${below[0] ?? logicalId}`);
  return template.file === undefined || line === undefined ? {} : { file: template.file, line };
}

/** Failures of hooks and validations, which only DescribeEvents reports. Optional. */
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
