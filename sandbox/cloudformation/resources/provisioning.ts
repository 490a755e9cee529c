import { AwsError } from '../../protocols/service.ts';
import type { ResourceRule } from '../../scenario/scenario.ts';
import type { World } from '../../world.ts';
import { ResourceFailure } from '../errors.ts';
import { type EventSource, recordHook, setResourceStatus } from '../engine/events.ts';
import { hookFailure, invokeOnResource } from '../engine/hooks.ts';
import { stackDatabase } from '../engine/stack-database.ts';
import { identityOf, type Stack, type StackResource, type Tag } from '../engine/stack.ts';
import { asText, type JsonObject, textOf } from '../json.ts';
import { resolveProperties, type Scope } from '../templates/intrinsics.ts';
import type { ResourceDefinition } from '../templates/template.ts';
import { authorizeHandler } from '../permissions/handler-authorization.ts';
import { revisionOf } from './ecs.ts';
import * as effects from './effects.ts';
import { newNameSuffix, physicalIdOf } from './identity.ts';
import { deletionPolicy, isRetained, updateReplacePolicy } from './policies.ts';
import { checkProperties } from './property-validation.ts';
import { schemaOf } from './schema.ts';

/** Runs the nested stacks of a stack: each is a separate stack that runs together with its parent. */
export interface NestedStacks {
  /** Whether the template, parameters or tags of the nested stack change. */
  hasChanges(work: ResourcePass, resource: StackResource): boolean;
  create(work: ResourcePass, resource: StackResource): Promise<void>;
  update(work: ResourcePass, resource: StackResource): Promise<void>;
  revert(work: ResourcePass, resource: StackResource): Promise<void>;
  remove(work: ResourcePass, resource: StackResource): Promise<void>;
  /** Completes the updates of nested stacks after the update of their parent has succeeded. */
  cleanUp(work: ResourcePass): Promise<void>;
}

/** An operation in progress on a stack. */
export interface OperationRun extends EventSource {
  nested: NestedStacks;
}

/** One pass over a stack's resources. */
export interface ResourcePass extends OperationRun {
  /** Functions with actual values, and with masked secrets. */
  scope: Scope;
  shownScope: Scope;
  stackTags: readonly Tag[];
  signal: AbortSignal;
  phase: 'forward' | 'rollback' | 'delete';
  express: boolean;
  /** The resources that a rollback skips. */
  skip?: ReadonlySet<string>;
  /** Failed logical ids, by action. */
  failed: Record<'create' | 'update' | 'delete', Set<string>>;
}

const NESTED = 'AWS::CloudFormation::Stack';
const IMPORT_SECONDS = 2;
/**
 * The reason of the last event of a resource in express mode.
 *
 * @see https://github.com/aws/aws-cdk-cli/pull/1689
 */
const EXPRESS_REASON =
  'Resource operation completed using Express Mode. It may continue becoming available in the background.';
const WAIT_CONDITION = 'AWS::CloudFormation::WaitCondition';
/** Resources that take at least this long report that they are configured before they are stable. */
const STABILISES_FROM = 10;
const STARTING_SHARE = 0.1;
const EXPRESS_SHARE = 0.25;
/**
 * The dependents of these types start at CONFIGURATION_COMPLETE, as in AWS when it creates resources of types that
 * support drift detection ("Understand CloudFormation stack creation events", User Guide). AWS lists no types. These
 * take long to become stable and can be used before; databases, networks and load balancers cannot.
 */
const USABLE_WHEN_CONFIGURED: ReadonlySet<string> = new Set([
  'AWS::IAM::Role',
  'AWS::ElasticLoadBalancingV2::TargetGroup',
]);

/** A resource that does not exist yet. */
export function draftResource(
  work: Pick<ResourcePass, 'world' | 'stack' | 'stackTags'>,
  logicalId: string,
  definition: ResourceDefinition,
): StackResource {
  return {
    logicalId,
    type: definition.type,
    physicalId: '',
    status: '',
    updatedAt: work.world.clock.now(),
    definition,
    properties: {},
    shown: {},
    stackTags: work.stackTags,
    unique: newNameSuffix(work.world.randomFor(`${work.stack.name}/${logicalId}`)),
  };
}

/** Resolves the functions of a definition: actual values, and values for display. Throws ResourceFailure. */
export function resolveResource(
  work: ResourcePass,
  definition: ResourceDefinition,
): { properties: JsonObject; shown: JsonObject } {
  try {
    return {
      properties: resolveProperties(definition.properties, work.scope),
      shown: asText(resolveProperties(definition.properties, work.shownScope)) as JsonObject,
    };
  } catch (error) {
    if (error instanceof AwsError) throw new ResourceFailure(error.message);
    throw error;
  }
}

/** Creates a resource. Returns whether it succeeded. `ready` is called as soon as dependents can start. */
export async function createResource(
  work: ResourcePass,
  resource: StackResource,
  ready: () => void,
): Promise<boolean> {
  return attempt(work, resource, 'create', 'CREATE_FAILED', async () => {
    Object.assign(resource, resolveResource(work, resource.definition));
    setResourceStatus(work, resource, 'CREATE_IN_PROGRESS');
    await provision(work, resource, 'CREATE_IN_PROGRESS', ready);
    setResourceStatus(work, resource, 'CREATE_COMPLETE', endOf(work));
  });
}

/** Imports an existing resource into the stack, unchanged. */
export async function importResource(
  work: ResourcePass,
  resource: StackResource,
  physicalId: string,
): Promise<boolean> {
  return attempt(work, resource, 'create', 'IMPORT_FAILED', async () => {
    setResourceStatus(work, resource, 'IMPORT_IN_PROGRESS', { reason: 'Resource import started.' });
    await pass(work, IMPORT_SECONDS);
    Object.assign(resource, { physicalId, imported: true });
    setResourceStatus(work, resource, 'IMPORT_COMPLETE', { reason: 'Resource import completed.' });
  });
}

/** Creates a new physical resource to replace an old one, which the cleanup deletes. */
export async function replaceResource(
  work: ResourcePass,
  old: StackResource,
  resource: StackResource,
): Promise<boolean> {
  return attempt(work, resource, 'update', 'UPDATE_FAILED', async () => {
    const reason = 'Requested update requires the creation of a new physical resource; hence creating one.';
    setResourceStatus(work, resource, 'UPDATE_IN_PROGRESS', { reason, physicalId: old.physicalId });
    const isGone = old.live !== undefined && 'deleted' in old.live;
    if (
      !isGone &&
      effects.chosenName(work.stack, resource) !== undefined &&
      physicalIdOf(identityOf(work.stack, resource)) === old.physicalId
    ) {
      throw new ResourceFailure(
        `CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename ${old.physicalId} and update the stack again.`,
      );
    }
    await provision(work, resource, 'UPDATE_IN_PROGRESS');
    setResourceStatus(work, resource, 'UPDATE_COMPLETE', endOf(work));
  });
}

/** Updates a resource in place. */
export async function updateResource(
  work: ResourcePass,
  before: StackResource,
  resource: StackResource,
): Promise<boolean> {
  return attempt(work, resource, 'update', 'UPDATE_FAILED', async () => {
    setResourceStatus(work, resource, 'UPDATE_IN_PROGRESS');
    const rule = ruleOf(work, resource, ['update']);
    await pass(work, rule?.seconds ?? secondsOf(resource.type, 'update'));
    failAsRuled(rule);
    refuseProblems(resource);
    refuseByHooks(work, resource);
    if (resource.type === NESTED) await work.nested.update(work, resource);
    else {
      authorizeHandler(work.world, work.stack, { handler: 'update', resource, before });
      await changeAndSettle(work, resource);
    }
    setResourceStatus(work, resource, 'UPDATE_COMPLETE', endOf(work));
  });
}

function endOf({ express }: ResourcePass): { reason?: string } {
  return express ? { reason: EXPRESS_REASON } : {};
}

/** Reverts a resource to its state before the update. `skip` leaves it unchanged and reports it as reverted. */
export async function revertResource(
  work: ResourcePass,
  before: StackResource,
  resource: StackResource,
  skip: boolean,
): Promise<boolean> {
  return attempt(work, resource, 'update', 'UPDATE_FAILED', async () => {
    if (!skip) {
      setResourceStatus(work, resource, 'UPDATE_IN_PROGRESS');
      const rule = ruleOf(work, resource, ['rollback']);
      await pass(work, rule?.seconds ?? secondsOf(resource.type, 'update'));
      failAsRuled(rule);
      if (resource.type === NESTED) await work.nested.revert(work, resource);
      else {
        authorizeHandler(work.world, work.stack, { handler: 'update', resource, before });
        await changeAndSettle(work, resource);
      }
    }
    setResourceStatus(work, resource, 'UPDATE_COMPLETE');
  });
}

async function changeAndSettle(work: ResourcePass, resource: StackResource): Promise<void> {
  const { world, stack, signal } = work;
  effects.change(world, stack, resource);
  if (!work.express) await effects.settle(world, stack, resource, signal);
}

export interface Deletion {
  /** Cleanup after an update: deletes or retains the resource, by UpdateReplacePolicy if it was replaced. */
  replaced?: boolean;
  bare?: boolean;
  /** Retain it, whatever its policy. */
  retain?: boolean;
  /** Created by the update, which was rolled back. */
  created?: boolean;
}

/** Deletes a physical resource, or retains it if its policy or the caller says so. */
export async function deleteResource(
  work: ResourcePass,
  resource: StackResource,
  deletion: Deletion = {},
): Promise<boolean> {
  const bare = deletion.bare ?? false;
  if (
    deletion.retain ||
    (deletion.created && resource.imported) ||
    isRetained(resource, deletion, work.stack.retainExceptOnCreate)
  ) {
    setResourceStatus(work, resource, 'DELETE_SKIPPED', { bare });
    return true;
  }
  if (resource.physicalId === '') {
    setResourceStatus(work, resource, 'DELETE_COMPLETE', { bare });
    return true;
  }
  return attempt(work, resource, 'delete', 'DELETE_FAILED', async () => {
    setResourceStatus(work, resource, 'DELETE_IN_PROGRESS', { bare });
    const rule = ruleOf(work, resource, work.phase === 'rollback' ? ['rollback', 'delete'] : ['delete']);
    await pass(work, rule?.seconds ?? secondsOf(resource.type, 'delete'));
    failAsRuled(rule);
    keepSnapshot(work, resource, deletion);
    if (resource.type === NESTED) await work.nested.remove(work, resource);
    else {
      authorizeHandler(work.world, work.stack, { handler: 'delete', resource });
      await effects.remove(work.world, work.stack, resource);
    }
    setResourceStatus(work, resource, 'DELETE_COMPLETE', { bare });
  });
}

function keepSnapshot({ world, stack }: ResourcePass, resource: StackResource, deletion: Deletion): void {
  const policy = deletion.replaced ? updateReplacePolicy(resource) : deletionPolicy(resource);
  if (policy !== 'Snapshot' || deletion.created) return;
  const { logicalId, physicalId } = resource;
  stackDatabase(world, stack.account, stack.region).snapshots.push({
    stack: stack.name,
    logicalId,
    physicalId,
  });
}

/** During the first part of the creation, the resource has no physical id yet. */
async function provision(
  work: ResourcePass,
  resource: StackResource,
  status: string,
  ready?: () => void,
): Promise<void> {
  const rule = ruleOf(work, resource, ['create']);
  const seconds = rule?.seconds ?? secondsOf(resource.type, 'create');
  refuseProblems(resource);
  refuseByHooks(work, resource);
  if (rule?.fail && rule.seconds === undefined) failAsRuled(rule);
  await pass(work, seconds * STARTING_SHARE);
  if (resource.type === NESTED) {
    await work.nested.create(work, resource);
    failAsRuled(rule);
    return;
  }
  const { world, stack } = work;
  if (resource.type === 'AWS::ECS::TaskDefinition') resource.revision = revisionOf(world, stack, resource);
  resource.physicalId = rule?.physicalId ?? physicalIdOf(identityOf(stack, resource));
  try {
    authorizeHandler(world, stack, { handler: 'create', resource });
    effects.make(world, stack, resource);
  } catch (error) {
    resource.physicalId = '';
    throw error;
  }
  setResourceStatus(work, resource, status, { reason: 'Resource creation Initiated' });
  if (resource.type === WAIT_CONDITION) await waitForSignals(work, resource);
  await becomeReady(work, resource, status, seconds * (1 - STARTING_SHARE), ready);
  failAsRuled(rule);
}

/**
 * Nothing can send signals in the sandbox, so a wait condition that needs one times out: "If the wait condition doesn't
 * receive the specified number of success signals before the Timeout period expires, CloudFormation assumes that the
 * wait condition has failed" (Template Reference, AWS::CloudFormation::WaitCondition).
 */
async function waitForSignals(work: ResourcePass, { properties }: StackResource): Promise<void> {
  const { Timeout: seconds, Count: count = 1 } = properties;
  if (seconds === undefined) return;
  await pass(work, Number(seconds));
  throw new ResourceFailure(`WaitCondition timed out. Received 0 conditions when expecting ${textOf(count)}`);
}

async function becomeReady(
  work: ResourcePass,
  resource: StackResource,
  status: string,
  seconds: number,
  ready?: () => void,
): Promise<void> {
  const settles = effects.settles(resource.type);
  if (seconds < STABILISES_FROM && !settles) return pass(work, seconds);
  await pass(work, seconds * EXPRESS_SHARE);
  setResourceStatus(work, resource, status, {
    reason: 'Eventual consistency check initiated',
    detailedStatus: 'CONFIGURATION_COMPLETE',
  });
  if (USABLE_WHEN_CONFIGURED.has(resource.type)) ready?.();
  if (work.express) return;
  await pass(work, seconds * (1 - EXPRESS_SHARE));
  await effects.settle(work.world, work.stack, resource, work.signal);
}

function pass(work: ResourcePass, seconds: number): Promise<void> {
  return work.world.clock.sleep(seconds, work.signal);
}

/** The findings of early validation, if it was disabled. */
function refuseProblems(resource: StackResource): void {
  const schema = schemaOf(resource.type);
  const problems = (schema ? checkProperties(schema, resource.properties) : []).map(
    ({ handlerMessage }) => handlerMessage,
  );
  if (problems.length > 0) {
    throw new ResourceFailure(
      `Properties validation failed for resource ${resource.logicalId} with message:\n[${problems.join(', ')}]`,
    );
  }
}

function refuseByHooks(work: ResourcePass, resource: StackResource): void {
  const results = invokeOnResource(work.world, work.stack, resource);
  for (const result of results) recordHook(work, resource, result);
  const failure = hookFailure(results);
  if (failure !== undefined) throw new ResourceFailure(failure);
}

function ruleOf(
  work: ResourcePass,
  resource: StackResource,
  phases: readonly Phase[],
): ResourceRule | undefined {
  return ruleFor(work.world, work.stack, resource, phases);
}

/**
 * Whether the scenario omits the update of a resource, as CloudFormation did with ECS services in express mode.
 *
 * @see https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/2538
 */
export function isOmitted({ world, stack }: ResourcePass, resource: StackResource): boolean {
  const rules = world.scenario.resources ?? [];
  return rules.some((rule) => rule.omit === true && rule.on === 'update' && matches(rule, stack, resource));
}

/** With a code: the error of a resource handler. Without: the message as it is. */
function failAsRuled(rule: ResourceRule | undefined): void {
  if (!rule?.fail) return;
  const { message, code } = rule.fail;
  throw code === undefined ? new ResourceFailure(message) : new AwsError(code, message);
}

async function attempt(
  work: ResourcePass,
  resource: StackResource,
  verb: 'create' | 'update' | 'delete',
  failure: string,
  steps: () => Promise<void>,
): Promise<boolean> {
  try {
    await steps();
    return true;
  } catch (error) {
    const reason = reasonOf(error, work, resource.type, verb);
    if (reason === undefined) throw error;
    work.failed[verb].add(resource.logicalId);
    setResourceStatus(work, resource, failure, { reason });
    return false;
  }
}

/** The text of a failure, or undefined for an internal error of the sandbox. */
function reasonOf(error: unknown, work: ResourcePass, type: string, verb: string): string | undefined {
  if (work.signal.aborted && error === work.signal.reason) {
    return `Resource ${verb === 'create' ? 'creation' : verb === 'update' ? 'update' : 'deletion'} cancelled`;
  }
  if (error instanceof ResourceFailure) return error.message;
  if (error instanceof AwsError) return handlerReport(work.world, type, error);
  return undefined;
}

const HANDLER_CODES = [
  'AlreadyExists',
  'AccessDenied',
  'InvalidRequest',
  'NotFound',
  'NotStabilized',
  'Throttling',
  'NotUpdatable',
  'ServiceLimitExceeded',
  'ServiceInternalError',
  'GeneralServiceException',
  'ResourceConflict',
  'NetworkFailure',
  'InternalFailure',
];

/** CloudFormation's message for an error of the service behind a resource type. */
function handlerReport(world: World, type: string, error: AwsError): string {
  const known = HANDLER_CODES.includes(error.code);
  const message = known
    ? error.message
    : `${error.message} (Service: ${serviceOf(type)}, Status Code: ${String(error.status)}, Request ID: ${world.newUuid()})`;
  return `Resource handler returned message: "${message}" (RequestToken: ${world.newUuid()}, HandlerErrorCode: ${known ? error.code : 'GeneralServiceException'})`;
}

/** The SDK's name of a service: `Ecr`, `S3`. */
function serviceOf(type: string): string {
  const service = type.split('::')[1] ?? type;
  return /^[A-Z\d]+$/.test(service) ? service.charAt(0) + service.slice(1).toLowerCase() : service;
}

type Phase = ResourceRule['on'];

/** The scenario's rule for a resource in a phase. Counts the uses of a rule that fails a limited number of times. */
function ruleFor(
  world: World,
  stack: Stack,
  resource: StackResource,
  phases: readonly Phase[],
): ResourceRule | undefined {
  for (const phase of phases) {
    const rule = world.scenario.resources?.find(
      (candidate) => candidate.on === phase && matches(candidate, stack, resource),
    );
    if (rule && !isUsedUp(world, rule)) return rule;
  }
  return undefined;
}

function matches(rule: ResourceRule, stack: Stack, resource: StackResource): boolean {
  const { type, logicalId, stack: name } = rule.match;
  return (
    (type === undefined || type === resource.type) &&
    (logicalId === undefined || logicalId === resource.logicalId) &&
    (name === undefined || name === stack.name || stack.name.startsWith(`${name}-`))
  );
}

function isUsedUp(world: World, rule: ResourceRule): boolean {
  const times = rule.fail?.times;
  if (times === undefined) return false;
  const counts = world.store('', '', 'resource-rules', () => new Map<ResourceRule, number>());
  const count = counts.get(rule) ?? 0;
  counts.set(rule, count + 1);
  return count >= times;
}

/** Average seconds that a resource of a type takes to create and to update, from published averages of real stacks. */
const SECONDS: Record<string, { create: number; update?: number }> = {
  'AWS::EC2::VPC': { create: 12, update: 2 },
  'AWS::EC2::InternetGateway': { create: 17 },
  'AWS::EC2::NatGateway': { create: 106, update: 5 },
  'AWS::EC2::VPCEndpoint': { create: 60 },
  'AWS::ElasticLoadBalancingV2::LoadBalancer': { create: 116, update: 2 },
  'AWS::ElasticLoadBalancingV2::TargetGroup': { create: 18, update: 6 },
  'AWS::ECS::Cluster': { create: 5, update: 2 },
  // In addition to the rollout in ECS.
  'AWS::ECS::Service': { create: 5, update: 2 },
  'AWS::RDS::DBCluster': { create: 222, update: 62 },
  'AWS::RDS::DBInstance': { create: 595, update: 171 },
  'AWS::IAM::Role': { create: 18, update: 10 },
  'AWS::IAM::InstanceProfile': { create: 120 },
  'AWS::KMS::Key': { create: 15, update: 5 },
  'AWS::S3::Bucket': { create: 22, update: 5 },
  'AWS::CloudFront::Distribution': { create: 200, update: 120 },
  'AWS::CertificateManager::Certificate': { create: 90 },
};
const DEFAULT_SECONDS = { create: 3, update: 3, delete: 2 };
/** Resources that are slow to create are slow to delete: about half as slow. */
const DELETE_SHARE = 0.5;

/** Simulated seconds of one action on a resource. */
function secondsOf(type: string, work: 'create' | 'update' | 'delete'): number {
  const known = SECONDS[type];
  if (!known) return DEFAULT_SECONDS[work];
  if (work === 'delete') return Math.max(DEFAULT_SECONDS.delete, known.create * DELETE_SHARE);
  return work === 'create' ? known.create : (known.update ?? DEFAULT_SECONDS.update);
}
