import { AwsError } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import type { ResourceDeletion } from './deletion.ts';
import { deleteResources } from './deletion.ts';
import { dependencyGraph } from '../templates/dependencies.ts';
import { liveStateOf } from './drift.ts';
import { setResourceStatus, setStackStatus } from './events.ts';
import { checkExports, importNames } from './exports.ts';
import { invalid } from '../errors.ts';
import { resolve } from '../templates/intrinsics.ts';
import { ResourceFailure } from '../errors.ts';
import { textOf } from '../json.ts';
import { existingResource } from '../resources/import.ts';
import { actionFor } from '../resources/property-diff.ts';
import { watchAlarms } from '../../cloudwatch/alarm-watch.ts';
import {
  createResource,
  importResource,
  draftResource,
  isOmitted,
  type OperationRun,
  replaceResource,
  resolveResource,
  updateResource,
  type ResourcePass,
} from '../resources/provisioning.ts';
import { policyDenial } from './stack-policy.ts';
import type { PolicyAction } from './stack-policy.ts';
import { activeResources, isCreated } from './stack-scope.ts';
import { captureUndo } from './rollback.ts';
import type { Definition, StackOutput, StackResource, Undo, ValidationEvent } from './stack.ts';
import type { ResourceDefinition } from '../templates/template.ts';
import { failureText, walkGraph, newResourcePass, OperationStopped } from './resource-pass.ts';
import { stackDatabase } from './stack-database.ts';
export interface DeploymentRequest {
  definition: Definition;
  token?: string | undefined;
  onFailure: 'ROLLBACK' | 'DO_NOTHING' | 'DELETE';
  revertDrift?: boolean;
  importExisting?: boolean;
  /** The findings of early validation, which fail the operation before it changes anything. */
  findings?: readonly ValidationEvent[];
  /** Called with the result. */
  onEnd?: (succeeded: boolean) => void;
}

/** Time before the first resource starts, in simulated seconds. */
export const START_SECONDS = 1;

export function stopCause(stop: AbortController): OperationStopped['why'] | undefined {
  return stop.signal.reason instanceof OperationStopped ? stop.signal.reason.why : undefined;
}

/** Brings the stack to its definition. Returns the reason of a failure, or undefined. */
export async function applyDefinition(
  run: OperationRun,
  request: Pick<DeploymentRequest, 'definition' | 'onFailure' | 'revertDrift' | 'importExisting'>,
  stop: AbortController,
): Promise<string | undefined> {
  const { world, stack } = run;
  const { definition } = request;
  const undo = (stack.undo ??= captureUndo(stack));
  const work = newResourcePass(run, definition, 'forward', stop.signal);
  const timeout =
    stack.timeoutMinutes === undefined ? undefined : startTimeout(world, stack.timeoutMinutes, stop);
  const { RollbackTriggers: triggers = [], MonitoringTimeInMinutes: minutes = 0 } =
    definition.rollbackConfiguration ?? {};
  const arns = triggers.map(({ Arn }) => Arn);
  const alarms = watchAlarms(world, stack, arns, () => {
    stop.abort(new OperationStopped('alarm'));
  });
  await world.clock.sleep(START_SECONDS);
  const reason = alarms.broken()
    ? ''
    : await applyResources({
        ...work,
        importExisting: request.importExisting ?? false,
        definition,
        undo,
        revertDrift: request.revertDrift ?? false,
        keepsFailures: request.onFailure === 'DO_NOTHING',
        stopOnFailure: () => {
          if (request.onFailure !== 'DO_NOTHING') stop.abort(new OperationStopped('failure'));
        },
      });
  timeout?.abort();
  if (reason === undefined && minutes > 0)
    await world.clock.sleep(minutes * 60, stop.signal).catch(ignoreStop);
  const broken = alarms.broken();
  alarms.close();
  if (broken) return triggerText(broken);
  if (stopCause(stop) === 'cancelled') return 'User Initiated';
  if (stopCause(stop) === 'timeout') return 'Stack creation time exceeded the specified timeout. ';
  return reason;
}

function ignoreStop(error: unknown): void {
  if (!(error instanceof OperationStopped)) throw error;
}

/** AWS documents that such an operation fails and is rolled back, but not its message. */
function triggerText({ arn, state }: { arn: string; state: 'ALARM' | 'missing' }): string {
  return state === 'missing'
    ? `Rollback trigger ${arn} does not exist. `
    : `Rollback trigger ${arn} is in ALARM state. `;
}

function startTimeout(world: World, minutes: number, stop: AbortController): AbortController {
  const ended = new AbortController();
  world.run(async () => {
    await world.clock.sleep(minutes * 60, ended.signal).then(
      () => {
        stop.abort(new OperationStopped('timeout'));
      },
      (error: unknown) => {
        if (!ended.signal.aborted) throw error;
      },
    );
  });
  return ended;
}

/**
 * Deletes resources that the update removed or replaced. If a deletion fails, the resource is left behind and the
 * update still succeeds.
 */
export async function cleanUpUpdate(run: OperationRun): Promise<void> {
  const { stack } = run;
  const work = newResourcePass(run, stack.definition, 'forward');
  const cleaning = 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS';
  if (stack.status !== cleaning) setStackStatus(work, cleaning);
  const active = stack.definition ? activeResources(stack.definition, work.scope) : {};
  const removed = [...stack.resources.values()].filter(({ logicalId }) => !(logicalId in active));
  const unwanted: ResourceDeletion[] = [
    ...removed.map((resource) => ({ resource, deletion: { bare: true } })),
    ...(stack.undo?.replaced ?? []).map((resource) => ({
      resource,
      deletion: { bare: true, replaced: true },
    })),
  ];
  const clean = await deleteResources(work, unwanted);
  for (const { logicalId } of removed) stack.resources.delete(logicalId);
  await work.nested.cleanUp(work);
  setStackStatus(
    work,
    'UPDATE_COMPLETE',
    clean ? undefined : 'Update successful. One or more resources could not be deleted.',
  );
}

/** Work that brings a stack to its definition. */
interface Forward extends ResourcePass {
  definition: Definition;
  undo: Undo;
  revertDrift: boolean;
  importExisting: boolean;
  /** Whether resources are kept after a failure, so that none may be replaced. */
  keepsFailures: boolean;
  /** Whether a failure stops all other work, because the stack is rolled back. */
  stopOnFailure: () => void;
}

/** Updates every resource and the outputs. Returns the reason of a failure, or undefined. */
async function applyResources(work: Forward): Promise<string | undefined> {
  const { stack, definition, scope } = work;
  try {
    const active = activeResources(definition, scope);
    const imports = checkImports(work, active);
    refuseDeletions(work, active);
    if (work.failed.delete.size > 0) return failureText(work);
    await walkGraph(dependencyGraph(active), (id, ready) => step(work, id, active[id], ready), work.signal);
    if (hasFailed(work)) return failureText(work);
    if (work.signal.aborted) return '';
    const outputs = outputsOf(work);
    checkExports(stackDatabase(work.world, stack.account, stack.region), stack, outputs);
    Object.assign(stack, { outputs, imports });
    return undefined;
  } catch (error) {
    if (error instanceof AwsError) return error.message;
    throw error;
  }
}

function hasFailed({ failed }: ResourcePass): boolean {
  return failed.create.size + failed.update.size + failed.delete.size > 0;
}

function checkImports(work: Forward, active: Record<string, ResourceDefinition>): Set<string> {
  const { template } = work.definition;
  const names = new Set<string>();
  for (const { properties } of Object.values(active)) importNames(properties, work.scope, names);
  for (const { value, condition } of Object.values(template.outputs)) {
    if (condition === undefined || work.scope.condition(condition)) importNames(value, work.scope, names);
  }
  for (const name of names) work.scope.importValue(name);
  return names;
}

/** The stack policy may deny the deletion of a resource that the new template lacks. */
function refuseDeletions(work: Forward, active: Record<string, ResourceDefinition>): void {
  for (const resource of work.stack.resources.values()) {
    if (resource.logicalId in active || !isCreated(resource)) continue;
    const denial = policyDenial(work.stack, 'Update:Delete', resource);
    if (denial === undefined) continue;
    setResourceStatus(work, resource, 'UPDATE_FAILED', { reason: denial });
    work.failed.delete.add(resource.logicalId);
    work.undo.touched.add(resource.logicalId);
  }
}

async function step(
  work: Forward,
  id: string,
  definition: ResourceDefinition | undefined,
  ready: () => void,
): Promise<boolean> {
  if (!definition) return true;
  const existing = work.stack.resources.get(id);
  const done = await (existing && isCreated(existing) && existing.status !== 'CREATE_FAILED'
    ? change(work, existing, definition)
    : create(work, id, definition, existing, ready));
  if (!done) work.stopOnFailure();
  return done;
}

function create(
  work: Forward,
  id: string,
  definition: ResourceDefinition,
  leftover: StackResource | undefined,
  ready: () => void,
): Promise<boolean> {
  if (leftover && isCreated(leftover)) work.undo.replaced.push(leftover);
  const resource = draftResource(work, id, definition);
  begin(work, resource);
  if (work.importExisting) {
    const { properties } = resolveResource(work, definition);
    const physicalId = existingResource(work.world, work.stack, { ...resource, properties });
    if (physicalId !== undefined) {
      Object.assign(resource, resolveResource(work, definition));
      return importResource(work, resource, physicalId);
    }
  }
  return createResource(work, resource, ready);
}

function begin(work: Forward, resource: StackResource): void {
  work.undo.touched.add(resource.logicalId);
  work.stack.resources.set(resource.logicalId, resource);
}

/**
 * The reason for refusing a replacement while rollback is disabled.
 *
 * @see https://github.com/aws/aws-cdk/issues/30546
 */
const REPLACEMENT_REFUSED = 'Replacement type updates not supported on stack with disable-rollback.';

async function change(
  work: Forward,
  existing: StackResource,
  definition: ResourceDefinition,
): Promise<boolean> {
  const { stackTags } = work;
  let resolved;
  try {
    resolved = resolveResource(work, definition);
  } catch (error) {
    if (error instanceof ResourceFailure) return refuse(work, { ...existing, definition }, error.message);
    throw error;
  }
  const next: StackResource = { ...existing, definition, stackTags, ...resolved };
  const live = liveStateOf(work.world, work.stack, existing);
  // A deleted resource is not deleted again if another one has the same name by now.
  if (live && 'deleted' in live) existing.live = live;
  let action = actionFor({ ...existing, ...(live && { live }) }, next, work.revertDrift);
  if (
    action === 'none' &&
    existing.type === 'AWS::CloudFormation::Stack' &&
    work.nested.hasChanges(work, next)
  ) {
    action = 'update';
  }
  if (action === 'none' || isOmitted(work, existing)) {
    work.stack.resources.set(existing.logicalId, next);
    return true;
  }
  const denial = policyDenial(work.stack, policyActions[action], existing);
  if (denial !== undefined) return refuse(work, next, denial);
  if (action === 'update') return update(work, existing, next);
  if (action === 'replace' && work.keepsFailures) return refuse(work, { ...existing }, REPLACEMENT_REFUSED);
  const fresh = { ...draftResource(work, existing.logicalId, definition), ...resolved };
  begin(work, fresh);
  work.undo.replaced.push(existing);
  return replaceResource(work, existing, fresh);
}

const policyActions: Record<'update' | 'replace' | 'create', PolicyAction> = {
  update: 'Update:Modify',
  replace: 'Update:Replace',
  create: 'Update:Replace',
};

function refuse(work: Forward, resource: StackResource, reason: string): boolean {
  begin(work, resource);
  work.failed.update.add(resource.logicalId);
  setResourceStatus(work, resource, 'UPDATE_FAILED', { reason });
  return false;
}

/** Manual changes are kept, except for the properties that this update sets. */
function update(work: Forward, existing: StackResource, next: StackResource): Promise<boolean> {
  const live = existing.live && 'properties' in existing.live ? existing.live.properties : undefined;
  delete next.live;
  if (live && !work.revertDrift) {
    const changed = Object.entries(next.properties).filter(
      ([name, value]) => existing.properties[name] !== value,
    );
    next.live = { properties: { ...live, ...Object.fromEntries(changed) } };
  }
  begin(work, next);
  return updateResource(work, existing, next);
}

/** The outputs whose conditions are true, with their values and exports. */
function outputsOf(work: Forward): StackOutput[] {
  const { scope, definition } = work;
  return Object.entries(definition.template.outputs)
    .filter(([, { condition }]) => condition === undefined || scope.condition(condition))
    .flatMap(([key, output]) => {
      const value = resolve(output.value, scope);
      if (value === undefined) return [];
      if (typeof value === 'object') {
        throw invalid(
          `Template format error: The Value field of Outputs member ${key} must evaluate to a String`,
        );
      }
      const name = output.exportName === undefined ? undefined : resolve(output.exportName, scope);
      return [
        {
          OutputKey: key,
          OutputValue: String(value),
          ...(output.description === undefined ? {} : { Description: textOf(output.description) }),
          ...(name === undefined ? {} : { ExportName: textOf(name) }),
        },
      ];
    });
}
