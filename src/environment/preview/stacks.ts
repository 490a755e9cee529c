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

/** What a preview's stack says of itself in its tags: by these it is found, never by its template. */
export interface PreviewStack extends StackSnapshot {
  pullRequest: number;
  service: string;
  commit: string;
  /** Undefined when the tag is missing or no time. */
  expires?: Date;
}

type Place = Pick<PreviewRequest, 'project' | 'environment'>;

/** What CloudFormation is allowed to make for a preview. */
export const CAPABILITIES = ['CAPABILITY_IAM', 'CAPABILITY_NAMED_IAM'] as const;

export function stackName({ project, environment }: Place, pullRequest: number, service: string): string {
  return `${environment}-${project}-pr-${pullRequest}-${service}`;
}

/** The tags by which the preview's stacks are found again, over those of the parameter files. */
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

/** The stacks of this repository's previews in the environment; of one pull request, or of all. */
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

/** A preview expires as a whole: a deployment renews its services one after the other. */
export function haveExpired(stacks: readonly PreviewStack[], nowMs: number): boolean {
  return stacks.every(({ expires, status }) => {
    // Somebody at work on a stack is about to give it a new expiry, or to remove it.
    const atWork = status.endsWith('_IN_PROGRESS') && !IDLE.has(status);
    return expires !== undefined && expires.getTime() <= nowMs && !atWork;
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

/** One command of deploy-stack, with what is the same for all stacks of previews. */
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
    // A preview holds nothing that anybody would miss.
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
 * Why what is left of a preview stays after all: somebody reopened or redeployed it while it was being removed.
 * Undefined while it may go.
 */
export type Objection = () => Promise<string | undefined>;

/** Keeps a preview that was deployed again after it had expired. */
export function unlessRenewed(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Objection {
  return async () => {
    const stacks = await previewStacks(context, request, pullRequest);
    const expired = haveExpired(stacks, context.clock.now());
    return expired ? undefined : `The preview of pull request ${pullRequest} was deployed again`;
  };
}

/**
 * Deletes a stack and waits until it is gone. A creation that is under way is broken off; any other operation is
 * waited for. The objection is asked right before each request that deletes.
 *
 * @returns why the stack was kept, or how its deletion ended.
 */
export async function deletePreviewStack(
  context: PreviewContext,
  request: PreviewRequest,
  stack: PreviewStack,
  objection: Objection,
): Promise<StackResult | { kept: string }> {
  let kept: string | undefined;
  const beforeDeletion = async (): Promise<void> => {
    kept = await objection();
    if (kept !== undefined) throw new PlatformError('conflict', kept);
  };
  if (stack.status === 'CREATE_IN_PROGRESS') {
    kept = await objection();
    if (kept !== undefined) return { kept };
    await breakOff(context, request, stack);
  }
  const inputs = { command: 'delete', stackName: stack.stackName, allowDelete: ['all'] } as const;
  const result = await runStackCommand(context, request, inputs, { beforeDeletion });
  return kept === undefined ? result : { kept };
}

async function breakOff(
  context: PreviewContext,
  { roleArn }: PreviewRequest,
  { stackId, stackName: name }: PreviewStack,
): Promise<void> {
  context.log.info(`Stack ${name} is being created; its creation is broken off.`);
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
