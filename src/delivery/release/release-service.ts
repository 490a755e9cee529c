import type { Service } from '@aws-sdk/client-ecs';
import { InputError } from '../../core/errors.ts';
import {
  deploymentOf,
  findServiceDeployment,
  type OurDeployment,
  updateService,
} from '../../ecs/deployment.ts';
import { proveRunning } from '../../ecs/proof.ts';
import {
  describeService,
  isSteady,
  loadBalancedContainer,
  primaryDeployment,
  requireEcsController,
} from '../../ecs/service.ts';
import { applyChanges } from '../../ecs/task-definition/changes.ts';
import { secretValues, taskDefinitionDiff } from '../../ecs/task-definition/diff.ts';
import { readTaskDefinitionFile } from '../../ecs/task-definition/file.ts';
import {
  readTaskDefinition,
  type RegisteredTaskDefinition,
  registerTaskDefinition,
} from '../../ecs/task-definition/revisions.ts';
import { revisionName, type TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import type { ChangedField } from '../../ecs/task-definition/diff.ts';
import { bounded, endOf, follow, smokeTest } from './follow.ts';
import { isPartOf, pinImages } from './images.ts';
import { preDeploy } from './pre-deploy.ts';
import { preflight } from './preflight.ts';
import { record, Release } from './release.ts';
import type { ServiceContext, ServiceRequest, ServiceTarget } from './request.ts';
import type { ServiceResult } from './result.ts';
import { goBack } from './undo.ts';

/** Releases one service: checks, pre-deploy, rollout, smoke test, rollback, ledger. Never throws: the report tells. */
export async function releaseService(
  context: ServiceContext,
  request: ServiceRequest,
): Promise<ServiceResult> {
  const release = new Release(context, request);
  return await bounded(context, release, request, (inner) => run(inner, release, request));
}

async function run(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
): Promise<ServiceResult> {
  const service = await describeService(context, request);
  requireEcsController(service);
  const target = await targetOf(context, service, request);
  tellTarget(release, service, target);
  release.report.findings = await preflight(context, service, target.definition);
  const wrong = release.report.findings.filter(({ level }) => level === 'error');
  if (wrong.length > 0) {
    const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more)` : '';
    const reason = `${wrong[0]?.message ?? ''} ${wrong[0]?.fix ?? ''}${more} Nothing was changed.`;
    return release.end({ verdict: 'failed', reason });
  }
  const { desiredCount } = request;
  const resized = desiredCount !== undefined && desiredCount !== service.desiredCount;
  if (target.arn === service.taskDefinition && !resized)
    return await standing(context, release, request, service, target);
  const arn = await register(context, release, target);
  if (request.preDeploy) {
    release.stage = 'pre-deploy';
    const options = {
      command: request.preDeploy,
      taskDefinition: arn,
      definition: target.definition,
      timeoutMs: request.timeoutMs,
    };
    const ended = await preDeploy(context, release, service, options);
    if (!ended.ok) {
      const reason = `${ended.reason}. The service was not touched.`;
      return release.end({ verdict: 'pre-deploy-failed', reason, preDeploy: ended.run });
    }
  }
  const deployment = await update(context, release, request, service, arn);
  if (!deployment) {
    const reason = `${await whoElse(context, request)} before this one began.`;
    return release.end({ verdict: 'superseded', reason });
  }
  if (!request.wait) {
    const name = revisionName(arn);
    const reason = `${name} is being deployed, and nothing is proven: wait is false.`;
    return release.end({ verdict: 'deployed', reason, taskDefinition: name });
  }
  return await finish(context, release, request, {
    service,
    deployment,
    definition: target.definition,
    verdict: 'deployed',
  });
}

/** The service has this task definition: proven as it stands, or followed until it does. */
async function standing(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  service: Service,
  { definition, previous }: Target,
): Promise<ServiceResult> {
  const change = { taskDefinition: previous.arn, previous: previousOf(service, previous.arn) };
  const deployment = deploymentOf(service, request, change);
  if (!deployment) {
    const reason = 'The service has no primary deployment. Nothing was changed.';
    return release.end({ verdict: 'failed', reason });
  }
  if (isSteady(service)) {
    const steady = { service, deployment, definition, verdict: 'unchanged' as const };
    return await settle(context, release, request, steady);
  }
  release.say(`${revisionName(previous.arn)} is being deployed already: following that.`);
  release.begun.deployment = deployment;
  await identify(context, release, service, deployment);
  return await finish(context, release, request, { service, deployment, definition, verdict: 'deployed' });
}

/** What a release that has reached the service ends with. */
interface Work {
  service: Service;
  deployment: OurDeployment;
  definition: TaskDefinition;
  verdict: 'deployed' | 'unchanged';
}

/** Follows the deployment, then proves, tests and records it. */
async function finish(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  work: Work,
): Promise<ServiceResult> {
  const { service, deployment, definition } = work;
  release.stage = 'rollout';
  const { smokeTest: test, timeoutMs } = request;
  const state = await follow(context, release, deployment, {
    service,
    definition,
    timeoutMs,
    ...(test && { smokeTest: test }),
  });
  const ended = await endOf(context, release, request, { deployment, state, definition });
  return ended ?? (await settle(context, release, request, work));
}

/** The deployment is complete: that is proven by the tasks, tested, and written to the ledger. */
async function settle(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  { deployment, definition, verdict }: Work,
): Promise<ServiceResult> {
  release.stage = 'prove';
  const { taskDefinition } = deployment;
  const sameImage = (image: string, digest: string): Promise<boolean> => isPartOf(context, image, digest);
  const proof = await proveRunning(context, { ...request, taskDefinition, definition, sameImage });
  release.report.digests = proof.digests;
  const name = revisionName(taskDefinition);
  const serves =
    proof.tasks === 0
      ? `${name} is deployed, and no task is wanted`
      : `${name} serves with ${tasks(proof.tasks)}`;
  release.say(`${serves}.`);
  if (proof.tasks === 0) release.note('No task is wanted, so nothing could be proven by one.');
  if (request.smokeTest && verdict === 'deployed' && !release.report.smokeTest) {
    release.stage = 'smoke-test';
    const tested = await smokeTest(context, release, request.smokeTest, deployment);
    if (!tested.ok) {
      const back = await goBack(context, release, request, deployment);
      const reason = `The smoke test failed: ${tested.detail}. ${back}`;
      return release.end({ verdict: 'smoke-test-failed', reason, smokeTest: tested });
    }
  }
  release.stage = 'record';
  delete release.begun.deployment;
  await record(context, release, request, { definition, taskDefinition, digests: proof.digests });
  const unchanged = `${name} served already, with ${tasks(proof.tasks)}: nothing was changed.`;
  const reason = verdict === 'unchanged' ? unchanged : `${serves}.`;
  return release.end({ verdict, reason, taskDefinition: name });
}

function tellTarget(release: Release, service: Service, { previous, changes }: Target): void {
  release.report.strategy = service.deploymentConfiguration?.strategy ?? 'ROLLING';
  release.report.previousTaskDefinition = revisionName(previous.arn);
  release.report.taskDefinition = revisionName(previous.arn);
  release.report.changes = changes;
  if (changes.length === 0) release.say(`The task definition is that of ${revisionName(previous.arn)}.`);
  else release.say(`The task definition differs from ${revisionName(previous.arn)}:`);
  for (const { path, before, after } of changes) {
    const line =
      before === undefined
        ? `+ ${path}: ${after ?? ''}`
        : after === undefined
          ? `- ${path}: ${before}`
          : `~ ${path}: ${before} → ${after}`;
    release.say(`  ${line}`);
  }
}

async function register(
  context: ServiceContext,
  release: Release,
  { arn, definition }: Target,
): Promise<string> {
  release.stage = 'register';
  const registered = arn ?? (await registerTaskDefinition(context, definition));
  release.report.taskDefinition = revisionName(registered);
  if (arn === undefined) release.say(`Registered ${revisionName(registered)}.`);
  return registered;
}

/** Starts the deployment; undefined when another one came between. */
async function update(
  context: ServiceContext,
  release: Release,
  request: ServiceRequest,
  before: Service,
  taskDefinition: string,
): Promise<OurDeployment | undefined> {
  release.stage = 'update';
  const previous = before.taskDefinition ?? '';
  const { desiredCount } = request;
  release.begun.update = { taskDefinition, previous };
  const after = await updateService(context, request, {
    taskDefinition,
    ...(desiredCount !== undefined && { desiredCount }),
  });
  const deployment = deploymentOf(after, request, { taskDefinition, previous });
  if (!deployment) return undefined;
  release.begun.deployment = deployment;
  release.report.deployment = deployment.id;
  const isNew = deployment.id !== primaryDeployment(before)?.id;
  if (isNew) await identify(context, release, after, deployment);
  release.say(`Deployment ${release.report.deployment} of ${revisionName(taskDefinition)} has begun.`);
  return deployment;
}

/** Finds the service deployment, by which ECS tells most; a finished one tells nothing about the tasks of now. */
async function identify(
  context: ServiceContext,
  release: Release,
  service: Service,
  deployment: OurDeployment,
): Promise<void> {
  release.report.deployment = deployment.id;
  if (primaryDeployment(service)?.rolloutState === 'COMPLETED') return;
  const arn = await findServiceDeployment(context, deployment, service.currentServiceDeployment);
  if (arn === undefined) return;
  deployment.arn = arn;
  release.report.deployment = revisionName(arn);
}

async function whoElse(context: ServiceContext, target: ServiceTarget): Promise<string> {
  const now = await describeService(context, target);
  return `Another deployment, of ${revisionName(now.taskDefinition ?? '')}, was started`;
}

/** What runs beside a deployment that somebody else has begun. */
function previousOf({ deployments = [] }: Service, arn: string): string {
  return deployments.find(({ taskDefinition }) => taskDefinition !== arn)?.taskDefinition ?? arn;
}

function tasks(count: number): string {
  return count === 1 ? '1 task' : `${count} tasks`;
}

/** What a release brings the service to. */
interface Target {
  definition: TaskDefinition;
  /** Of an existing revision; undefined when one has to be registered. */
  arn?: string;
  previous: RegisteredTaskDefinition;
  changes: readonly ChangedField[];
}

/**
 * What the request comes to for this service, and how that differs from what it has. Nothing is registered.
 *
 * @throws InputError; an error when a revision does not exist.
 */
async function targetOf(
  context: ServiceContext,
  service: Service,
  { source, changes }: Pick<ServiceRequest, 'source' | 'changes'>,
): Promise<Target> {
  const previous = await readTaskDefinition(context, service.taskDefinition ?? '');
  hide(context, previous.definition);
  if (source.kind === 'revision') return await existing(context, source.revision, previous);
  const base = source.kind === 'file' ? await readTaskDefinitionFile(source.path) : previous.definition;
  hide(context, base);
  const loadBalanced = loadBalancedContainer(service);
  const facts = { service: service.serviceName ?? '', ...(loadBalanced !== undefined && { loadBalanced }) };
  const definition = await pinImages(context, applyChanges(base, changes, facts));
  hide(context, definition);
  const diff = taskDefinitionDiff(previous.definition, definition);
  return { definition, previous, changes: diff, ...(diff.length === 0 && { arn: previous.arn }) };
}

async function existing(
  context: ServiceContext,
  revision: string,
  previous: RegisteredTaskDefinition,
): Promise<Target> {
  const found = await readTaskDefinition(context, revision);
  if (!found.active) {
    const allowed = 'this revision was deregistered, and ECS starts no deployment of it';
    throw new InputError('task-definition-arn', revisionName(found.arn), allowed);
  }
  hide(context, found.definition);
  const changes = taskDefinitionDiff(previous.definition, found.definition);
  return { definition: found.definition, arn: found.arn, previous, changes };
}

/** What looks like a secret in a task definition is in no log, whoever writes it. */
function hide({ log }: ServiceContext, definition: TaskDefinition): void {
  for (const value of secretValues(definition)) log.secret(value);
}
