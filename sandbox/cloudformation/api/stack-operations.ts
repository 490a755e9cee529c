import type { Call, Input, Operation } from '../../protocols/service.ts';
import { AwsError } from '../../protocols/service.ts';
import { requireRoomForStack } from '../../quotas/room.ts';
import type { World } from '../../world.ts';
import { planChanges } from '../change-sets/plan.ts';
import { prepareDefinition } from '../engine/definition.ts';
import type { GivenDefinition } from '../engine/definition.ts';
import { validateEarly, validationFailure } from '../change-sets/early-validation.ts';
import { cancelUpdate, startDeletion, startDeployment, startRollback } from '../engine/engine.ts';
import { invalid } from '../errors.ts';
import { featuresOf } from './features.ts';
import * as read from './input.ts';
import {
  recordCaller,
  databaseOf,
  hasFailedInExpressMode,
  isFailedAndKept,
  isRepeated,
  requireDeletable,
  requireDeploymentMode,
  requireKeptFailures,
  requireUpdatable,
  stackToChange,
} from './lookup.ts';
import { stuckResources } from '../engine/rollback.ts';
import type { Definition, Stack, ValidationEvent } from '../engine/stack.ts';
import { newStack } from '../engine/stack.ts';
import { checkStackPolicy } from '../engine/stack-policy.ts';
import { requireServiceRole } from '../permissions/service-role.ts';
import { templateText } from '../templates/source.ts';

const STACK_NAME = '[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*';
const MAX_NAME_LENGTH = 128;

/** The operations that change stacks. */
export function stackOperations(world: World): Record<string, Operation> {
  return {
    CreateStack: (input, call) => createStack(world, input, call),
    UpdateStack: (input, call) => updateStack(world, input, call),
    DeleteStack: (input, call) => deleteStack(world, input, call),
    CancelUpdateStack: (input, call) => {
      const stack = stackToChange(databaseOf(world, call), read.required(input, 'StackName'));
      if (stack.status !== 'UPDATE_IN_PROGRESS') {
        throw invalid('CancelUpdateStack cannot be called from current stack status');
      }
      cancelUpdate(stack);
      return {};
    },
    ContinueUpdateRollback: (input, call) => continueRollback(world, input, call),
    RollbackStack: (input, call) => rollbackStack(world, input, call),
    UpdateTerminationProtection: (input, call) => {
      const stack = stackToChange(databaseOf(world, call), read.required(input, 'StackName'));
      if (stack.parentId !== undefined) {
        throw invalid(
          'Termination protection cannot be updated on a nested stack. Update it on the root stack.',
        );
      }
      stack.terminationProtection = read.required(input, 'EnableTerminationProtection') === 'true';
      return { StackId: stack.id };
    },
    SetStackPolicy: (input, call) => {
      const stack = stackForPolicy(world, input, call);
      const policy = policyOf(world, input, call, 'StackPolicy');
      if (policy !== undefined) stack.policy = policy;
      return {};
    },
    GetStackPolicy: (input, call) => ({ StackPolicyBody: stackForPolicy(world, input, call).policy }),
  };
}

function stackForPolicy(world: World, input: Input, call: Call): Stack {
  const name = read.required(input, 'StackName');
  const stack = databaseOf(world, call).find(name);
  if (!stack || stack.status === 'DELETE_COMPLETE') throw invalid(`Stack: ${name} does not exist`);
  return stack;
}

function policyOf(world: World, input: Input, call: Call, prefix: string): string | undefined {
  const [body, url] = [read.optional(input, `${prefix}Body`), read.optional(input, `${prefix}URL`)];
  if (body !== undefined && url !== undefined) {
    throw invalid(`You cannot specify both ${prefix}URL and ${prefix}Body`);
  }
  const policy = templateText(world, call.account, { body, url });
  if (policy !== undefined) checkStackPolicy(policy);
  return policy;
}

/** The name of a new stack. Throws if it is too long or contains invalid characters. */
export function newStackName(input: Input): string {
  const name = read.matching(input, 'StackName', STACK_NAME);
  if (name.length > MAX_NAME_LENGTH) {
    throw invalid(
      `1 validation error detected: Value '${name}' at 'stackName' failed to satisfy constraint: Member must have length less than or equal to ${MAX_NAME_LENGTH}`,
    );
  }
  return name;
}

export function givenDefinition(world: World, input: Input, call: Call, direct: boolean): GivenDefinition {
  const source = { body: read.optional(input, 'TemplateBody'), url: read.optional(input, 'TemplateURL') };
  if (source.body !== undefined && source.url !== undefined) {
    throw invalid('You cannot specify both Template URL and Template Body.');
  }
  return {
    body: templateText(world, call.account, source),
    parameters: read.parametersOf(input),
    tags: read.tagsOf(input),
    notificationArns: read.texts(input, 'NotificationARNs'),
    roleArn: read.optional(input, 'RoleARN'),
    caller: call.principal,
    rollbackConfiguration: read.rollbackConfigurationOf(input),
    capabilities: read.capabilitiesOf(input),
    resourceTypes: read.texts(input, 'ResourceTypes'),
    direct,
  };
}

function createStack(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const name = newStackName(input);
  const token = read.optional(input, 'ClientRequestToken');
  const existing = database.find(name);
  const request = `CreateStack ${name}`;
  if (existing && existing.status !== 'REVIEW_IN_PROGRESS') {
    if (token !== undefined && isRepeated(database, existing, token, request))
      return { StackId: existing.id };
    throw new AwsError('AlreadyExistsException', `Stack [${name}] already exists`);
  }
  const onFailure = read.choice(input, 'OnFailure', ['ROLLBACK', 'DO_NOTHING', 'DELETE']);
  if (onFailure !== undefined && input.DisableRollback !== undefined) {
    throw invalid('You cannot specify both OnFailure and DisableRollback.');
  }
  if (!existing) requireRoomForStack(world, call.account, call.region);
  const stack = existing ?? newStack(world, call.account, call.region, name);
  const definition = prepareDefinition(world, stack, givenDefinition(world, input, call, true));
  const policy = policyOf(world, input, call, 'StackPolicy');
  const config = read.deploymentConfigOf(input, featuresOf(world).express);
  const minutes = read.optional(input, 'TimeoutInMinutes');
  if (policy !== undefined) stack.policy = policy;
  if (config) stack.deploymentConfig = config;
  if (minutes !== undefined) stack.timeoutMinutes = Number(minutes);
  stack.terminationProtection = read.flag(input, 'EnableTerminationProtection');
  stack.retainExceptOnCreate = read.flag(input, 'RetainExceptOnCreate');
  database.add(stack);
  isRepeated(database, stack, token, request);
  obsoleteChangeSets(world, stack);
  const keep = read.flag(input, 'DisableRollback') || read.keepsFailures(config);
  recordCaller(stack, call);
  startDeployment(world, stack, 'CREATE_STACK', {
    definition,
    token,
    onFailure: onFailure ?? (keep ? 'DO_NOTHING' : 'ROLLBACK'),
    findings: earlyFindings(world, stack, definition, input),
  });
  return { StackId: stack.id, OperationId: stack.operations.at(-1)?.id };
}

function updateStack(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const stack = stackToChange(database, newStackName(input));
  const token = read.optional(input, 'ClientRequestToken');
  const given = givenDefinition(world, input, call, true);
  if (given.body === undefined && !read.flag(input, 'UsePreviousTemplate')) {
    throw invalid('Either Template URL or Template Body must be specified.');
  }
  if (isRepeated(database, stack, token, `UpdateStack ${stack.id}`)) return { StackId: stack.id };
  requireUpdatable(stack);
  const config = read.deploymentConfigOf(input, featuresOf(world).express);
  const keep = read.flag(input, 'DisableRollback') || read.keepsFailures(config);
  requireDeploymentMode(stack, config);
  requireKeptFailures(stack, keep ? 'DO_NOTHING' : 'ROLLBACK');
  const definition = prepareDefinition(world, stack, given);
  const plan = planChanges(world, stack, definition, { revertDrift: false });
  const unchanged = plan.changes.length === 0 && !plan.others;
  // A failed stack that was kept as it was is repaired by its last successful template, although nothing changes.
  if (unchanged && !isFailedAndKept(stack.status)) throw invalid('No updates are to be performed.');
  const policy = policyOf(world, input, call, 'StackPolicy');
  const during = policyOf(world, input, call, 'StackPolicyDuringUpdate');
  if (policy !== undefined) stack.policy = policy;
  if (during !== undefined) stack.policyDuringUpdate = during;
  stack.deploymentConfig = config ?? {};
  stack.retainExceptOnCreate = read.flag(input, 'RetainExceptOnCreate');
  obsoleteChangeSets(world, stack);
  recordCaller(stack, call);
  startDeployment(world, stack, 'UPDATE_STACK', {
    definition,
    token,
    onFailure: keep ? 'DO_NOTHING' : 'ROLLBACK',
    findings: earlyFindings(world, stack, definition, input),
  });
  return { StackId: stack.id, OperationId: stack.operations.at(-1)?.id };
}

function earlyFindings(world: World, stack: Stack, definition: Definition, input: Input): ValidationEvent[] {
  if (read.flag(input, 'DisableValidation')) return [];
  const findings = validateEarly(world, stack, planChanges(world, stack, definition, { revertDrift: false }));
  return validationFailure(findings) === undefined ? [] : findings;
}

/** Change sets become obsolete when the stack changes in another way. */
function obsoleteChangeSets(world: World, stack: Stack): void {
  for (const changeSet of databaseOf(world, stack).changeSetsOf(stack)) {
    if (changeSet.executionStatus === 'AVAILABLE') changeSet.executionStatus = 'OBSOLETE';
  }
}

function deleteStack(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const stack = database.find(read.required(input, 'StackName'));
  if (!stack || ['DELETE_COMPLETE', 'DELETE_IN_PROGRESS'].includes(stack.status)) return {};
  if (stack.terminationProtection) {
    throw invalid(`Stack [${stack.name}] cannot be deleted while TerminationProtection is enabled`);
  }
  const retain = read.texts(input, 'RetainResources') ?? [];
  if (retain.length > 0 && stack.status !== 'DELETE_FAILED') {
    throw invalid(
      `Invalid operation on stack [${stack.id}]. When you delete a stack, specify which resources to retain only when the stack is in the DELETE_FAILED state.`,
    );
  }
  const unknown = retain.find((id) => !stack.resources.has(id));
  if (unknown !== undefined) throw invalid(`Resource [${unknown}] does not exist in stack [${stack.id}]`);
  requireDeletable(stack);
  const token = read.optional(input, 'ClientRequestToken');
  if (isRepeated(database, stack, token, `DeleteStack ${stack.id}`)) return {};
  const mode = read.choice(input, 'DeletionMode', ['STANDARD', 'FORCE_DELETE_STACK']);
  const role = read.optional(input, 'RoleARN');
  requireServiceRole(world, stack, role);
  if (mode !== undefined) stack.deletionMode = mode;
  if (role !== undefined && stack.definition) stack.definition = { ...stack.definition, roleArn: role };
  for (const changeSet of database.changeSetsOf(stack)) {
    if (changeSet.executionStatus !== 'EXECUTE_COMPLETE') database.changeSets.delete(changeSet.id);
  }
  recordCaller(stack, call);
  startDeletion(world, stack, token, { retain, force: mode === 'FORCE_DELETE_STACK' });
  return {};
}

function continueRollback(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const stack = stackToChange(database, read.required(input, 'StackName'));
  const token = read.optional(input, 'ClientRequestToken');
  if (isRepeated(database, stack, token, `ContinueUpdateRollback ${stack.id}`)) return {};
  if (stack.status !== 'UPDATE_ROLLBACK_FAILED') {
    throw invalid(`Stack:${stack.id} is in ${stack.status} state and can not continue rollback.`);
  }
  const named = read.texts(input, 'ResourcesToSkip') ?? [];
  const force = read.flag(input, 'ForceRollback');
  if (force && named.length > 0) throw invalid('ForceRollback and ResourcesToSkip cannot both be specified');
  const stuck = stuckResources(database, stack);
  for (const id of named) {
    if (stuck.includes(id)) continue;
    throw invalid(`ResourcesToSkip: [${id}] is not in the UPDATE_FAILED state because of a failed rollback`);
  }
  recordCaller(stack, call);
  startRollback(world, stack, 'CONTINUE_ROLLBACK', token, new Set(force ? stuck : named));
  return {};
}

function rollbackStack(world: World, input: Input, call: Call): object {
  const database = databaseOf(world, call);
  const stack = stackToChange(database, read.required(input, 'StackName'));
  const token = read.optional(input, 'ClientRequestToken');
  if (isRepeated(database, stack, token, `RollbackStack ${stack.id}`)) return { StackId: stack.id };
  if (!['CREATE_FAILED', 'UPDATE_FAILED'].includes(stack.status)) {
    throw invalid(`Stack:${stack.id} is in ${stack.status} state and can not be rolled back.`);
  }
  if (hasFailedInExpressMode(stack)) {
    throw invalid(
      'RollbackStack is not supported for stacks that were last updated using EXPRESS deployment mode and are in a failed state',
    );
  }
  stack.retainExceptOnCreate ||= read.flag(input, 'RetainExceptOnCreate');
  recordCaller(stack, call);
  const operation = startRollback(world, stack, 'ROLLBACK', token);
  return { StackId: stack.id, OperationId: operation.id };
}
