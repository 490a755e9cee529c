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
import { choosePriority, lostItsPriority, takenPriorities } from './priority.ts';
import {
  activePreviews,
  beginDeployment,
  endDeployment,
  pullRequestNow,
  retireDeployments,
} from './records.ts';
import { removalResult, removePreview, unlessReopened } from './remove.ts';
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

/** What is known before anything is changed. */
interface Preparation {
  /** With the parameters only that the template declares. */
  services: readonly PreviewService[];
  /** What all of its stacks have. */
  shared: Shared;
  /** ARN of the shared listener. */
  listener: string;
  /** The priorities of its rules. */
  taken: Set<number>;
  /** What the preview consists of already. */
  stacks: readonly PreviewStack[];
}

/** Reads the template, its parameters, the listener and the preview as it is. Throws InputError for what is wrong. */
async function prepare(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<Preparation> {
  const { services, listenerName, template, shared } = await readWorkspace(context, request);
  const listener = await readListener(context, listenerName);
  const [taken, stacks] = await Promise.all([
    takenPriorities(context, listener),
    previewStacks(context, request, pullRequest),
  ]);
  // Without resources, only CloudFormation can read it.
  if (Object.keys(template.resources).length > 0)
    await requireValidTemplate(context, request, pullRequest, { services, stacks, shared });
  return { services, shared, listener, taken, stacks };
}

/** Refuses a template that CloudFormation would refuse, and values that it would: see checkTargets. */
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

/** What every preview's stack is given. */
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

/** Checks all that the workspace says, for every service. */
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
    `There is no SSM parameter ${name}: the environment that hosts previews has no load balancer yet. Nothing was changed.`,
  );
}

const SERVICES_AT_ONCE = 5;
/** Each attempt knows one more priority that is taken; more than this is no race but something wrong. */
const ATTEMPTS = 5;

/** How the stack of one service was deployed. */
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

/** Deploys the services of a pull request; of one that was closed meanwhile, the preview is removed again. */
export async function deployPreview(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<PreviewResult> {
  const now = await pullRequestNow(context, pullRequest);
  const none = withoutPreview(context, pullRequest, now);
  if (none) return none;
  const workers = aboutWorkers(request);
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
 * Why the named workers have no preview: it would share the queues of the environment, and process messages there with
 * the code of a pull request. Empty where none is named.
 */
function aboutWorkers({ workers, environment }: PreviewRequest): string {
  if (workers.length === 0) return '';
  const [are, they] =
    workers.length === 1
      ? ['has no paths: it is a worker', 'it']
      : ['have no paths: they are workers', 'they'];
  return `${workers.join(', ')} ${are}, and ${they} would take the messages of ${environment}. Previews leave workers out.`;
}

/** Why there is to be no preview; undefined when there is to be one. */
export function withoutPreview(
  { github }: PreviewContext,
  pullRequest: number,
  now: PullRequest | undefined,
): NoPreview | undefined {
  const fromFork = github.pullRequest?.number === pullRequest && github.pullRequest.fork;
  if (fromFork || now?.fork) {
    const reason = `Pull request ${pullRequest} comes from a fork, whose jobs get no OIDC token and no secrets: it has no preview. Nothing was changed.`;
    return { kind: 'none', verdict: 'skipped', pullRequest, reason };
  }
  if (!now) {
    const reason = `GitHub shows no pull request ${pullRequest} in ${github.repository}. Nothing was changed.`;
    return { kind: 'none', verdict: 'failed', pullRequest, reason };
  }
  if (now.open) return undefined;
  const reason = `Pull request ${pullRequest} is closed: it has no preview. Nothing was changed.`;
  return { kind: 'none', verdict: 'skipped', pullRequest, reason };
}

function newerCommit(pullRequest: number, commit: string, head: string): string {
  return `Pull request ${pullRequest} has a newer commit than ${commit.slice(0, 7)}, ${head.slice(0, 7)}, whose own run deploys it.`;
}

/** The services, and the stacks of the preview after them. A service whose stack was deleted meanwhile is repeated. */
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
      ({ status }) => !isGoing(status),
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

/** A stack that keeps being deleted is more than one sweep that had begun before this deployment. */
const ROUNDS = 3;

function isGoing(status: string): boolean {
  return status === 'DELETE_IN_PROGRESS';
}

/** Whether a job that removes previews deleted the stack; a creation that fails deletes its stack itself. */
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

/** The result of a service whose stack is gone, whatever CloudFormation said of the operation. */
function withoutStack({ result, ...one }: DeployedService): DeployedService {
  const { stackName, region, command, durationMs, notes } = result;
  const message = `Stack ${stackName} was deleted by another job while it was deployed: by a sweep, or because the pull request was closed.`;
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
    if (!lostItsPriority(result)) return deployed;
    for (const used of await takenPriorities(context, listener)) taken.add(used);
    taken.add(priority);
    const lost = priority;
    priority = choose();
    context.log.info(`Priority ${lost} was taken meanwhile; ${service.name} tries ${priority}.`);
  }
}

/** A service keeps the priority it has: to change it would be a moment without a rule. */
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

/** A deployment whose services are done. */
interface FinishedDeployment extends Deployment {
  /** Of GitHub's record. */
  id: number;
  deployed: readonly DeployedService[];
  /** The preview as it is now. */
  stacks: readonly PreviewStack[];
}

/** The pull request may have been closed, or got another commit, while AWS was at work. */
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

/** The pull request was closed while its preview was deployed: no other run may be left to remove it. */
async function removeClosed(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<PreviewResult> {
  context.log.info(
    `Pull request ${pullRequest} was closed while its preview was deployed. Removing the preview.`,
  );
  const objection = unlessReopened(context, pullRequest);
  const removal = await removePreview(context, request, pullRequest, objection);
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

/** Services of the preview that this run was not asked for run an earlier commit. */
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
