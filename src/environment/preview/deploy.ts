import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { isNotFound } from '../../aws/errors.ts';
import { partitionOf } from '../../aws/partition.ts';
import { send } from '../../aws/send.ts';
import { STACK_VERDICTS, type StackResult } from '../../cloudformation/commands/result.ts';
import { resolveParameters } from '../../cloudformation/parameters/resolve.ts';
import { loadTemplate, type Template } from '../../cloudformation/template/template.ts';
import { inParallel } from '../../core/concurrency.ts';
import { InputError, PlatformError, reasonOf } from '../../core/errors.ts';
import { listOf, withoutAccount } from '../../core/text.ts';
import type { PullRequest } from '../../github/pulls.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import { checkTargets, requireValidTargets } from '../doctor/targets/check.ts';
import type { PreviewContext, PreviewRequest, PreviewService } from './context.ts';
import { declaredIn, readShared, type Shared } from './parameters.ts';
import { priceOf } from './price.ts';
import { choosePriority, hasPriorityConflict, usedPriorities } from './priority.ts';
import {
  activePreviews,
  beginDeployment,
  endDeployment,
  pullRequestNow,
  retireDeployments,
} from './records.ts';
import { removalResult, removePreview, keepIfReopened } from './remove.ts';
import {
  type DeployedPreview,
  type NoPreview,
  PREVIEW_VERDICTS,
  type PreviewedService,
  type PreviewResult,
} from './result.ts';
import {
  CAPABILITIES,
  type PreviewStack,
  previewStacks,
  runStackCommand,
  stackName,
  stackTags,
} from './stacks.ts';

/** The state that is read before anything changes. */
interface Preparation {
  /** With only the parameters that the template declares. */
  services: readonly PreviewService[];
  /** Parameters and tags of all its stacks. */
  shared: Shared;
  /** ARN of the shared listener. */
  listener: string;
  /** The priorities of its rules. */
  taken: Set<number>;
  /** The preview's existing stacks. */
  stacks: readonly PreviewStack[];
}

/**
 * Reads the template, its parameters, the listener and the existing preview.
 *
 * @throws InputError for invalid inputs.
 */
async function prepare(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<Preparation> {
  const { services, listenerName, template, shared } = await readWorkspace(context, request);
  const listener = await readListener(context, listenerName);
  const [taken, stacks] = await Promise.all([
    usedPriorities(context, listener),
    previewStacks(context, request, pullRequest),
  ]);
  // A template without resources is at a URL, and only CloudFormation reads it.
  if (Object.keys(template.resources).length > 0)
    await requireValidTemplate(context, request, pullRequest, { services, stacks, shared });
  return { services, shared, listener, taken, stacks };
}

/** Rejects templates and values that CloudFormation would reject; see checkTargets. */
async function requireValidTemplate(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
  { services, stacks, shared }: Pick<Preparation, 'services' | 'stacks' | 'shared'>,
): Promise<void> {
  const { session } = context;
  const targets = await Promise.all(
    services.map(async (service) => {
      const name = stackName(request, pullRequest, service.name);
      const own = {
        ...service.parameters,
        ...request.parameters,
        ...ownParameters(pullRequest, service, await imageOf(context, service), request.priorities.base),
      };
      const { template } = request;
      const parameters = { ...shared.parameters, ...own };
      return { name, inputs: { stackName: name, template, parameters, capabilities: CAPABILITIES } };
    }),
  );
  const environment = {
    name: request.environment,
    account: await session.accountId(),
    region: session.region,
  };
  const existing = new Map(stacks.map((stack) => [stack.stackName, stack]));
  const { workspace } = request;
  const checks = await checkTargets(targets, existing, { environment, workspace });
  requireValidTargets(context, `The preview of pull request ${pullRequest}`, checks);
}

/** The parameters that every preview stack receives. */
function ownParameters(
  pullRequest: number,
  service: PreviewService,
  image: string,
  priority: number,
): Record<string, string> {
  return {
    PullRequest: String(pullRequest),
    ServiceName: service.name,
    Image: image,
    Priority: String(priority),
  };
}

/** Reads the template and the parameters in the workspace, and checks them for every service. */
async function readWorkspace(
  context: PreviewContext,
  request: PreviewRequest,
): Promise<Pick<Preparation, 'services' | 'shared'> & { listenerName: string; template: Template }> {
  const { template: source, parameters, workspace } = request;
  const cloudformation = { ...context, client: await context.cloudformation() };
  const template = await loadTemplate(cloudformation, source, workspace);
  const services = request.services.map((service) => ({
    ...service,
    parameters: declaredIn(template, service.parameters),
  }));
  const { listenerName, ...shared } = readShared(request, services, template);
  for (const service of services) {
    const own = { PullRequest: '', ServiceName: '', Image: '', Priority: '' };
    const inline = { ...shared.parameters, ...service.parameters, ...parameters, ...own };
    resolveParameters(template, { files: {}, inline }, undefined, () => undefined);
  }
  if (listenerName !== undefined) return { services, listenerName, template, shared };
  const allowed =
    'a value is missing for Listener, the SSM parameter that holds the ARN of the shared listener';
  throw new InputError('parameters', '', allowed);
}

async function readListener(context: PreviewContext, name: string): Promise<string> {
  try {
    const { Parameter } = await send(await context.ssm(), new GetParameterCommand({ Name: name }), context);
    if (Parameter?.Value) return Parameter.Value;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  throw new PlatformError(
    'not-found',
    `The SSM parameter ${name} does not exist, because the environment that hosts previews has no load balancer yet. Nothing was changed.`,
  );
}

const SERVICES_AT_ONCE = 5;
/** Each attempt excludes one more used priority. More conflicts than this are not a race with other deployments. */
const ATTEMPTS = 5;

/** The deployment of one service's stack. */
interface DeployedService {
  service: PreviewService;
  stack: string;
  priority: number;
  image: string;
  result: StackResult;
}

/** What all services of one deployment share. */
interface Deployment extends Preparation {
  pullRequest: number;
  commit: string;
  expires: Date;
}

/** Deploys the services of a pull request. If the pull request was closed in the meantime, its preview is removed. */
export async function deployPreview(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<PreviewResult> {
  const now = await pullRequestNow(context, pullRequest);
  const none = withoutPreview(context, pullRequest, now);
  if (none) return none;
  const workers = workersNotice(request);
  if (request.services.length === 0)
    return { kind: 'none', verdict: 'skipped', pullRequest, reason: `${workers} Nothing was changed.` };
  if (workers !== '') context.log.notice(workers);
  const commit = context.github.pullRequest?.headSha ?? now?.headSha ?? context.github.sha;
  if (now && now.headSha !== commit) {
    const reason = `${newerCommit(pullRequest, commit, now.headSha)} Nothing was changed.`;
    return { kind: 'none', verdict: 'superseded', pullRequest, reason };
  }
  const preparation = await prepare(context, request, pullRequest);
  const expires = new Date(context.clock.now() + request.timeToLiveMs);
  const deployment = { ...preparation, pullRequest, commit, expires };
  const id = await beginDeployment(context, pullRequest, commit);
  try {
    const done = await deployServices(context, request, deployment);
    return await finish(context, request, { ...deployment, ...done, id });
  } catch (error) {
    await endDeployment(context, id, { state: 'error', description: reasonOf(error) });
    throw error;
  }
}

/**
 * Why the selected workers get no preview: with the environment's queues, they would process its messages with a pull
 * request's code. Empty if there are none.
 */
function workersNotice({ workers, environment }: PreviewRequest): string {
  if (workers.length === 0) return '';
  const what =
    workers.length === 1 ? 'has no paths, so it is a worker' : 'have no paths, so they are workers';
  return `${workers.join(', ')} ${what} and would process the messages of ${environment}. Previews do not include workers.`;
}

/** The result for a pull request that gets no preview; undefined if it gets one. */
export function withoutPreview(
  { github }: PreviewContext,
  pullRequest: number,
  now: PullRequest | undefined,
): NoPreview | undefined {
  const fromFork = github.pullRequest?.number === pullRequest && github.pullRequest.fork;
  if (fromFork || now?.fork) {
    const reason = `Pull request ${pullRequest} is from a fork, whose jobs get no OIDC token and no secrets, so it gets no preview. Nothing was changed.`;
    return { kind: 'none', verdict: 'skipped', pullRequest, reason };
  }
  if (!now) {
    const reason = `Pull request ${pullRequest} was not found in ${github.repository}. Nothing was changed.`;
    return { kind: 'none', verdict: 'failed', pullRequest, reason };
  }
  if (now.open) return undefined;
  const reason = `Pull request ${pullRequest} is closed, so it gets no preview. Nothing was changed.`;
  return { kind: 'none', verdict: 'skipped', pullRequest, reason };
}

function newerCommit(pullRequest: number, commit: string, head: string): string {
  return `Pull request ${pullRequest} has a newer commit than ${commit.slice(0, 7)}. The run of ${head.slice(0, 7)} deploys it.`;
}

/** Deploys the services, again if a stack was deleted in the meantime. Returns them with the resulting stacks. */
async function deployServices(
  context: PreviewContext,
  request: PreviewRequest,
  deployment: Deployment,
): Promise<Pick<FinishedDeployment, 'deployed' | 'stacks'>> {
  const { services, pullRequest, stacks: before } = deployment;
  const deployed = new Map<string, DeployedService>();
  for (let wanted = services, round = 1; ; round++) {
    await inParallel(wanted, SERVICES_AT_ONCE, async (service) => {
      deployed.set(service.name, await deployService(context, request, deployment, service));
    });
    const all = services.flatMap(({ name }) => deployed.get(name) ?? []);
    if (context.signal.aborted) return { deployed: all, stacks: [] };
    const stacks = (await previewStacks(context, request, pullRequest)).filter(
      ({ status }) => !isBeingDeleted(status),
    );
    const lost = all.filter((one) => wasDeleted(one, before, stacks));
    if (lost.length === 0) return { deployed: all, stacks };
    if (round === ROUNDS || !(await pullRequestNow(context, pullRequest))?.open) {
      return { deployed: all.map((one) => (lost.includes(one) ? withoutStack(one) : one)), stacks };
    }
    for (const { stack } of lost) {
      context.log.warning(
        `Stack ${stack} was deleted by another job while it was deployed. Deploying it again.`,
      );
    }
    wanted = lost.map(({ service }) => service);
  }
}

/** One sweep that started before this deployment can delete a stack once. */
const ROUNDS = 3;

function isBeingDeleted(status: string): boolean {
  return status === 'DELETE_IN_PROGRESS';
}

/** Whether a job that removes previews deleted the stack. A failed creation deletes its stack itself. */
function wasDeleted(
  { stack, result }: DeployedService,
  before: readonly PreviewStack[],
  now: readonly PreviewStack[],
): boolean {
  const names = (stacks: readonly PreviewStack[]): string[] => stacks.map(({ stackName: name }) => name);
  if (names(now).includes(stack)) return false;
  if (STACK_VERDICTS[result.verdict].ok) return true;
  if (result.verdict !== 'failed' && result.verdict !== 'rolled-back') return false;
  if (names(before).includes(stack)) return true;
  const { error, diagnosis } = result;
  return diagnosis ? !diagnosis.rootCause : ['conflict', 'not-found'].includes(error?.code ?? '');
}

/** The result of a service whose stack was deleted, regardless of the result of its operation. */
function withoutStack({ result, ...one }: DeployedService): DeployedService {
  const { stackName, region, command, durationMs, notes } = result;
  const message = `Stack ${stackName} was deleted during its deployment by another job: a sweep, or the removal after the pull request was closed.`;
  const error = { code: 'conflict', message, fix: 'Run the job again.' } as const;
  const failed = { stackName, region, command, durationMs, notes, verdict: 'failed', error } as const;
  return { ...one, result: { ...failed, reason: `${message} Fix: ${error.fix}` } };
}

async function deployService(
  context: PreviewContext,
  request: PreviewRequest,
  deployment: Deployment,
  service: PreviewService,
): Promise<DeployedService> {
  const { pullRequest, listener, taken, shared } = deployment;
  const stack = stackName(request, pullRequest, service.name);
  const image = await imageOf(context, service);
  const existing = deployment.stacks.find((candidate) => candidate.stackName === stack);
  const choose = (): number =>
    choosePriority(request.priorities, pullRequest, pathsOf(request, service), taken);
  let priority = keptPriority(existing) ?? choose();
  for (let attempt = 1; ; attempt++) {
    const own = {
      ...service.parameters,
      ...request.parameters,
      ...ownParameters(pullRequest, service, image, priority),
    };
    const tags = stackTags(request, context.github.repository, { ...deployment, service: service.name });
    const result = await runStackCommand(context, request, {
      command: 'deploy',
      stackName: stack,
      template: request.template,
      parameters: { ...shared.parameters, ...own },
      tags: { ...shared.tags, ...tags },
      ...(shared.stackPolicy !== undefined && { stackPolicy: shared.stackPolicy }),
    });
    const deployed = { service, stack, priority, image, result };
    if (STACK_VERDICTS[result.verdict].ok || context.signal.aborted || attempt === ATTEMPTS) return deployed;
    if (!hasPriorityConflict(result)) return deployed;
    for (const used of await usedPriorities(context, listener)) taken.add(used);
    taken.add(priority);
    const conflicting = priority;
    priority = choose();
    context.log.info(`Priority ${conflicting} is now in use. Retrying ${service.name} with ${priority}.`);
  }
}

/** A service keeps its priority, because a change would leave it without a rule for a moment. */
function keptPriority(stack: PreviewStack | undefined): number | undefined {
  const priority = Number(stack?.parameters['Priority']);
  return stack && /_COMPLETE$/.test(stack.status) && Number.isInteger(priority) ? priority : undefined;
}

function pathsOf({ parameters }: PreviewRequest, service: PreviewService): string {
  return parameters['Paths'] ?? service.parameters['Paths'] ?? '/*';
}

async function imageOf({ session }: PreviewContext, { repository, image }: PreviewService): Promise<string> {
  if (!image.startsWith('sha256:')) return image;
  const { dnsSuffix } = partitionOf(session.region);
  const account = await session.accountId();
  return `${account}.dkr.ecr.${session.region}.${dnsSuffix}/${repository}@${image}`;
}

/** A deployment after all its services were deployed. */
interface FinishedDeployment extends Deployment {
  /** ID of the GitHub deployment. */
  id: number;
  deployed: readonly DeployedService[];
  /** The preview's current stacks. */
  stacks: readonly PreviewStack[];
}

/** Determines the result. The pull request may have been closed, or have a new commit, since the deployment started. */
async function finish(
  context: PreviewContext,
  request: PreviewRequest,
  finished: FinishedDeployment,
): Promise<PreviewResult> {
  const { pullRequest, commit, id } = finished;
  const now = context.signal.aborted ? undefined : await pullRequestNow(context, pullRequest);
  if (now && !now.open) return await removeClosed(context, request, pullRequest);
  const deployed = deployedPreview(request, finished);
  await context.updateComment(deployed);
  if (now && now.headSha !== commit) {
    const reason = newerCommit(pullRequest, commit, now.headSha);
    await endDeployment(context, id, { state: 'inactive', description: reason });
    return { kind: 'superseded', verdict: 'superseded', reason, pullRequest, deployed };
  }
  const { verdict, reason, url } = deployed;
  const { ok } = PREVIEW_VERDICTS[verdict];
  await endDeployment(context, id, {
    state: ok ? 'success' : 'failure',
    description: reason,
    ...(ok && url !== undefined && { environmentUrl: url }),
  });
  if (ok) {
    const earlier = (await activePreviews(context, pullRequest)).filter((active) => active !== id);
    await retireDeployments(context, earlier);
  }
  return deployed;
}

/** Removes the preview of a pull request that was closed during the deployment, because no other run may remove it. */
async function removeClosed(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<PreviewResult> {
  context.log.info(
    `Pull request ${pullRequest} was closed while its preview was deployed. Removing the preview.`,
  );
  const keepCheck = keepIfReopened(context, pullRequest);
  const removal = await removePreview(context, request, pullRequest, keepCheck);
  const why = `Pull request ${pullRequest} was closed while its preview was deployed`;
  return await removalResult(context, pullRequest, removal, why);
}

function deployedPreview(
  request: PreviewRequest,
  { pullRequest, commit, expires, id, deployed, stacks }: FinishedDeployment,
): DeployedPreview {
  const url = stacks.find(({ outputs }) => outputs['Url'])?.outputs['Url'];
  const price = priceOf(stacks, request.timeToLiveMs);
  return {
    kind: 'deployed',
    verdict: verdictOf(deployed),
    reason: deploymentReason(deployed, pullRequest),
    pullRequest,
    commit,
    expires,
    deployment: id,
    ...(url !== undefined && { url }),
    ...(price && { price }),
    services: [...deployed.map((one) => deployedService(one, commit)), ...otherServices(deployed, stacks)],
  };
}

function verdictOf(deployed: readonly DeployedService[]): DeployedPreview['verdict'] {
  const verdicts = new Set(deployed.map(({ result }) => result.verdict));
  if (verdicts.has('cancelled')) return 'cancelled';
  if (verdicts.has('timed-out')) return 'timed-out';
  return deployed.every(isDeployed) ? 'deployed' : 'failed';
}

function isDeployed({ result }: DeployedService): boolean {
  return STACK_VERDICTS[result.verdict].ok;
}

function deploymentReason(deployed: readonly DeployedService[], pullRequest: number): string {
  const failed = deployed.filter((one) => !isDeployed(one));
  const names = listOf(deployed.map(({ service }) => service.name));
  if (failed.length === 0) return `Deployed the preview of pull request ${pullRequest}: ${names}.`;
  return failed.map(({ service, result }) => `${service.name}: ${withoutAccount(result.reason)}`).join(' ');
}

function deployedService(
  { service, stack, priority, image, result }: DeployedService,
  commit: string,
): PreviewedService {
  return { name: service.name, stack, commit, digest: digestOfReference(image), run: { priority, result } };
}

/** The other services of the preview, which run an earlier commit. */
function otherServices(
  deployed: readonly DeployedService[],
  stacks: readonly PreviewStack[],
): PreviewedService[] {
  const changed = new Set(deployed.map(({ stack }) => stack));
  return stacks
    .filter(({ stackName: name }) => !changed.has(name))
    .map(({ stackName: stack, service, commit, parameters }) => ({
      name: service,
      stack,
      commit,
      digest: digestOfReference(parameters['Image'] ?? ''),
    }));
}
