import { DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import { isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { PlatformError } from '../../core/errors.ts';
import { deployStack } from '../../cloudformation/commands/deploy-stack.ts';
import type { StackResult } from '../../cloudformation/commands/result.ts';
import { listStacks, type StackSnapshot } from '../../cloudformation/stack.ts';
import type { StackCommandContext } from '../../cloudformation/command-run.ts';
import type { DeployStackInputs } from '../../cloudformation/context.ts';
import type { PreviewContext, PreviewRequest } from './context.ts';

/** A stack of a preview, with the values of its tags, which identify it. */
export interface PreviewStack extends StackSnapshot {
  pullRequest: number;
  service: string;
  commit: string;
  /** Undefined if the tag is missing or not a time. */
  expires?: Date;
}

type Place = Pick<PreviewRequest, 'project' | 'environment'>;

/** The capabilities of preview stacks. */
export const CAPABILITIES = ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'] as const;

export function stackName({ project, environment }: Place, pullRequest: number, service: string): string {
  return `${environment}-${project}-pr-${pullRequest}-${service}`;
}

/** The tags that identify a preview's stack. They override those of the parameter files. */
export function stackTags(
  { project, environment }: Place,
  repository: string,
  preview: { pullRequest: number; service: string; commit: string; expires: Date },
): Record<string, string> {
  return {
    Project: project,
    Environment: environment,
    Preview: 'true',
    Repository: repository,
    PullRequest: String(preview.pullRequest),
    Service: preview.service,
    Commit: preview.commit,
    Expires: preview.expires.toISOString(),
  };
}

/** The stacks of this repository's previews in the environment, of one or all pull requests. */
export async function previewStacks(
  context: PreviewContext,
  { project, environment }: Place,
  pullRequest?: number,
): Promise<PreviewStack[]> {
  const wanted = { Project: project, Environment: environment, Repository: context.github.repository };
  const stacks = await listStacks({ ...context, client: await context.cloudformation() });
  return stacks
    .filter(({ tags }) => tags['Preview'] === 'true' && /^[1-9]\d*$/.test(tags['PullRequest'] ?? ''))
    .filter(({ tags }) => Object.entries(wanted).every(([key, value]) => tags[key] === value))
    .map(previewStack)
    .filter((stack) => pullRequest === undefined || stack.pullRequest === pullRequest);
}

/** A preview expires only as a whole, because a deployment renews its services one after the other. */
export function haveExpired(stacks: readonly PreviewStack[], nowMs: number): boolean {
  return stacks.every(({ expires, status }) => {
    // An operation in progress may renew or remove the stack.
    const isChanging = status.endsWith('_IN_PROGRESS') && !IDLE.has(status);
    return expires !== undefined && expires.getTime() <= nowMs && !isChanging;
  });
}

const IDLE = new Set(['REVIEW_IN_PROGRESS', 'DELETE_IN_PROGRESS']);

function previewStack(stack: StackSnapshot): PreviewStack {
  const { PullRequest, Service = '', Commit = '', Expires = '' } = stack.tags;
  const expires = new Date(Expires);
  return {
    ...stack,
    pullRequest: Number(PullRequest),
    service: Service,
    commit: Commit,
    ...(Number.isNaN(expires.getTime()) ? {} : { expires }),
  };
}

/** Runs a deploy-stack command with the common settings of preview stacks. */
export async function runStackCommand(
  context: PreviewContext,
  request: PreviewRequest,
  inputs: Pick<DeployStackInputs, 'command' | 'stackName'> & Partial<DeployStackInputs>,
  hooks: Pick<StackCommandContext, 'beforeDeletion'> = {},
): Promise<StackResult> {
  const { github } = context;
  const all: DeployStackInputs = {
    parameters: {},
    parameterFiles: [],
    tags: {},
    capabilities: CAPABILITIES,
    // A preview has no data to protect.
    allowReplace: ['AWS::Logs::LogGroup'],
    allowDelete: ['AWS::Logs::LogGroup'],
    allowTrafficReset: [],
    importExisting: false,
    onFailure: 'delete',
    failFast: true,
    mode: 'standard',
    notificationArns: [],
    revertDrift: false,
    continueRollback: true,
    timeoutMs: request.timeoutMs,
    ...(request.roleArn !== undefined && { roleArn: request.roleArn }),
    ...inputs,
  };
  const run = {
    id: github.runId,
    attempt: github.runAttempt,
    workspace: request.workspace,
    actor: github.actor,
  };
  return deployStack({ ...(await cloudFormationOf(context)), ...hooks }, all, run);
}

/**
 * Returns why the rest of a preview must be kept, because it was reopened or redeployed during its removal; undefined if it
 * can be removed.
 */
export type KeepCheck = () => Promise<string | undefined>;

/** Keeps a preview that was deployed again after it expired. */
export function keepIfRenewed(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): KeepCheck {
  return async () => {
    const stacks = await previewStacks(context, request, pullRequest);
    const expired = haveExpired(stacks, context.clock.now());
    return expired ? undefined : `The preview of pull request ${pullRequest} was deployed again`;
  };
}

/**
 * Deletes a stack and waits for the end. A creation in progress is cancelled; any other operation is waited for.
 * `keepCheck` is called right before each deletion request.
 *
 * @returns why the stack was kept, or the result of its deletion.
 */
export async function deletePreviewStack(
  context: PreviewContext,
  request: PreviewRequest,
  stack: PreviewStack,
  keepCheck: KeepCheck,
): Promise<StackResult | { kept: string }> {
  let kept: string | undefined;
  const beforeDeletion = async (): Promise<void> => {
    kept = await keepCheck();
    if (kept !== undefined) throw new PlatformError('conflict', kept);
  };
  if (stack.status === 'CREATE_IN_PROGRESS') {
    kept = await keepCheck();
    if (kept !== undefined) return { kept };
    await cancelCreation(context, request, stack);
  }
  const inputs = { command: 'delete', stackName: stack.stackName, allowDelete: ['all'] } as const;
  const result = await runStackCommand(context, request, inputs, { beforeDeletion });
  return kept === undefined ? result : { kept };
}

async function cancelCreation(
  context: PreviewContext,
  { roleArn }: PreviewRequest,
  { stackId, stackName: name }: PreviewStack,
): Promise<void> {
  context.log.info(`Cancelling the creation of stack ${name} by deleting it.`);
  const command = new DeleteStackCommand({ StackName: stackId, ...(roleArn && { RoleARN: roleArn }) });
  try {
    await send(await context.cloudformation(), command, context);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function cloudFormationOf(context: PreviewContext): Promise<StackCommandContext> {
  return { ...context, client: await context.cloudformation() };
}
