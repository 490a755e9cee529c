import { classify } from '../../aws/errors.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { pathOf, type Plan, type PropertyChange, type ResourceChange } from '../change-set/changes.ts';
import type { StackCommandContext } from '../command-run.ts';
import { isAlive, listResources, STACK_TYPE } from '../stack.ts';
import { isOwnRow, recentEvents } from './events.ts';
import type { Execution } from './watch.ts';
import type { StackResourceSummary } from '@aws-sdk/client-cloudformation';
import { plural } from '../../core/text.ts';

/** A planned change that nothing proves although the operation completed. */
export interface UnprovenChange {
  logicalId: string;
  nesting: readonly string[];
  type: string;
  /** What is known instead, as a clause: `CloudFormation reported no change of it`. */
  why: string;
  /** What to do about it, starting with a verb. */
  fix?: string;
}

/** What reconciling found. */
export interface Reconciliation {
  unproven: readonly UnprovenChange[];
  /** What could not be checked, a sentence each. */
  notes: readonly string[];
}

/** The resources of a stack by their logical ids, or why they cannot be read. */
type Resources = ReadonlyMap<string, StackResourceSummary> | { unreadable: string };

/**
 * Reconciles the planned changes for which a completed operation has no event. CloudFormation decides some changes only
 * as it executes them, and then leaves out what did not have to change; in express mode it has also left out ECS services
 * that had to change. What is in effect is read from ECS for a service, and from the stack's resources for all else.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2538
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html dynamic evaluation
 */
export async function reconcile(
  context: StackCommandContext,
  plan: Plan,
  execution: Execution,
): Promise<Reconciliation> {
  const silent = withoutEvent(plan, execution);
  const unread = execution.unreadNested ?? [];
  const below = silent.filter((change) => unread.some((path) => isBelow(change, path)));
  const notes = below.length > 0 ? [unreadNote(unread, below.length)] : [];
  if (silent.length === 0) return { unproven: [], notes };
  const reports = below.length === silent.length || (await reportsResources(context, plan, execution));
  if (!reports) {
    notes.push(
      'This endpoint reports no events of resources, so the planned changes were not checked one by one.',
    );
  }
  const stacks = new StackResources(context, plan.stackId);
  const unproven: UnprovenChange[] = [];
  for (const change of silent) {
    const doubt = await doubtOf(context, { plan, change, execution, stacks });
    // Where no events can be seen, their absence proves nothing; what ECS runs still does.
    const areEventsSeen = reports && !below.includes(change);
    if (!doubt || (!areEventsSeen && doubt.isContradicted !== true)) continue;
    const { logicalId, nesting, type } = change;
    const { why, fix } = doubt;
    unproven.push({ logicalId, nesting, type, why, ...(fix !== undefined && { fix }) });
  }
  return { unproven, notes };
}

function withoutEvent(plan: Plan, { timeline }: Execution): ResourceChange[] {
  const steps = [...timeline.steps].filter((step) => !step.rollback);
  const seen = new Set(steps.map(pathOf));
  const deleted = steps.filter(({ action, type }) => action === 'delete' && type === STACK_TYPE).map(pathOf);
  return plan.changes.filter(
    (change) =>
      change.action !== 'sync' &&
      !seen.has(pathOf(change)) &&
      !deleted.some((path) => isBelow(change, path)) &&
      !isOfTemplateAlone(change),
  );
}

function isBelow({ nesting }: ResourceChange, path: string): boolean {
  const above = nesting.join('/');
  return above === path || above.startsWith(`${path}/`);
}

/** Attributes that CloudFormation itself keeps; no service is called for them. */
const OF_TEMPLATE = /^(?:Metadata|CreationPolicy|UpdatePolicy|DeletionPolicy|UpdateReplacePolicy)(?:\.|$)/;

function isOfTemplateAlone({ action, properties }: ResourceChange): boolean {
  return (
    action === 'modify' && properties.length > 0 && properties.every(({ path }) => OF_TEMPLATE.test(path))
  );
}

function unreadNote(unread: readonly string[], count: number): string {
  return `The events of ${unread.join(', ')} could not be read (cloudformation:DescribeStackEvents), so ${plural(count, 'planned change')} in it ${count === 1 ? 'was' : 'were'} not checked.`;
}

/** AWS-compatible endpoints may report the events of stacks alone. */
async function reportsResources(
  context: StackCommandContext,
  plan: Plan,
  { timeline }: Execution,
): Promise<boolean> {
  if ([...timeline.steps].length > 0) return true;
  const events = await recentEvents(context, plan.stackId, () => true);
  return events.some((event) => !isOwnRow(event));
}

/** Reads the resources of a stack and of those nested in it, each once. */
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

interface Question {
  plan: Plan;
  change: ResourceChange;
  execution: Execution;
  stacks: StackResources;
}
interface Doubt extends Pick<UnprovenChange, 'why' | 'fix'> {
  /** Another state was seen in effect, whatever the events say. */
  isContradicted?: true;
}

const NO_EVENT = 'CloudFormation reported no change of it';

/** Why a change without an event is not proven; undefined when it is in effect, or did not have to be made. */
async function doubtOf(context: StackCommandContext, question: Question): Promise<Doubt | undefined> {
  const { change, execution, stacks } = question;
  const resources = await stacks.of(change.nesting);
  if ('unreadable' in resources) {
    return { why: `${NO_EVENT}, and the resources of the stack cannot be read (${resources.unreadable})` };
  }
  const resource = resources.get(change.logicalId);
  const exists = resource !== undefined && isAlive(resource);
  if (change.action === 'remove') return exists ? { why: 'it is still part of the stack' } : undefined;
  if (!exists) return { why: 'it is not part of the stack' };
  if (change.action === 'add' || change.action === 'import') return undefined;
  if (wasTouched(change, resource, execution)) return undefined;
  if (change.type === 'AWS::ECS::Service') return await serviceDoubt(context, question, resources);
  return hadToChange(question, resources) ? { why: NO_EVENT } : undefined;
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

/** Whether a property had to change, instead of being left to what the execution finds. */
function hadToChange(question: Question, resources: ReadonlyMap<string, StackResourceSummary>): boolean {
  const { change } = question;
  if (change.properties.length === 0) return change.action !== 'dynamic';
  return change.properties.some((property) => propertyHadToChange(question, property, resources));
}

function propertyHadToChange(
  { plan, change }: Question,
  { path, cause, before, after }: PropertyChange,
  resources: ReadonlyMap<string, StackResourceSummary>,
): boolean {
  if (OF_TEMPLATE.test(path)) return false;
  if (isKnown(after) && (before === undefined || isKnown(before))) return before !== after;
  if (cause === undefined) return true;
  const causes = cause.split(', ').map((name) => name.split('.')[0] ?? '');
  const ofResources = causes.filter((name) => resources.has(name));
  // What a nested stack's parameters become is decided by the stack above it.
  if (ofResources.length < causes.length) return change.nesting.length === 0;
  return ofResources.some((name) => {
    const planned = plan.changes.find((other) => pathOf(other) === [...change.nesting, name].join('/'));
    return isOther(planned?.physicalId, resources.get(name)?.PhysicalResourceId);
  });
}

/** A change set names what only the execution tells `{{changeSet:KNOWN_AFTER_APPLY}}`. */
function isKnown(value: string | undefined): value is string {
  return value !== undefined && !value.includes('KNOWN_AFTER_APPLY');
}

const TASK_DEFINITION = 'Properties.TaskDefinition';

/**
 * A service that had to take another task definition is compared with ECS. Where it did not have to, it may well run a
 * revision that was rolled out without the stack. What else was planned of it cannot be compared.
 */
async function serviceDoubt(
  context: StackCommandContext,
  question: Question,
  resources: ReadonlyMap<string, StackResourceSummary>,
): Promise<Doubt | undefined> {
  const { properties, logicalId } = question.change;
  const definition = properties.find(({ path }) => path === TASK_DEFINITION);
  if (!definition) return hadToChange(question, resources) ? { why: NO_EVENT } : undefined;
  const others = properties.filter((property) => property !== definition);
  const restHadToChange = others.some((property) => propertyHadToChange(question, property, resources));
  const rest = restHadToChange ? { why: NO_EVENT } : undefined;
  if (!propertyHadToChange(question, definition, resources)) return rest;
  const declared = declaredRevision(definition, resources);
  if (declared === undefined) return { why: NO_EVENT };
  const running = await readRunning(context, resources.get(logicalId)?.PhysicalResourceId ?? '');
  if ('unreadable' in running) {
    return { why: `${NO_EVENT}, and what ECS runs cannot be read (${running.unreadable})` };
  }
  const name = revisionName(declared);
  if (running.name === name) return rest;
  return {
    why: `ECS runs ${running.name}, and the stack declares ${name}`,
    fix: `Run update-service with task-definition-arn: ${name} to roll it out.`,
    isContradicted: true,
  };
}

/** The task definition that the service has to run, as an ARN or by its name; undefined when it cannot be told. */
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
    return name === undefined ? { unreadable: 'there is no such service' } : { name };
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof PlatformError)) throw error;
    return { unreadable: reasonOf(error) };
  }
}
