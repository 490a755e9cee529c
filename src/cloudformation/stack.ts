import {
  DescribeStacksCommand,
  ListStackResourcesCommand,
  type Stack,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation';
import { isNotFound } from '../aws/errors.ts';
import { send } from '../aws/send.ts';
import { type CloudFormationContext, malformedResponse } from './context.ts';

export interface StackSnapshot {
  stackName: string;
  stackId: string;
  status: string;
  statusReason?: string;
  parameters: Record<string, string>;
  /** The values that parameters of SSM types had when the stack was last deployed, by the parameter's key. */
  resolved?: Record<string, string>;
  tags: Record<string, string>;
  outputs: Record<string, string>;
  capabilities: readonly string[];
  roleArn?: string;
  terminationProtection: boolean;
  parentId?: string;
  notificationArns: readonly string[];
  createdAt?: Date;
  updatedAt?: Date;
  /** How the last operation was deployed: STANDARD or EXPRESS; absent when the endpoint does not report it. */
  deploymentMode?: string;
  /** ARN of the last executed change set. */
  changeSetId?: string;
  /** The newest operation first; empty when the endpoint does not report operations. */
  operations?: readonly { type: string; id: string }[];
}

/**
 * Reads a stack by name or ARN; undefined if it does not exist. A deleted stack is found only by its ARN, with status
 * DELETE_COMPLETE.
 * @throws AwsError for any other error.
 */
export async function describeStack(
  context: CloudFormationContext,
  nameOrId: string,
): Promise<StackSnapshot | undefined> {
  try {
    const answer = await send(context.client, new DescribeStacksCommand({ StackName: nameOrId }), context);
    const stack = answer.Stacks?.[0];
    if (!stack) throw malformedResponse(`DescribeStacks returned no stack for ${nameOrId}`);
    return snapshot(stack);
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** All stacks in the account and region that exist and are not nested. */
export async function listStacks(
  context: Pick<CloudFormationContext, 'client' | 'signal'>,
): Promise<StackSnapshot[]> {
  const found: StackSnapshot[] = [];
  for await (const page of stackPages(context)) found.push(...page);
  return found.filter(({ parentId, status }) => parentId === undefined && status !== 'DELETE_COMPLETE');
}

/**
 * The existing stacks of the account and region, including nested ones, in pages of up to 1 MB. Requires the permissions
 * `DescribeStacks` and `ListStacks` on all stacks.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
 */
export async function* stackPages(
  context: Pick<CloudFormationContext, 'client' | 'signal' | 'urgency'>,
): AsyncGenerator<StackSnapshot[]> {
  let next: string | undefined;
  do {
    const command = new DescribeStacksCommand(next === undefined ? {} : { NextToken: next });
    const answer = await send(context.client, command, context);
    yield (answer.Stacks ?? []).map(snapshot);
    next = answer.NextToken;
  } while (next);
}

function snapshot(stack: Stack): StackSnapshot {
  const { StackName: stackName, StackId: stackId, StackStatus: status } = stack;
  if (!stackName || !stackId || !status)
    throw malformedResponse('DescribeStacks returned a stack without a name, an ARN or a status');
  return {
    stackName,
    stackId,
    status,
    ...(stack.StackStatusReason ? { statusReason: stack.StackStatusReason } : {}),
    parameters: record(stack.Parameters, 'ParameterKey', 'ParameterValue'),
    resolved: record(
      stack.Parameters?.filter(({ ResolvedValue }) => ResolvedValue !== undefined),
      'ParameterKey',
      'ResolvedValue',
    ),
    tags: record(stack.Tags, 'Key', 'Value'),
    outputs: record(stack.Outputs, 'OutputKey', 'OutputValue'),
    capabilities: stack.Capabilities ?? [],
    ...(stack.RoleARN ? { roleArn: stack.RoleARN } : {}),
    terminationProtection: stack.EnableTerminationProtection ?? false,
    ...(stack.ParentId ? { parentId: stack.ParentId } : {}),
    notificationArns: stack.NotificationARNs ?? [],
    ...(stack.CreationTime ? { createdAt: stack.CreationTime } : {}),
    ...(stack.LastUpdatedTime ? { updatedAt: stack.LastUpdatedTime } : {}),
    ...(stack.DeploymentConfig?.Mode ? { deploymentMode: stack.DeploymentConfig.Mode } : {}),
    ...(stack.ChangeSetId ? { changeSetId: stack.ChangeSetId } : {}),
    operations: (stack.LastOperations ?? []).map(({ OperationType, OperationId }) => ({
      type: OperationType ?? '',
      id: OperationId ?? '',
    })),
  };
}

function record<K extends string, V extends string>(
  list: readonly Partial<Record<K | V, unknown>>[] | undefined,
  key: K,
  value: V,
): Record<string, string> {
  return Object.fromEntries((list ?? []).map((item) => [String(item[key] ?? ''), String(item[value] ?? '')]));
}

/** A stack without resources, created by a CREATE change set that has not been executed. */
export function isShell(status: string): boolean {
  return status === 'REVIEW_IN_PROGRESS';
}

/**
 * Whether a stack is left over from a failed creation. CloudFormation accepts no change set for it, so it is deleted and
 * created again. Source: "Stack status codes", CloudFormation User Guide.
 */
export function isFailedCreation(status: string): boolean {
  return FAILED_CREATIONS.has(status);
}

const FAILED_CREATIONS: ReadonlySet<string> = new Set([
  'CREATE_FAILED',
  'ROLLBACK_COMPLETE',
  'ROLLBACK_FAILED',
]);

/** Whether an operation is running. An empty stack in REVIEW_IN_PROGRESS has none: it waits for its change set. */
export function isInProgress(status: string): boolean {
  return status.endsWith('_IN_PROGRESS') && !isShell(status);
}

/** Whether a stack or resource is being rolled back, or was rolled back. */
export function isRollback(status: string): boolean {
  return status.includes('ROLLBACK');
}

export function isFailed(status: string): boolean {
  return status.endsWith('_FAILED');
}

/** Whether CloudFormation accepts an update in this status. */
export function isStable(status: string): boolean {
  return UPDATABLE.has(status);
}

/** Statuses in which CloudFormation accepts an update. Source: "Stack status codes", CloudFormation User Guide. */
const UPDATABLE: ReadonlySet<string> = new Set([
  'CREATE_COMPLETE',
  'UPDATE_COMPLETE',
  'UPDATE_ROLLBACK_COMPLETE',
  'IMPORT_COMPLETE',
  'IMPORT_ROLLBACK_COMPLETE',
]);

/** Whether a deployment in express mode failed and left the stack as it was at that moment. */
export function hasFailedInExpressMode({ status, deploymentMode }: StackSnapshot): boolean {
  return (status === 'CREATE_FAILED' || status === 'UPDATE_FAILED') && deploymentMode === 'EXPRESS';
}

/** All resources of a stack, including those that were deleted or never created. */
export async function listResources(
  context: CloudFormationContext,
  stackId: string,
): Promise<StackResourceSummary[]> {
  const found: StackResourceSummary[] = [];
  let next: string | undefined;
  do {
    const command = new ListStackResourcesCommand({
      StackName: stackId,
      ...(next ? { NextToken: next } : {}),
    });
    const answer = await send(context.client, command, context);
    found.push(...(answer.StackResourceSummaries ?? []));
    next = answer.NextToken;
  } while (next);
  return found;
}

/** Whether the resource exists, so that a deletion would remove it. */
export function isAlive(resource: StackResourceSummary): boolean {
  const status = resource.ResourceStatus ?? '';
  if (status === 'DELETE_COMPLETE' || status === 'DELETE_SKIPPED') return false;
  return status !== 'CREATE_FAILED' || Boolean(resource.PhysicalResourceId);
}

/** The resource type of a nested stack. */
export const STACK_TYPE = 'AWS::CloudFormation::Stack';
