import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { errorText, isNotFound } from '../../aws/errors.ts';
import { partitionOf } from '../../aws/partition.ts';
import { send } from '../../aws/send.ts';
import type { StackResult } from '../../cloudformation/commands/result.ts';
import { readParameterFiles, resolveParameters } from '../../cloudformation/template/parameters.ts';
import { loadTemplate } from '../../cloudformation/template/template.ts';
import { inParallel } from '../../core/concurrency.ts';
import { InputError } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';
import { presentedStack } from '../stack-outcome.ts';
import { closedMeanwhile, deployedOutcome, noPreview, supersededOutcome } from './outcome.ts';
import type { PreviewContext, PreviewRequest, PreviewService } from './preview.ts';
import { choosePriority, lostItsPriority, takenPriorities } from './priority.ts';
import { beginDeployment, endDeployment, pullRequestNow, retireDeployments } from './records.ts';
import { onStack, type PreviewStack, previewStacks, stackName, stackTags } from './stacks.ts';

/** What is known before anything is changed. */
interface Preparation {
  /** With the parameters only that the template declares. */
  services: readonly PreviewService[];
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
  const { services, listenerName } = await readWorkspace(context, request);
  const listener = await readListener(context, listenerName);
  const [taken, stacks] = await Promise.all([
    takenPriorities(context, listener),
    previewStacks(context, request, pullRequest),
  ]);
  return { services, listener, taken, stacks };
}

/** Checks all that the workspace says, for every service. */
async function readWorkspace(
  context: PreviewContext,
  request: PreviewRequest,
): Promise<Pick<Preparation, 'services'> & { listenerName: string }> {
  const { template: source, parameterFiles, parameters, workspace } = request;
  const files = readParameterFiles(parameterFiles, workspace);
  const cloudformation = { ...context, client: await context.cloudformation() };
  const template = await loadTemplate(cloudformation, source, workspace);
  const services = request.services.map((service) => {
    const declared = Object.entries(service.parameters).filter(([key]) =>
      Object.hasOwn(template.parameters, key),
    );
    return { ...service, parameters: Object.fromEntries(declared) };
  });
  for (const service of services) {
    const own = { PullRequest: '', ServiceName: '', Image: '', Priority: '' };
    const inline = { ...service.parameters, ...parameters, ...own };
    resolveParameters(template, { files: files.parameters, inline }, undefined, () => undefined);
  }
  const listenerName = parameters['Listener'] ?? files.parameters['Listener']?.value;
  if (listenerName !== undefined) return { services, listenerName };
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
  throw new Error(
    `There is no SSM parameter ${name}: the environment that hosts previews has no load balancer yet. Nothing was changed.`,
  );
}

const SERVICES_AT_ONCE = 5;
/** Each attempt knows one more priority that is taken; more than this is no race but something wrong. */
const ATTEMPTS = 5;

/** How the stack of one service ended. */
export interface ServiceEnding {
  service: PreviewService;
  stack: string;
  priority: number;
  image: string;
  outcome: Outcome;
}

/** What all services of one deployment share. */
export interface Deployment extends Preparation {
  pullRequest: number;
  commit: string;
  expires: Date;
}

/** Deploys the services of a pull request, and takes back what nobody wants any more when it is done. */
export async function deployPreview(
  context: PreviewContext,
  request: PreviewRequest,
  pullRequest: number,
): Promise<Outcome> {
  const now = await pullRequestNow(context, pullRequest);
  const none = noPreview(context, pullRequest, now);
  if (none) return none;
  const commit = context.github.pullRequest?.headSha ?? now?.headSha ?? context.github.sha;
  if (now && now.headSha !== commit) return supersededOutcome(pullRequest, commit, now.headSha, 'before');
  const preparation = await prepare(context, request, pullRequest);
  const expires = new Date(context.clock.now() + request.timeToLiveMs);
  const deployment = { ...preparation, pullRequest, commit, expires };
  const id = await beginDeployment(context, pullRequest, commit);
  try {
    const endings = await deployServices(context, request, deployment);
    return await conclude(context, request, deployment, id, endings);
  } catch (error) {
    await endDeployment(context, id, { state: 'error', description: errorText(error) });
    throw error;
  }
}

async function deployServices(
  context: PreviewContext,
  request: PreviewRequest,
  deployment: Deployment,
): Promise<ServiceEnding[]> {
  const endings: ServiceEnding[] = [];
  await inParallel(deployment.services, SERVICES_AT_ONCE, async (service) => {
    endings.push(await deployService(context, request, deployment, service));
  });
  const order = deployment.services.map(({ name }) => name);
  return endings.sort((a, b) => order.indexOf(a.service.name) - order.indexOf(b.service.name));
}

async function deployService(
  context: PreviewContext,
  request: PreviewRequest,
  deployment: Deployment,
  service: PreviewService,
): Promise<ServiceEnding> {
  const { pullRequest, listener, taken } = deployment;
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
      PullRequest: String(pullRequest),
      ServiceName: service.name,
      Image: image,
      Priority: String(priority),
    };
    const result = await onStack(context, request, {
      command: 'deploy',
      stackName: stack,
      template: request.template,
      parameterFiles: request.parameterFiles,
      parameters: own,
      tags: stackTags(request, context.github.repository, { ...deployment, service: service.name }),
    });
    const outcome = presentedStack(context, result);
    const ending = { service, stack, priority, image, outcome };
    if (outcome.ok || context.signal.aborted || attempt === ATTEMPTS) return ending;
    if (!lostItsPriority(failureOf(result))) return ending;
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

function failureOf(result: StackResult): string {
  const rootCause = 'diagnosis' in result ? result.diagnosis?.rootCause : undefined;
  return `${result.reason} ${rootCause?.reason ?? ''}`;
}

/** The pull request may have been closed, or got another commit, while AWS was at work. */
async function conclude(
  context: PreviewContext,
  request: PreviewRequest,
  deployment: Deployment,
  id: number,
  endings: readonly ServiceEnding[],
): Promise<Outcome> {
  const { pullRequest, commit } = deployment;
  const now = context.signal.aborted ? undefined : await pullRequestNow(context, pullRequest);
  if (now && !now.open) return await closedMeanwhile(context, request, pullRequest);
  const stacks = context.signal.aborted ? [] : await previewStacks(context, request, pullRequest);
  const outcome = await deployedOutcome(context, request, { ...deployment, id, endings, stacks });
  const superseded = now && now.headSha !== commit;
  const ending = superseded
    ? supersededOutcome(pullRequest, commit, now.headSha, 'meanwhile', outcome)
    : outcome;
  const { url } = ending.outputs;
  await endDeployment(context, id, {
    state: superseded ? 'inactive' : ending.ok ? 'success' : 'failure',
    description: ending.reason,
    ...(ending.ok && url && { environmentUrl: url }),
  });
  if (ending.ok) await retireDeployments(context, pullRequest, id);
  return ending;
}
