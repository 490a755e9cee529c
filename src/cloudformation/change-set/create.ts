import {
  type Capability,
  CreateChangeSetCommand,
  type CreateChangeSetInput,
  DescribeChangeSetCommand,
  type DescribeChangeSetOutput,
  type RollbackConfiguration,
} from '@aws-sdk/client-cloudformation';
import { send } from '../../aws/send.ts';
import { awsNameOf, isNotFound, isThrottle } from '../../aws/errors.ts';
import { PlatformError } from '../../core/errors.ts';
import { poll } from '../../core/poll.ts';
import { type CloudFormationContext, type DeployStackInputs, malformedResponse } from '../context.ts';
import type { ResolvedParameter } from '../parameters/resolve.ts';

/** How long a new change set may be invisible. */
const VISIBLE_WITHIN_MS = 10_000;

export interface ChangeSetRequest {
  stackName: string;
  changeSetName: string;
  kind: 'create' | 'update';
  source: { TemplateBody: string } | { TemplateURL: string } | { UsePreviousTemplate: true };
  parameters: readonly ResolvedParameter[];
  tags: Record<string, string>;
  inputs: Pick<
    DeployStackInputs,
    'capabilities' | 'roleArn' | 'notificationArns' | 'onFailure' | 'mode' | 'importExisting'
  >;
  rollback?: RollbackConfiguration;
  revertDrift: boolean;
  /** Plans without nested stacks, if CloudFormation fails only because of them. */
  hideNested?: boolean;
  /** Distinguishes this request's change set from another one with the same name. */
  nonce: string;
  /** The created change set, once CloudFormation has confirmed it. */
  made?: ChangeSetId;
}

export interface ChangeSetId {
  changeSetId: string;
  stackId: string;
}

/** A name with its stack, or an ARN if the stack is unknown. */
export interface ChangeSetAddress {
  ChangeSetName: string;
  StackName?: string;
}

/**
 * The address of a change set by its stack and its name. For a request by ARN, IAM authorizes `changeSet/<name>/<id>`, which
 * does not contain the stack's name, so a role that is limited to some stacks would be denied.
 *
 * @see https://github.com/widdix/complete-aws-iam-reference/issues/6
 */
export function changeSetAddress({ changeSetId, stackId }: ChangeSetId): ChangeSetAddress {
  const name = /:changeSet\/([^/]+)\//.exec(changeSetId)?.[1] ?? changeSetId;
  if (stackId === '') return { ChangeSetName: name };
  return { ChangeSetName: name, StackName: /:stack\/([^/]+)\//.exec(stackId)?.[1] ?? stackId };
}

/**
 * Creates a change set. A repeated call with the same nonce returns the same change set, even if the first response was
 * lost.
 */
export async function createChangeSet(
  context: CloudFormationContext,
  request: ChangeSetRequest,
): Promise<ChangeSetId> {
  try {
    const answer = await send(context.client, new CreateChangeSetCommand(changeSetInput(request)), context);
    if (!answer.Id || !answer.StackId) throw malformedResponse('CreateChangeSet returned no id');
    return { changeSetId: answer.Id, stackId: answer.StackId };
  } catch (error) {
    if (awsNameOf(error) !== 'AlreadyExistsException') throw error;
    const ours = await findChangeSet(context, request);
    if (!ours) throw error;
    return ours;
  }
}

/** The change set of this name, if it has this request's nonce. */
export async function findChangeSet(
  context: CloudFormationContext,
  request: Pick<ChangeSetRequest, 'stackName' | 'changeSetName' | 'nonce'>,
): Promise<ChangeSetId | undefined> {
  const { changeSetName, stackName } = request;
  const found = await describePage(context, { ChangeSetName: changeSetName, StackName: stackName });
  if (!found?.ChangeSetId || !found.StackId || !found.Description?.includes(request.nonce)) return undefined;
  return { changeSetId: found.ChangeSetId, stackId: found.StackId };
}

function changeSetInput(request: ChangeSetRequest): CreateChangeSetInput {
  const { inputs, revertDrift } = request;
  const tags = Object.entries(request.tags).map(([Key, Value]) => ({ Key, Value }));
  return {
    StackName: request.stackName,
    ChangeSetName: request.changeSetName,
    ChangeSetType: request.kind === 'create' ? 'CREATE' : 'UPDATE',
    ClientToken: request.nonce,
    Description: `Plan ${request.nonce}`,
    ...request.source,
    Parameters: request.parameters.flatMap(parameterInput),
    Capabilities: [...inputs.capabilities] as Capability[],
    ...(tags.length > 0 && { Tags: tags }),
    ...(inputs.roleArn && { RoleARN: inputs.roleArn }),
    ...(inputs.notificationArns.length > 0 && { NotificationARNs: [...inputs.notificationArns] }),
    ...(revertDrift
      ? { DeploymentMode: 'REVERT_DRIFT' as const }
      : { IncludeNestedStacks: request.hideNested !== true }),
    ...(inputs.importExisting && { ImportExistingResources: true }),
    ...(request.rollback && { RollbackConfiguration: request.rollback }),
    ...failureInput(request),
  };
}

function parameterInput({
  key,
  value,
  usePrevious,
}: ResolvedParameter): CreateChangeSetInput['Parameters'] & object {
  if (usePrevious) return [{ ParameterKey: key, UsePreviousValue: true }];
  return value === undefined ? [] : [{ ParameterKey: key, ParameterValue: value }];
}

/**
 * The failure settings. `delete` applies only to a creation; a failed update is rolled back. EXPRESS does not roll back by
 * default, so both modes set it.
 */
function failureInput({ kind, inputs }: ChangeSetRequest): Partial<CreateChangeSetInput> {
  const { onFailure, mode } = inputs;
  const deletes = kind === 'create' && onFailure === 'delete';
  if (mode === 'express') {
    return {
      DeploymentConfig: { Mode: 'EXPRESS', DisableRollback: onFailure === 'keep' },
      ...(deletes && { OnStackFailure: 'DELETE' }),
    };
  }
  if (kind === 'create') {
    return {
      OnStackFailure: ({ rollback: 'ROLLBACK', keep: 'DO_NOTHING', delete: 'DELETE' } as const)[onFailure],
    };
  }
  return onFailure === 'keep' ? { DeploymentConfig: { Mode: 'STANDARD', DisableRollback: true } } : {};
}

/**
 * Waits until a change set is created or has failed, polling every 0.5, then 1, then 2 seconds. Returns the first page, with
 * property values.
 * @throws TimeoutError after `timeoutMs`; PlatformError if the change set was deleted.
 */
export async function waitForChangeSet(
  context: CloudFormationContext,
  made: ChangeSetId,
  timeoutMs: number,
): Promise<DescribeChangeSetOutput> {
  const { changeSetId } = made;
  const started = context.clock.now();
  return await poll(
    context,
    {
      what: `the change set ${changeSetId}`,
      timeoutMs,
      intervalMs,
      isThrottle,
    },
    async () => {
      const set = await describePage(context, { ...changeSetAddress(made), IncludePropertyValues: true });
      if (!set) {
        if (context.clock.now() - started < VISIBLE_WITHIN_MS) return undefined;
        throw new PlatformError('conflict', `The change set ${changeSetId} was deleted by another caller`);
      }
      return finished(set) ? set : undefined;
    },
  );
}

function finished(set: DescribeChangeSetOutput): boolean {
  const status = set.Status ?? '';
  if (status.startsWith('DELETE_'))
    throw new PlatformError('conflict', `The change set ${set.ChangeSetName ?? ''} is being deleted`);
  return status === 'FAILED' || (status === 'CREATE_COMPLETE' && set.ExecutionStatus !== 'UNAVAILABLE');
}

/** The first page, without property values unless requested; undefined if the change set does not exist. */
export async function describePage(
  context: CloudFormationContext,
  address: ChangeSetAddress & { IncludePropertyValues?: true },
): Promise<DescribeChangeSetOutput | undefined> {
  try {
    return await send(context.client, new DescribeChangeSetCommand({ ...address }), context);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Polling interval. A change set takes seconds, so it is polled more often than a stack. */
export function intervalMs(elapsedMs: number): number {
  if (elapsedMs < 5_000) return 500;
  return elapsedMs < 15_000 ? 1_000 : 2_000;
}
