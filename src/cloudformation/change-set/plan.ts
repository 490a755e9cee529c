import { randomUUID } from 'node:crypto';
import { isSecretName } from '../../core/redaction.ts';
import { AwsError, awsNameOf, classify, isNotFound } from '../../aws/errors.ts';
import type { ResourceChange as AwsChange } from '@aws-sdk/client-cloudformation';
import { sha256 } from '../../core/canonical.ts';
import { Slots } from '../../core/concurrency.ts';
import { reasonOf } from '../../core/errors.ts';
import { removedNestedResources } from '../nested-stacks.ts';
import { findStack, type ListingContext } from '../listing.ts';
import { isShell, STACK_TYPE, type StackSnapshot } from '../stack.ts';
import { findSensitive, hideSecrets, maskChange, MASKED, type Sensitive } from '../template/secrets.ts';
import { templateSource, type Template } from '../template/template.ts';
import type { CloudFormationContext, DeployStackInputs } from '../context.ts';
import {
  type Plan,
  type PlanSettings,
  type PropertyChange,
  type ResourceChange,
  type TrafficChange,
  effectOf,
  EFFECTS,
  pathOf,
  planHeadline,
  signOf,
} from './changes.ts';
import type { ResolvedParameter } from '../parameters/resolve.ts';
import {
  changeSetAddress,
  type ChangeSetId,
  type ChangeSetRequest,
  createChangeSet,
  waitForChangeSet,
} from './create.ts';
import {
  describeFinding,
  eventFinding,
  failedEvents,
  failuresOf,
  findingsOf,
  PlanFailedError,
  requestFinding,
  isNoChangesReason,
} from './failure.ts';
import { fingerprint } from './fingerprint.ts';
import { type ChangeSetTree, readChangeSetTree, readTemplate, resourceChange } from './read.ts';
import { storedValues } from './stored-values.ts';
import { trafficChanges } from './traffic.ts';
import { rollbackConfiguration } from '../settings.ts';
import { CLEAN_UP_MS, deleteChangeSet, removeChangeSet } from './remove.ts';

export interface PlanRequest {
  inputs: DeployStackInputs;
  template: Template;
  parameters: readonly ResolvedParameter[];
  tags: Record<string, string>;
  /** The current stack; undefined for a new one. */
  stack?: StackSnapshot;
  changeSetName: string;
  revertDrift?: boolean;
  /** Reads the deployed template of the stack; cached. */
  deployed?: () => Promise<string | undefined>;
}

/** A plan that can no longer be executed, with the reason. `plan` is set if AWS still has the change set. */
export interface UnavailablePlan {
  unavailable: string;
  plan?: Plan;
}

export interface ExecutedPlan {
  executed: 'complete' | 'failed' | 'in-progress';
  plan: Plan;
}

/**
 * Creates a change set and reads its changes. If there are none, the plan has `hasChanges: false` and the change set is
 * deleted.
 * @throws PlanFailedError with the findings if CloudFormation rejects it. Before any error is thrown, even if the job is
 * cancelled, the change set and the empty stack created for it are deleted.
 */
export async function createPlan(context: CloudFormationContext, request: PlanRequest): Promise<Plan> {
  hideSecrets(context, request.template, request.parameters);
  const { inputs, template, stack, changeSetName } = request;
  const kind = stack === undefined || isShell(stack.status) ? 'create' : 'update';
  const rollback = request.revertDrift ? undefined : await rollbackConfiguration(context, inputs);
  const changeSet: ChangeSetRequest = {
    stackName: stack?.stackName ?? inputs.stackName,
    changeSetName,
    kind,
    source: await templateSource(context, template, inputs),
    parameters: request.parameters,
    tags: request.tags,
    inputs,
    ...(rollback && { rollback }),
    revertDrift: request.revertDrift ?? false,
    nonce: randomUUID(),
  };
  try {
    return await requestPlan(context, request, changeSet);
  } catch (error) {
    await removeChangeSet(context, changeSet);
    const reason = error instanceof PlanFailedError ? nestedOnlyReason(error, template) : undefined;
    if (reason === undefined || changeSet.revertDrift) throw error;
    const without = { ...changeSet, hideNested: true, nonce: randomUUID() };
    delete without.made;
    return await planWithoutNested(context, request, without, reason);
  }
}

/**
 * Reasons for which CloudFormation rejects a change set only because it includes nested stacks: it uses their outputs as
 * unresolved text. Such a template can be planned without its nested stacks, and deployed.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/759 for Fn::Select
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1212 for the URL
 * @see https://github.com/aws-cloudformation/cfn-language-discussion/issues/152 and
 * https://github.com/aws/aws-cdk-cli/pull/1303 for the placeholder
 */
const NESTED_ONLY = [
  /Fn::Select\b.* nonexistent value/,
  /TemplateURL must be a supported URL/,
  /\{\{IntrinsicFunction:/,
];

/** The reason of a failure that planning without nested stacks may avoid; undefined for any other. */
function nestedOnlyReason({ findings }: PlanFailedError, { resources }: Template): string | undefined {
  if (!Object.values(resources).some(({ type }) => type === STACK_TYPE)) return undefined;
  const errors = findings.filter(({ level }) => level === 'error').map(({ message }) => message);
  const known = errors.every((message) => NESTED_ONLY.some((pattern) => pattern.test(message)));
  return known ? errors[0] : undefined;
}

/** Plans a stack without its nested stacks. The plan has a warning, and the guard checks the contents of nested stacks. */
async function planWithoutNested(
  context: CloudFormationContext,
  request: PlanRequest,
  changeSet: ChangeSetRequest,
  reason: string,
): Promise<Plan> {
  try {
    const plan = await requestPlan(context, request, changeSet);
    const warning = `Nested stacks are not part of this plan, and their changes are not shown: CloudFormation cannot plan them ("${reason}").`;
    return { ...plan, warnings: [warning, ...(plan.warnings ?? [])] };
  } catch (error) {
    await removeChangeSet(context, changeSet);
    throw error;
  }
}

async function requestPlan(
  context: CloudFormationContext,
  { inputs, template, stack, deployed }: PlanRequest,
  changeSet: ChangeSetRequest,
): Promise<Plan> {
  const made = await requestChangeSet(context, changeSet, template);
  if (!made) return await buildPlan(context, withoutChangeSet(changeSet, stack), 'update', false);
  changeSet.made = made;
  const set = await waitForChangeSet(context, made, inputs.timeoutMs);
  if (set.Status !== 'FAILED') {
    const read = async (): Promise<Plan> => {
      const tree = await readChangeSetTree(context, changeSetAddress(made), { first: set });
      return await buildPlan(context, tree, changeSet.kind, true, {
        ...(stack && { stack }),
        ...(deployed && { deployed }),
      });
    };
    return set.NextToken === undefined ? await read() : await PAGED.run(context, read);
  }
  const failures = await failuresOf(context, set);
  if (failures.length > 0) {
    const findings = await findingsOf(context, failures, template);
    throw new PlanFailedError(inputs.stackName, findings);
  }
  const plan = await buildPlan(context, { set, changes: [], nested: [] }, changeSet.kind, false);
  await deleteChangeSet(context, made, CLEAN_UP_MS);
  return plan;
}

/** Change sets with several pages of up to 1 MB each need much memory, so only a few are read concurrently. */
const PAGED = new Slots(4);

function hasOldValues(changes: readonly AwsChange[]): boolean {
  return changes.some(({ Action }) => Action !== 'Add');
}

/** Undefined if the endpoint rejects the request because there is nothing to change, as some AWS emulators do. */
async function requestChangeSet(
  context: CloudFormationContext,
  changeSet: ChangeSetRequest,
  template: Template,
): Promise<ChangeSetId | undefined> {
  try {
    return await createChangeSet(context, changeSet);
  } catch (error) {
    if (!isRefusal(error)) throw error;
    const message = error instanceof AwsError ? error.awsMessage : reasonOf(error);
    if (changeSet.kind === 'create' || !isNoChangesReason(message)) {
      throw new PlanFailedError(changeSet.stackName, [requestFinding(error, template)]);
    }
    await removeChangeSet(context, changeSet);
    return undefined;
  }
}

/** Whether CloudFormation rejected the request itself. */
function isRefusal(error: unknown): boolean {
  if (['validation', 'limit', 'conflict'].includes(classify(error))) return true;
  return awsNameOf(error).startsWith('InsufficientCapabilities');
}

function withoutChangeSet(
  { stackName, changeSetName }: ChangeSetRequest,
  stack: StackSnapshot | undefined,
): ChangeSetTree {
  const set = { StackName: stackName, StackId: stack?.stackId, ChangeSetName: changeSetName };
  return { set, changes: [], nested: [] };
}

/**
 * Reads a plan by its change set's name, to execute it in another job. The fingerprint is computed from AWS's responses,
 * without the workspace.
 */
export async function readPlan(
  context: ListingContext,
  stackName: string,
  changeSetName: string,
): Promise<Plan | UnavailablePlan | ExecutedPlan> {
  const stack = await findStack(context, stackName);
  if (!stack) return { unavailable: `stack ${stackName} does not exist` };
  const tree = await findTree(context, stack, changeSetName);
  if (!tree)
    return {
      unavailable: `change set ${changeSetName} does not exist: it was deleted, or another change set was executed`,
    };
  const { Status: status = '', ExecutionStatus: execution = '', StatusReason: reason } = tree.set;
  if (status !== 'CREATE_COMPLETE')
    return { unavailable: `its status is ${status}${reason ? `: ${reason}` : ''}` };
  const kind = isShell(stack.status) || stack.status.startsWith('CREATE_') ? 'create' : 'update';
  const plan = await buildPlan(context, tree, kind, true, { stack });
  const executed = EXECUTED[execution];
  if (executed) return { executed, plan };
  if (execution === 'AVAILABLE') return { ...plan, kind: isShell(stack.status) ? 'create' : 'update' };
  return {
    unavailable: `its execution status is ${execution}: the stack has changed since the plan was created`,
    plan,
  };
}

const EXECUTED: Readonly<Record<string, ExecutedPlan['executed']>> = {
  EXECUTE_COMPLETE: 'complete',
  EXECUTE_FAILED: 'failed',
  EXECUTE_IN_PROGRESS: 'in-progress',
};

async function findTree(
  context: CloudFormationContext,
  stack: StackSnapshot,
  changeSetName: string,
): Promise<ChangeSetTree | undefined> {
  const address = changeSetAddress({ changeSetId: changeSetName, stackId: stack.stackId });
  try {
    return await readChangeSetTree(context, address, { executed: true });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Builds a plan from a change set: masks secrets, computes the fingerprint, then redacts the job's own secrets. */
export async function buildPlan(
  context: CloudFormationContext,
  tree: ChangeSetTree,
  kind: Plan['kind'],
  hasChanges: boolean,
  before: Before = {},
): Promise<Plan> {
  const { set } = tree;
  for (const { ParameterKey: key = '', ResolvedValue: value } of set.Parameters ?? []) {
    if (value !== undefined && isPlainSecret(key, value)) context.log.secret(value);
  }
  const changes = await maskedChanges(context, tree, [], before);
  const settings = settingsOf(tree, templateHashes(tree, []));
  const stored = await storedValues(context, tree, isHidden);
  const warnings = [...(await warningsOf(context, set, changes)), ...stored.uncompared];
  return {
    stackName: set.StackName ?? '',
    stackId: set.StackId ?? '',
    changeSetName: set.ChangeSetName ?? '',
    changeSetId: set.ChangeSetId ?? '',
    kind,
    hasChanges,
    fingerprint: fingerprint(settings, changes),
    changes: changes.map((change) => redacted(context, change)),
    settings,
    warnings,
    traffic: trafficOf(tree, []),
    stored: stored.values,
    ...(set.OnStackFailure && { onStackFailure: set.OnStackFailure }),
  };
}

/** Replaced by every release; its deregistration cannot fail the deployment. */
const TASK_DEFINITION = 'AWS::ECS::TaskDefinition';

/**
 * CloudFormation's warnings about deletions that will fail, such as a bucket that is not empty. They are read only if a
 * resource is deleted or replaced, because they need another call.
 */
async function warningsOf(
  context: CloudFormationContext,
  { ChangeSetId }: ChangeSetTree['set'],
  changes: readonly ResourceChange[],
): Promise<string[]> {
  const removesResources = changes.some(
    ({ action, replacement, type }) =>
      (action === 'remove' || replacement !== 'no') && type !== TASK_DEFINITION,
  );
  if (!removesResources || !ChangeSetId) return [];
  const events = (await failedEvents(context, ChangeSetId)) ?? [];
  const findings = events.flatMap((event) => eventFinding(event, undefined));
  return findings.map((finding) => context.redactor.redact(describeFinding(finding)));
}

async function maskedChanges(
  context: CloudFormationContext,
  tree: ChangeSetTree,
  nesting: readonly string[],
  before: Before = {},
): Promise<ResourceChange[]> {
  const sensitive = await sensitiveOf(context, tree, before);
  const own = tree.changes.map((change) => maskChange(resourceChange(change, nesting), sensitive));
  const below = await Promise.all(
    tree.nested.map(({ logicalId, tree: nested }) => maskedChanges(context, nested, [...nesting, logicalId])),
  );
  const removed = await Promise.all(own.map((change) => removedNestedResources(context, change)));
  return [...own, ...below.flat(), ...removed.flat()];
}

function trafficOf(
  { changes, template, nested }: ChangeSetTree,
  nesting: readonly string[],
): TrafficChange[] {
  return [
    ...trafficChanges(changes, template, nesting),
    ...nested.flatMap(({ logicalId, tree }) => trafficOf(tree, [...nesting, logicalId])),
  ];
}

/** The stack before the change, if it was read. */
interface Before {
  deployed?: PlanRequest['deployed'];
  stack?: StackSnapshot;
}

/**
 * Whether the deployed template may have secret old values: the stack has a parameter that is NoEcho, for which
 * CloudFormation returns `****`, or whose name is that of a secret.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
 */
function mayHide({ changes }: ChangeSetTree, stack: StackSnapshot | undefined): boolean {
  if (!hasOldValues(changes)) return false;
  return (
    !stack || Object.entries(stack.parameters).some(([name, value]) => value === MASKED || isSecretName(name))
  );
}

/** The sensitive values in the new and the deployed template, which may use a secret in different places. */
async function sensitiveOf(
  context: CloudFormationContext,
  tree: ChangeSetTree,
  { deployed, stack }: Before,
): Promise<Sensitive> {
  const { set, template } = tree;
  const read = async (): Promise<string | undefined> => {
    if (deployed) return await deployed();
    return set.StackId ? await readTemplate(context, { StackName: set.StackId }) : undefined;
  };
  const running = mayHide(tree, stack) ? await read() : undefined;
  return findSensitive([template, running].filter((text) => text !== undefined));
}

function settingsOf(
  { set, changes, template }: ChangeSetTree,
  templates: Record<string, string>,
): PlanSettings {
  const hidden = template === undefined ? undefined : findSensitive([template]).parameters;
  const mask = (key: string, value: string): string =>
    (hidden?.has(key) ?? isSecretName(key)) ? MASKED : value;
  const parameters: [string, string][] = [];
  const resolved: [string, string][] = [];
  for (const { ParameterKey: key = '', ParameterValue: value = '', ResolvedValue } of set.Parameters ?? []) {
    parameters.push([key, mask(key, value)]);
    if (ResolvedValue !== undefined)
      resolved.push([key, isPlainSecret(key, ResolvedValue) ? MASKED : mask(key, ResolvedValue)]);
  }
  return {
    templates,
    parameters: Object.fromEntries(parameters),
    resolved: Object.fromEntries(resolved),
    tags: Object.fromEntries((set.Tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value])),
    capabilities: [...(set.Capabilities ?? [])].sort(),
    notificationArns: [...(set.NotificationARNs ?? [])].sort(),
    revertsDrift: set.DeploymentMode === 'REVERT_DRIFT',
    ...(hidesNested(set, changes) && { hidesNested: true as const }),
    ...rollbackSettings(set),
    ...(set.ImportExistingResources && { importsExisting: true as const }),
    ...(set.OnStackFailure && { onStackFailure: set.OnStackFailure }),
    ...(set.DeploymentConfig?.Mode && { mode: set.DeploymentConfig.Mode }),
    ...(set.DeploymentConfig?.DisableRollback !== undefined && {
      disableRollback: set.DeploymentConfig.DisableRollback,
    }),
  };
}

function rollbackSettings({
  RollbackConfiguration: given,
}: ChangeSetTree['set']): Pick<PlanSettings, 'rollbackAlarms' | 'monitoringMinutes'> {
  const { RollbackTriggers: triggers = [], MonitoringTimeInMinutes: minutes = 0 } = given ?? {};
  const names = triggers.map(({ Arn = '' }) => Arn.split(':alarm:')[1] ?? Arn);
  return {
    ...(names.length > 0 && { rollbackAlarms: names.sort() }),
    ...(minutes > 0 && { monitoringMinutes: minutes }),
  };
}

/** Whether a change set changes nested stacks but was created without them. */
function hidesNested(
  { IncludeNestedStacks: included, DeploymentMode: mode }: ChangeSetTree['set'],
  changes: ChangeSetTree['changes'],
): boolean {
  return (
    included === false &&
    mode !== 'REVERT_DRIFT' &&
    changes.some(({ ResourceType, Action }) => ResourceType === STACK_TYPE && Action !== 'Remove')
  );
}

/** Whether the resolved value of a parameter must not be shown. */
function isHidden({ template }: ChangeSetTree, key: string, resolved: string): boolean {
  const hidden = template === undefined ? undefined : findSensitive([template]).parameters;
  return (hidden?.has(key) ?? isSecretName(key)) || isPlainSecret(key, resolved);
}

/** A secret stored in a plain SSM parameter. A value that is an ARN is only a reference to a secret. */
function isPlainSecret(key: string, resolved: string): boolean {
  return isSecretName(key) && !resolved.startsWith('arn:');
}

function templateHashes(tree: ChangeSetTree, path: readonly string[]): Record<string, string> {
  const own = tree.template === undefined ? {} : { [path.join('/')]: sha256(tree.template) };
  const nested = tree.nested.map(({ logicalId, tree: below }) => templateHashes(below, [...path, logicalId]));
  return Object.assign(own, ...nested) as Record<string, string>;
}

function redacted({ redactor }: CloudFormationContext, change: ResourceChange): ResourceChange {
  const clean = ({ before, after, drift, ...rest }: PropertyChange): PropertyChange => ({
    ...rest,
    ...(before !== undefined && { before: redactor.redact(before) }),
    ...(after !== undefined && { after: redactor.redact(after) }),
    ...(drift && {
      drift: {
        ...(drift.expected !== undefined && { expected: redactor.redact(drift.expected) }),
        ...(drift.actual !== undefined && { actual: redactor.redact(drift.actual) }),
      },
    }),
  });
  return { ...change, properties: change.properties.map(clean) };
}

const SHOWN = 200;
const SHOWN_PROPERTIES = 5;

/** Logs a plan, the most destructive changes first: ` -/+  AWS::RDS::DBInstance  Database  (Engine)`. */
export function logPlan(context: CloudFormationContext, plan: Plan): void {
  context.log.info(`Plan for stack ${plan.stackName}: ${planHeadline(plan)}`);
  const order = new Map(EFFECTS.map((effect, index) => [effect, index]));
  const rank = (change: Plan['changes'][number]): number => order.get(effectOf(change)) ?? 0;
  const sorted = plan.changes.toSorted((a, b) => rank(a) - rank(b));
  for (const change of sorted.slice(0, SHOWN)) {
    const paths = change.properties.map(({ path }) => path.replace(/^Properties\./, ''));
    const more = paths.length > SHOWN_PROPERTIES ? ', …' : '';
    const properties =
      change.action === 'modify' && paths.length > 0
        ? `  (${paths.slice(0, SHOWN_PROPERTIES).join(', ')}${more})`
        : '';
    context.log.info(
      `${signOf(effectOf(change)).padStart(6)}  ${change.type}  ${pathOf(change)}${properties}`,
    );
  }
  if (sorted.length > SHOWN) context.log.info(`        … and ${sorted.length - SHOWN} more`);
  for (const warning of plan.warnings ?? []) context.log.info(`        ${warning}`);
}
