import {
  DescribeServiceDeploymentsCommand,
  DescribeTasksCommand,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  type Service,
} from '@aws-sdk/client-ecs';
import { classify } from '../../aws/errors.ts';
import { requireSessionAccount } from '../../aws/session.ts';
import { send } from '../../aws/send.ts';
import { errorInfo, reasonOf } from '../../core/errors.ts';
import { describeHold, holdParameter, readHold } from '../../delivery/hold.ts';
import { ledgerNames, readReleases } from '../../delivery/ledger.ts';
import { preflight } from '../../delivery/release/preflight.ts';
import type { ServiceContext } from '../../delivery/release/request.ts';
import { findService } from '../../ecs/find-service.ts';
import { requireDeployable } from '../../ecs/service.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import { revisionName, type TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { parseReference } from '../../images/registry/reference.ts';
import { openRepository } from '../../images/registry/repository.ts';
import { contextAt, type EnvironmentContext } from '../run/context.ts';
import type { Check } from '../run/result.ts';
import type { Choice, ExistingTarget } from '../run/targets.ts';
import { type RolePolicy, rolePolicies } from './policy.ts';
import { outOf } from '../../core/text.ts';

const ROLE_FIX = 'Attach the IAM policy below to the role.';

interface ExistingRequest {
  project: string;
  choice: Choice;
  /** The deploy role of the environment. If the context has another role, that one is read-only. */
  role: string | undefined;
}

/**
 * Checks the existing services of an environment, and generates the IAM policy for each role that deploys to them. Only
 * permissions to read are tested.
 */
export async function checkExisting(
  context: EnvironmentContext,
  { project, choice, role }: ExistingRequest,
): Promise<{ checks: Check[]; policies: RolePolicy[] }> {
  const { environment, existing } = choice;
  if (existing.length === 0) return { checks: [], policies: [] };
  const found = await Promise.all(
    existing.map(async (target) => {
      const at = contextAt(context, environment, target.place, accessOf(context, role));
      return { target, ...(await checkService(at, target)) };
    }),
  );
  const ledger = await checkLedger(context, { project, choice, role });
  return {
    checks: [ledger, ...found.flatMap(({ checks }) => checks)],
    policies: rolePolicies(project, environment, role, found),
  };
}

function accessOf(context: EnvironmentContext, role: string | undefined): 'read' | 'change' {
  return context.role === role ? 'change' : 'read';
}

/** The checks of a service, and its task definition if it could be read. */
interface CheckedService {
  checks: Check[];
  definition?: TaskDefinition;
}

async function checkService(
  { services, session }: EnvironmentContext,
  target: ExistingTarget,
): Promise<CheckedService> {
  const { name, place } = target;
  const check = `the service ${name}`;
  try {
    await requireSessionAccount(
      session,
      place.account,
      (actual) => `the credentials belong to account ${actual}, but the manifest has ${place.account}`,
    );
    const service = await findService(services, place);
    requireDeployable(service);
    const { definition } = await readTaskDefinition(services, service.taskDefinition ?? '');
    const runs = `${place.service} in cluster ${place.cluster} runs ${revisionName(service.taskDefinition ?? '')}`;
    const tasks = outOf(service.runningCount ?? 0, service.desiredCount ?? 0, 'task');
    const [repository, definitions, permissions] = await Promise.all([
      checkRepository(services, target),
      checkTaskDefinition(services, name, service, definition),
      checkPermissions(services, target, service),
    ]);
    const checks: Check[] = [
      { name: check, state: 'ok', says: `${runs} with ${tasks}` },
      checkFailureHandling(name, service),
      repository.check,
      checkExecutionRole(target, definition, repository.uri),
      definitions,
      permissions,
    ];
    return { checks, definition };
  } catch (error) {
    services.signal.throwIfAborted();
    return { checks: [problem(check, error), (await checkRepository(services, target)).check] };
  }
}

function problem(name: string, error: unknown): Check {
  const { fix } = errorInfo(error);
  const advised = classify(error) === 'denied' ? ROLE_FIX : fix;
  return { name, state: 'problem', says: reasonOf(error), ...(advised !== undefined && { fix: advised }) };
}

/** What ECS does about failing tasks when no job monitors the deployment. */
function checkFailureHandling(service: string, { deploymentConfiguration = {} }: Service): Check {
  const name = `failed deployments of ${service}`;
  const { enable = false, rollback = false } = deploymentConfiguration.deploymentCircuitBreaker ?? {};
  const alarms = deploymentConfiguration.alarms;
  const monitored = alarms?.enable === true ? `; alarms: ${(alarms.alarmNames ?? []).join(', ')}` : '';
  if (enable && rollback)
    return { name, state: 'ok', says: `the deployment circuit breaker rolls them back${monitored}` };
  const says = enable
    ? 'the deployment circuit breaker stops them without a rollback'
    : 'the deployment circuit breaker is disabled, so ECS keeps restarting failing tasks after the job has ended';
  const fix =
    'Set deploymentCircuitBreaker { enable: true, rollback: true } in the tool that owns the service.';
  return { name, state: 'warning', says: `${says}${monitored}`, fix };
}

async function checkRepository(
  services: ServiceContext,
  { name: service, place }: ExistingTarget,
): Promise<{ check: Check; uri?: string }> {
  const name = `the repository of ${service}`;
  const { repository, account, region } = place;
  if (repository.kind === 'shared') {
    const says = `images stay in ${repository.uri}, which is not checked`;
    return { check: { name, state: 'ok', says }, uri: repository.uri };
  }
  try {
    const { uri } = await openRepository(await services.ecr(), repository.name, { create: false }, services);
    return { check: { name, state: 'ok', says: uri }, uri };
  } catch (error) {
    services.signal.throwIfAborted();
    if (classify(error) === 'denied') return { check: problem(name, error) };
    const says = `${reasonOf(error)} Checked in account ${account}, ${region}.`;
    const fix = 'Correct repository, account or region in the manifest.';
    return { check: { name, state: 'problem', says, fix } };
  }
}

/**
 * Checks whether tasks can pull from the repository, which is proven if they already run an image from it.
 *
 * @param uri the URI of the repository, if it was found.
 */
function checkExecutionRole(
  { name: service, place }: ExistingTarget,
  definition: TaskDefinition,
  uri: string | undefined,
): Check {
  const name = `the execution role of ${service}`;
  const { repository, account, region } = place;
  const { executionRoleArn: role, containerDefinitions } = definition;
  if (role === undefined) {
    const says = 'the task definition has none, but Fargate needs it to pull from ECR';
    const fix = 'Set executionRoleArn in the tool that owns the task definition.';
    const isFargate = definition.requiresCompatibilities?.includes('FARGATE') ?? false;
    return { name, state: isFargate ? 'problem' : 'warning', says, fix };
  }
  if (repository.kind === 'shared') return { name, state: 'ok', says: role };
  if (containerDefinitions.some(({ image }) => parseReference(image)?.name === uri && uri !== undefined))
    return { name, state: 'ok', says: `tasks run an image from ${repository.name} with ${role}` };
  const says = `no container runs an image from ${repository.name} yet, so it is unknown whether ${role} may pull from it`;
  const fix = `Allow the role ecr:GetAuthorizationToken, and ecr:BatchGetImage and ecr:GetDownloadUrlForLayer on repository/${repository.name} in account ${account}, ${region}.`;
  return { name, state: 'warning', says, fix };
}

/** The preflight checks of a release, for the running task definition. */
async function checkTaskDefinition(
  services: ServiceContext,
  service: string,
  found: Service,
  definition: TaskDefinition,
): Promise<Check> {
  const name = `the task definition of ${service}`;
  const findings = await preflight(services, found, definition, new Map());
  const [first] = findings;
  if (!first) return { name, state: 'ok', says: 'its images, roles, log groups and secrets exist' };
  const says = findings.map(({ message }) => message).join(' ');
  const fixes = [...new Set(findings.flatMap(({ fix }) => fix ?? []))].join('\n');
  const state = findings.some(({ level }) => level === 'error') ? 'problem' : 'warning';
  return { name, state, says, ...(fixes !== '' && { fix: fixes }) };
}

/** Makes the calls that monitor a deployment, and lists those that are denied. */
async function checkPermissions(
  services: ServiceContext,
  { name: service, place }: ExistingTarget,
  found: Service,
): Promise<Check> {
  const name = `permissions for ${service}`;
  const { signal } = services;
  const ecs = await services.ecs();
  const denied: string[] = [];
  const attempt = async <T>(action: string, call: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (classify(error) !== 'denied') throw error;
      denied.push(action);
      return undefined;
    }
  };
  const { cluster } = place;
  const { serviceArn, currentServiceDeployment: deployment } = found;
  try {
    const listed = await attempt('ecs:ListTasks', () =>
      send(ecs, new ListTasksCommand({ cluster, serviceName: place.service }), services),
    );
    const tasks = listed?.taskArns ?? [];
    if (tasks.length > 0)
      await attempt('ecs:DescribeTasks', () =>
        send(ecs, new DescribeTasksCommand({ cluster, tasks: tasks.slice(0, 1) }), services),
      );
    await attempt('ecs:ListServiceDeployments', () =>
      send(ecs, new ListServiceDeploymentsCommand({ cluster, service: serviceArn }), services),
    );
    if (deployment !== undefined)
      await attempt('ecs:DescribeServiceDeployments', () =>
        send(ecs, new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [deployment] }), services),
      );
  } catch (error) {
    signal.throwIfAborted();
    return { name, state: 'unknown', says: reasonOf(error) };
  }
  if (denied.length > 0)
    return { name, state: 'problem', says: `denied: ${denied.join(', ')}`, fix: ROLE_FIX };
  return { name, state: 'ok', says: 'read access is allowed; write access was not tested' };
}

/** Checks whether the parameters of the hold and the releases can be read. */
async function checkLedger(
  context: EnvironmentContext,
  { project, choice, role }: ExistingRequest,
): Promise<Check> {
  const { environment, existing } = choice;
  const place = { project, environment: environment.name };
  const name = `the parameters under /${project}/${environment.name}`;
  try {
    const hold = await readHold(await context.services.ssm(), holdParameter(place), context);
    const releases = await Promise.all(
      existing.map(async (target) => {
        const { services } = contextAt(context, environment, target.place, accessOf(context, role));
        return (await readReleases(services, [ledgerNames({ ...place, service: target.name })]))[0];
      }),
    );
    const recorded = releases.filter((release) => release !== undefined).length;
    const known = `releases recorded for ${outOf(recorded, existing.length, 'service')}`;
    if (!hold) return { name, state: 'ok', says: `no hold; ${known}` };
    const fix = 'Release the hold with promote-environment and command: release-hold.';
    return { name, state: 'warning', says: `${environment.name} is ${describeHold(hold)}; ${known}`, fix };
  } catch (error) {
    context.signal.throwIfAborted();
    return problem(name, error);
  }
}
