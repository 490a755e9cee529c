import type { Call } from '../../protocols/service.ts';
import { AwsError } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import type { DeploymentRequest } from '../engine/deployment.ts';
import type { DeploymentConfig } from './input.ts';
import type { ChangeSet } from '../change-sets/change-set.ts';
import { invalid } from '../errors.ts';
import type { Stack } from '../engine/stack.ts';
import { isInProgress } from '../engine/stack.ts';
import type { StackDatabase } from '../engine/stack-database.ts';
import { stackDatabase } from '../engine/stack-database.ts';

/** The stacks of the call's account and region. */
export function databaseOf(world: World, call: Pick<Call, 'account' | 'region'>): StackDatabase {
  return stackDatabase(world, call.account, call.region);
}

/** Records the caller, whose permissions apply if there is no service role. */
export function recordCaller(stack: Stack, { principal }: Call): void {
  if (principal) stack.caller = principal;
  else delete stack.caller;
}

/** The stack of a read call. An ARN also finds a deleted stack. */
export function stackToRead(database: StackDatabase, nameOrId: string): Stack {
  const stack = database.find(nameOrId);
  if (!stack) throw invalid(`Stack with id ${nameOrId} does not exist`);
  return stack;
}

/** The stack of a write call, which must not be deleted. */
export function stackToChange(database: StackDatabase, nameOrId: string): Stack {
  const stack = database.find(nameOrId);
  if (!stack || stack.status === 'DELETE_COMPLETE') throw invalid(`Stack [${nameOrId}] does not exist`);
  return stack;
}

const UPDATABLE = [
  ...['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'CREATE_FAILED', 'UPDATE_FAILED'],
  ...['IMPORT_COMPLETE', 'IMPORT_ROLLBACK_COMPLETE'],
];

/** Throws unless the stack's status allows an update. */
export function requireUpdatable(stack: Stack): void {
  if (!UPDATABLE.includes(stack.status)) {
    throw invalid(`Stack:${stack.id} is in ${stack.status} state and can not be updated.`);
  }
}

/**
 * Throws if a failed stack cannot be updated in this deployment mode: after a failure in express mode, only express
 * mode is allowed.
 *
 * @see https://github.com/aws/aws-cdk-cli/issues/1739
 */
export function requireDeploymentMode(stack: Stack, config: DeploymentConfig | undefined): void {
  if (!hasFailedInExpressMode(stack) || config?.Mode === 'EXPRESS') return;
  throw invalid(
    `This stack is in a ${stack.status} state from a previous operation that used EXPRESS deployment mode with disable-rollback. Follow-up operations must use the same DeploymentConfig (mode=EXPRESS) until the stack reaches a *_COMPLETE state.`,
  );
}

/** Whether a deployment in express mode failed and kept the stack as it was. */
export function hasFailedInExpressMode({ status, deploymentConfig }: Stack): boolean {
  return isFailedAndKept(status) && deploymentConfig?.Mode === 'EXPRESS';
}

export function isFailedAndKept(status: string): boolean {
  return status === 'CREATE_FAILED' || status === 'UPDATE_FAILED';
}

/**
 * Throws if an update would roll back a stack that a failed update kept as it was.
 *
 * @see https://github.com/aws/aws-cdk/issues/30546
 */
export function requireKeptFailures(stack: Stack, onFailure: DeploymentRequest['onFailure']): void {
  if (stack.status !== 'UPDATE_FAILED' || onFailure === 'DO_NOTHING') return;
  throw invalid(
    `This stack is currently in a non-terminal [${stack.status}] state. To update the stack from this state, please use the disable-rollback parameter with update-stack API. To rollback to the last known good state, use the rollback-stack API`,
  );
}

/** Throws while an operation is in progress. */
export function requireDeletable(stack: Stack): void {
  const deleting = ['CREATE_IN_PROGRESS', 'DELETE_IN_PROGRESS', 'ROLLBACK_IN_PROGRESS'];
  if (isInProgress(stack.status) && !deleting.includes(stack.status)) {
    throw invalid(`Stack [${stack.id}] cannot be deleted while in status ${stack.status}`);
  }
}

/** A change set by its ARN, or by its name and the name of its stack. */
export function changeSetOf(database: StackDatabase, name: string, stackName: string | undefined): ChangeSet {
  if (name.startsWith('arn:')) {
    const found = database.changeSets.get(name);
    if (!found) throw notFound(name);
    return found;
  }
  if (stackName === undefined) {
    throw invalid('StackName must be specified if ChangeSetName is not specified as an ARN.');
  }
  const stack = stackToChange(database, stackName);
  const found = database.changeSetsOf(stack).findLast((changeSet) => changeSet.name === name);
  if (!found) throw notFound(name);
  return found;
}

function notFound(name: string): AwsError {
  return new AwsError('ChangeSetNotFound', `ChangeSet [${name}] does not exist`, 404);
}

/**
 * Whether this request has been made before with the same token, so that it is not repeated. Throws
 * TokenAlreadyExistsException if the token was used for a different request.
 */
export function isRepeated(
  database: StackDatabase,
  stack: Stack,
  token: string | undefined,
  request: string,
): boolean {
  if (token === undefined) return false;
  const key = `${stack.id}/${token}`;
  const known = database.tokens.get(key);
  const failed = stack.operations.findLast((operation) => operation.token === token)?.status === 'FAILED';
  if (known === undefined || (known === request && failed)) {
    database.tokens.set(key, request);
    return false;
  }
  if (known !== request) {
    throw new AwsError('TokenAlreadyExistsException', `The client request token ${token} already exists.`);
  }
  return true;
}
