import { classify } from '../../aws/errors.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { pathOf, type Plan, type PropertyChange, type ResourceChange } from '../change-set/changes.ts';
import type { StackCommandContext } from '../command-run.ts';
import { isAlive, listResources, STACK_TYPE } from '../stack.ts';
import { isOwnRow, recentEvents } from './events.ts';
import type { Execution } from './watch.ts';
import type { StackResourceSummary } from '@aws-sdk/client-cloudformation';
import { plural } from '../../core/text.ts';

/** A planned change that could not be verified although the operation completed. */
export interface UnprovenChange {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  /** The reason, as a clause: `CloudFormation reported no change to it`. */
  why: string;
  /** The fix, starting with a verb. */
  fix?: string;
}

/** The result of `reconcile`. */
export interface Reconciliation {
  unproven: readonly UnprovenChange[];
  /** What could not be checked, one sentence each. */
  notes: readonly string[];
}

/** The resources of a stack by their logical ids, or why they could not be read. */
type Resources = ReadonlyMap<string, StackResourceSummary> | { unreadable: string };

/**
 * Verifies the planned changes for which a completed operation has no event. CloudFormation decides some changes only during
 * the execution and skips those that are not needed; in express mode it has also skipped ECS services that had to change.
 * The current state is read from ECS for a service, and from the stack's resources for other types.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2538
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html dynamic evaluation
 */
export async function reconcile(
  context: StackCommandContext,
  plan: Plan,
  execution: Execution,
): Promise<Reconciliation> {
  const withoutEvents = changesWithoutEvent(plan, execution);
  const unread = execution.unreadNested ?? [];
  const below = withoutEvents.filter((change) => unread.some((path) => isBelow(change, path)));
  const notes = below.length > 0 ? [unreadNote(unread, below.length)] : [];
  if (withoutEvents.length === 0) return { unproven: [], notes };
  const reports = below.length === withoutEvents.length || (await reportsResources(context, plan, execution));
  if (!reports) {
    notes.push(
      'The endpoint reports no resource events, so the planned changes were not checked individually.',
    );
  }
  const stacks = new StackResources(context, plan.stackId);
  const unproven: UnprovenChange[] = [];
  for (const change of withoutEvents) {
    const doubt = await verifyChange(context, { plan, change, execution, stacks });
    // If no events can be read, only a contradicting state in ECS is a finding.
    const areEventsSeen = reports && !below.includes(change);
    if (!doubt || (!areEventsSeen && doubt.isContradicted !== true)) continue;
    const { logicalId, nesting, type } = change;
    const { why, fix } = doubt;
    unproven.push({ logicalId, nesting, type, why, ...(fix !== undefined && { fix }) });
  }
  return { unproven, notes };
}

function changesWithoutEvent(plan: Plan, { timeline }: Execution): ResourceChange[] {
  const steps = [...timeline.steps].filter((step) => !step.rollback);
  const seen = new Set(steps.map(pathOf));
  const deleted = steps.filter(({ action, type }) => action === 'delete' && type === STACK_TYPE).map(pathOf);
  return plan.changes.filter(
    (change) =>
      change.action !== 'sync' &&
      !seen.has(pathOf(change)) &&
      !deleted.some((path) => isBelow(change, path)) &&
      !changesTemplateOnly(change),
  );
}

function isBelow({ nesting }: ResourceChange, path: string): boolean {
  const above = nesting.join('/');
  return above === path || above.startsWith(`${path}/`);
}

/** Attributes that only CloudFormation stores; changing them calls no other service. */
const TEMPLATE_ATTRIBUTE =
  /^(?:Metadata|CreationPolicy|UpdatePolicy|DeletionPolicy|UpdateReplacePolicy)(?:\.|$)/;

function changesTemplateOnly({ action, properties }: ResourceChange): boolean {
  return (
    action === 'modify' &&
    properties.length > 0 &&
    properties.every(({ path }) => TEMPLATE_ATTRIBUTE.test(path))
  );
}

function unreadNote(unread: readonly string[], count: number): string {
  return `The events of ${unread.join(', ')} could not be read (cloudformation:DescribeStackEvents), so ${plural(count, 'planned change')} ${count === 1 ? 'was' : 'were'} not checked.`;
}

/** Whether the endpoint reports resource events. AWS-compatible endpoints may report only those of stacks. */
async function reportsResources(
  context: StackCommandContext,
  plan: Plan,
  { timeline }: Execution,
): Promise<boolean> {
  if ([...timeline.steps].length > 0) return true;
  const events = await recentEvents(context, plan.stackId, () => true);
  return events.some((event) => !isOwnRow(event));
}

/** Reads the resources of a stack and its nested stacks, each once. */
class StackResources {
  readonly #context: StackCommandContext;
  readonly #rootId: string;
  readonly #read = new Map<string, Promise<Resources>>();

  constructor(context: StackCommandContext, rootId: string) {
    this.#context = context;
    this.#rootId = rootId;
  }

  of(nesting: readonly string[]): Promise<Resources> {
    const path = nesting.join('/');
    const resources = this.#read.get(path) ?? this.#list(nesting);
    this.#read.set(path, resources);
    return resources;
  }

  async #list(nesting: readonly string[]): Promise<Resources> {
    const stackId = await this.#stackIdOf(nesting);
    if (stackId === undefined) return new Map();
    try {
      const found = await listResources(this.#context, stackId);
      return new Map(found.map((resource) => [resource.LogicalResourceId ?? '', resource]));
    } catch (error) {
      if (!['denied', 'not-found'].includes(classify(error))) throw error;
      return { unreadable: reasonOf(error) };
    }
  }

  async #stackIdOf(nesting: readonly string[]): Promise<string | undefined> {
    const logicalId = nesting.at(-1);
    if (logicalId === undefined) return this.#rootId;
    const above = await this.of(nesting.slice(0, -1));
    return 'unreadable' in above ? undefined : above.get(logicalId)?.PhysicalResourceId;
  }
}

interface Verification {
  plan: Plan;
  change: ResourceChange;
  execution: Execution;
  stacks: StackResources;
}
interface Doubt extends Pick<UnprovenChange, 'why' | 'fix'> {
  /** Set if another state was read, regardless of events. */
  isContradicted?: true;
}

const NO_EVENT = 'CloudFormation reported no change to it';

/** Why a change without an event is unproven; undefined if it is in effect or was not needed. */
async function verifyChange(
  context: StackCommandContext,
  verification: Verification,
): Promise<Doubt | undefined> {
  const { change, execution, stacks } = verification;
  const resources = await stacks.of(change.nesting);
  if ('unreadable' in resources) {
    return { why: `${NO_EVENT}, and the resources of the stack could not be read (${resources.unreadable})` };
  }
  const resource = resources.get(change.logicalId);
  const exists = resource !== undefined && isAlive(resource);
  if (change.action === 'remove') return exists ? { why: 'it is still in the stack' } : undefined;
  if (!exists) return { why: 'it is not in the stack' };
  if (change.action === 'add' || change.action === 'import') return undefined;
  if (wasTouched(change, resource, execution)) return undefined;
  if (change.type === 'AWS::ECS::Service') return await verifyService(context, verification, resources);
  return hadToChange(verification, resources) ? { why: NO_EVENT } : undefined;
}

function wasTouched(
  change: ResourceChange,
  resource: StackResourceSummary,
  { startedAt }: Execution,
): boolean {
  const at = resource.LastUpdatedTimestamp?.getTime();
  if (at !== undefined && startedAt !== undefined && at >= startedAt) return true;
  return change.replacement === 'yes' && isOther(change.physicalId, resource.PhysicalResourceId);
}

function isOther(before: string | undefined, now: string | undefined): boolean {
  return before !== undefined && now !== undefined && before !== now;
}

/** Whether a property had to change, rather than depending on values that are known only during the execution. */
function hadToChange(
  verification: Verification,
  resources: ReadonlyMap<string, StackResourceSummary>,
): boolean {
  const { change } = verification;
  if (change.properties.length === 0) return change.action !== 'dynamic';
  return change.properties.some((property) => propertyHadToChange(verification, property, resources));
}

function propertyHadToChange(
  { plan, change }: Verification,
  { path, cause, before, after }: PropertyChange,
  resources: ReadonlyMap<string, StackResourceSummary>,
): boolean {
  if (TEMPLATE_ATTRIBUTE.test(path)) return false;
  if (isKnown(after) && (before === undefined || isKnown(before))) return before !== after;
  if (cause === undefined) return true;
  const causes = cause.split(', ').map((name) => name.split('.')[0] ?? '');
  const ofResources = causes.filter((name) => resources.has(name));
  // The parent stack determines the parameters of a nested stack.
  if (ofResources.length < causes.length) return change.nesting.length === 0;
  return ofResources.some((name) => {
    const planned = plan.changes.find((other) => pathOf(other) === [...change.nesting, name].join('/'));
    return isOther(planned?.physicalId, resources.get(name)?.PhysicalResourceId);
  });
}

/** In a change set, a value that is known only after the execution is `{{changeSet:KNOWN_AFTER_APPLY}}`. */
function isKnown(value: string | undefined): value is string {
  return value !== undefined && !value.includes('KNOWN_AFTER_APPLY');
}

const TASK_DEFINITION = 'Properties.TaskDefinition';

/**
 * Compares a service whose task definition had to change with ECS. A service whose task definition did not have to change
 * may run a revision that was deployed without the stack. Other planned changes cannot be compared.
 */
async function verifyService(
  context: StackCommandContext,
  verification: Verification,
  resources: ReadonlyMap<string, StackResourceSummary>,
): Promise<Doubt | undefined> {
  const { properties, logicalId } = verification.change;
  const definition = properties.find(({ path }) => path === TASK_DEFINITION);
  if (!definition) return hadToChange(verification, resources) ? { why: NO_EVENT } : undefined;
  const others = properties.filter((property) => property !== definition);
  const restHadToChange = others.some((property) => propertyHadToChange(verification, property, resources));
  const rest = restHadToChange ? { why: NO_EVENT } : undefined;
  if (!propertyHadToChange(verification, definition, resources)) return rest;
  const declared = declaredRevision(definition, resources);
  if (declared === undefined) return { why: NO_EVENT };
  const running = await readRunning(context, resources.get(logicalId)?.PhysicalResourceId ?? '');
  if ('unreadable' in running) {
    return {
      why: `${NO_EVENT}, and the task definition that ECS runs could not be read (${running.unreadable})`,
    };
  }
  const name = revisionName(declared);
  if (running.name === name) return rest;
  return {
    why: `ECS runs ${running.name}, but the stack declares ${name}`,
    fix: `Run update-service with task-definition-arn: ${name} to deploy it.`,
    isContradicted: true,
  };
}

/** The task definition that the service must run, as an ARN or a name; undefined if it cannot be determined. */
function declaredRevision(
  { after, cause }: PropertyChange,
  resources: ReadonlyMap<string, StackResourceSummary>,
): string | undefined {
  if (isKnown(after)) return after;
  return resources.get(cause?.split('.')[0] ?? '')?.PhysicalResourceId;
}

/** `family:revision` of a task definition's ARN. */
function revisionName(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

async function readRunning(
  context: StackCommandContext,
  arn: string,
): Promise<{ name: string } | { unreadable: string }> {
  try {
    const name = await context.runningRevision?.(arn);
    return name === undefined ? { unreadable: 'the service does not exist' } : { name };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof PlatformError)) throw error;
    return { unreadable: reasonOf(error) };
  }
}
