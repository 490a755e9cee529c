import { isDeepStrictEqual } from 'node:util';
import { loadBalancingOf } from '../../elb/load-balancing.ts';
import { AwsError, type Call, type Input, listOf, textOf } from '../../protocols/service.ts';
import { tagsOf } from '../api/tags.ts';
import {
  clientError,
  clusterNamed,
  findService,
  invalidParameter,
  serviceNotActive,
  usableTaskDefinition,
} from '../lookup.ts';
import type {
  DeploymentConfiguration,
  Ecs,
  Given,
  LoadBalancer,
  RevisionSettings,
  Service,
  ServiceDeployment,
} from '../model.ts';
import { checkPlacement, instancesOf, isDaemon, withCapacity } from '../tasks/placement.ts';
import { RolloutStop, type ServiceActions } from './context.ts';
import { countHealthyTasks } from './rolling.ts';
import { deploy } from './rollout.ts';
import { presentTasks, schedule } from './scheduler.ts';

const NAME = /^[A-Za-z0-9_-]{1,255}$/;
/** The fields of a service that are not part of a revision. */
const OF_A_SERVICE = [
  'availabilityZoneRebalancing',
  'enableECSManagedTags',
  'enableExecuteCommand',
  'placementConstraints',
  'placementStrategy',
  'propagateTags',
  'schedulingStrategy',
];

/** Creates a service and starts its first deployment. Throws CreateService's errors. */
export function createService(ecs: Ecs, input: Input, caller: Pick<Call, 'principalArn'>): Service {
  const cluster = clusterNamed(ecs, input.cluster);
  const name = textOf(input.serviceName) ?? '';
  if (!NAME.test(name)) throw invalidParameter('Invalid service name.');
  const existing = findService(ecs, cluster, name);
  if (existing && existing.status !== 'INACTIVE') {
    throw invalidParameter(
      existing.status === 'ACTIVE'
        ? 'Creation of service was not idempotent.'
        : 'Unable to Start a service that is still Draining.',
    );
  }
  const service: Service = {
    ecs,
    arn: ecs.arn(`service/${cluster.name}/${name}`),
    name,
    cluster,
    status: 'ACTIVE',
    desiredCount: isDaemonInput(input) ? instancesOf(ecs, cluster).length : Number(input.desiredCount ?? 1),
    configuration: configurationOf(input, isDaemonInput(input) ? DAEMON : {}),
    graceSeconds: Number(input.healthCheckGracePeriodSeconds ?? 0),
    controller: controllerOf(input) ?? 'ECS',
    given: ownOf(input),
    tags: tagsOf(input.tags),
    createdAt: ecs.world.clock.now(),
    createdBy: caller.principalArn,
    events: [],
    deployments: [],
    serviceDeployments: [],
    tasks: new Set(),
  };
  checkDaemon(input, isDaemonInput(input));
  const settings = settingsOf(ecs, withCapacity(cluster, input));
  ecs.services.set(service.arn, service);
  deploy(service, settings, actionsOn(service));
  return service;
}

/**
 * Updates a service. A deployment starts if its revision changes, or if it is forced. Throws UpdateService's errors.
 */
export function updateService(ecs: Ecs, service: Service, input: Input): void {
  if (service.status !== 'ACTIVE') throw serviceNotActive();
  const controller = nextController(service, input);
  checkController(controller, input);
  checkDaemon(input, isDaemon(service));
  const running = service.deployments[0]?.revision;
  const settings = settingsOf(ecs, input, running?.settings);
  service.controller = controller;
  service.configuration = configurationOf(input, service.configuration);
  service.graceSeconds = Number(input.healthCheckGracePeriodSeconds ?? service.graceSeconds);
  service.given = { ...service.given, ...ownOf(input) };
  const count = Number(input.desiredCount ?? service.desiredCount);
  if (input.forceNewDeployment === true || !running || !sameSettings(running.settings, settings)) {
    service.desiredCount = count;
    deploy(service, settings, actionsOn(service));
    return;
  }
  service.requested = running;
  scale(service, count);
}

/** "The default minimumHealthyPercent value for a service using the DAEMON service schedule is 0%": DeploymentConfiguration. */
const DAEMON: DeploymentConfiguration = { minimumHealthyPercent: 0, maximumPercent: 100 };

const isDaemonInput = (input: Input): boolean => input.schedulingStrategy === 'DAEMON';

/** @see https://github.com/fabfuel/ecs-deploy/issues/59 */
function checkDaemon(input: Input, daemon: boolean): void {
  if (!daemon || input.desiredCount === undefined) return;
  throw invalidParameter(
    'The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again',
  );
}

function actionsOn(service: Service): ServiceActions {
  return {
    deploy: (taskDefinition) => {
      updateService(service.ecs, service, { taskDefinition, forceNewDeployment: true });
    },
    scale: (desiredCount) => {
      updateService(service.ecs, service, { desiredCount });
    },
    delete: () => {
      deleteService(service, true);
    },
  };
}

function controllerOf(input: Input): string | undefined {
  return textOf((input.deploymentController as Given | undefined)?.['type']);
}

/**
 * A service of CodeDeploy can be switched to the ECS controller in the same call as its new revision.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/migrate-codedeploy-to-ecs-bluegreen.html
 */
function nextController({ controller }: Service, input: Input): string {
  return controller === 'CODE_DEPLOY' ? (controllerOf(input) ?? controller) : controller;
}

function checkController(controller: string, input: Input): void {
  if (controller === 'ECS') return;
  if (input.taskDefinition === undefined && input.forceNewDeployment !== true) return;
  throw invalidParameter(
    controller === 'CODE_DEPLOY'
      ? 'Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment.'
      : `Unable to update task definition on services with an ${controller} deployment controller.`,
  );
}

/** Sets the desired count. A rollout in progress uses the new count. */
export function scale(service: Service, count: number): void {
  const [primary] = service.deployments;
  const complete = primary !== undefined && primary.wanted >= service.desiredCount;
  service.desiredCount = count;
  if (complete) primary.wanted = count;
  schedule(service);
  service.ecs.changes.notify();
}

/** Drains the service, which becomes inactive once its tasks have stopped. Throws DeleteService's errors. */
export function deleteService(service: Service, force: boolean): void {
  if (service.status !== 'ACTIVE') throw serviceNotActive();
  if (!force && service.desiredCount > 0) {
    throw clientError('The service cannot be stopped while it is scaled above 0.');
  }
  const { world, changes } = service.ecs;
  service.status = 'DRAINING';
  service.desiredCount = 0;
  service.serviceDeployments[0]?.stop.abort(new RolloutStop('deleted'));
  for (const deployment of service.deployments) deployment.wanted = 0;
  schedule(service);
  changes.notify();
  world.run(async () => {
    while (service.deployments.some((deployment) => presentTasks(deployment, service).length > 0)) {
      await changes.next(world.closed);
    }
    service.status = 'INACTIVE';
    service.deployments = [];
    changes.notify();
  });
}

function ownOf(input: Input): Given {
  return Object.fromEntries(Object.entries(input).filter(([key]) => OF_A_SERVICE.includes(key)));
}

/** The settings that form a revision, besides the task definition, the load balancers and the network. */
const OF_A_REVISION = [
  'capacityProviderStrategy',
  'launchType',
  'platformVersion',
  'serviceConnectConfiguration',
  'serviceRegistries',
  'volumeConfigurations',
  'vpcLatticeConfigurations',
];

/** The previous settings, with those of a request. Throws ECS's errors. */
function settingsOf(ecs: Ecs, input: Input, before?: RevisionSettings): RevisionSettings {
  const own: Given = Object.fromEntries(Object.entries(input).filter(([key]) => OF_A_REVISION.includes(key)));
  const network = input.networkConfiguration ?? before?.networkConfiguration;
  const settings: RevisionSettings = {
    taskDefinition:
      input.taskDefinition === undefined && before
        ? before.taskDefinition
        : usableTaskDefinition(ecs, input.taskDefinition),
    loadBalancers:
      input.loadBalancers === undefined && before
        ? before.loadBalancers
        : (listOf(input.loadBalancers) as LoadBalancer[]),
    ...(network !== undefined && { networkConfiguration: network }),
    given: { ...before?.given, ...own },
  };
  const { networkConfiguration } = settings;
  checkPlacement(settings.taskDefinition, {
    ...settings.given,
    ...(networkConfiguration && { networkConfiguration }),
  });
  checkGracePeriod(input, settings);
  for (const balancer of settings.loadBalancers) checkBalancer(ecs, settings, balancer);
  return settings;
}

/** @see https://github.com/aws/aws-cdk/issues/19842 */
function checkGracePeriod(
  { healthCheckGracePeriodSeconds: seconds }: Input,
  { loadBalancers }: RevisionSettings,
): void {
  if (Number(seconds ?? 0) === 0 || loadBalancers.length > 0) return;
  throw invalidParameter(
    'Health check grace period is only valid for services configured to use load balancers',
  );
}

function sameSettings(one: RevisionSettings, other: RevisionSettings): boolean {
  return isDeepStrictEqual(
    { ...one, taskDefinition: one.taskDefinition.arn },
    { ...other, taskDefinition: other.taskDefinition.arn },
  );
}

function checkBalancer(ecs: Ecs, { taskDefinition }: RevisionSettings, balancer: LoadBalancer): void {
  const { targetGroupArn = '', containerName = '', containerPort = 0 } = balancer;
  const container = taskDefinition.containers.find(({ name }) => name === containerName);
  if (!container)
    throw invalidParameter(`The container ${containerName} does not exist in the task definition.`);
  if (!container.portMappings?.some((port) => port.containerPort === containerPort)) {
    throw invalidParameter(
      `The container ${containerName} did not have a container port ${containerPort} defined.`,
    );
  }
  const elb = loadBalancingOf(ecs.world, ecs.account, ecs.region);
  if (!elb.targetGroups.has(targetGroupArn)) {
    throw invalidParameter(`The target group ${targetGroupArn} does not exist.`);
  }
  if (elb.loadBalancersOf(targetGroupArn).length === 0) {
    throw invalidParameter(
      `The target group with targetGroupArn ${targetGroupArn} does not have an associated load balancer.`,
    );
  }
}

/**
 * The stages of hooks: the API lists no others, and a PAUSE hook cannot be at either of the two shifts.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html
 */
const HOOK_STAGES = [
  'RECONCILE_SERVICE',
  'PRE_SCALE_UP',
  'POST_SCALE_UP',
  'TEST_TRAFFIC_SHIFT',
  'POST_TEST_TRAFFIC_SHIFT',
  'PRE_PRODUCTION_TRAFFIC_SHIFT',
  'PRODUCTION_TRAFFIC_SHIFT',
  'POST_PRODUCTION_TRAFFIC_SHIFT',
];
const SHIFTS = ['TEST_TRAFFIC_SHIFT', 'PRODUCTION_TRAFFIC_SHIFT'];

/** The old configuration, overridden by the new one. Throws ECS's error for an invalid hook. */
function configurationOf(input: Input, before: DeploymentConfiguration = {}): DeploymentConfiguration {
  const configuration = {
    ...before,
    ...(input.deploymentConfiguration as DeploymentConfiguration | undefined),
  };
  for (const { targetType, lifecycleStages = [] } of configuration.lifecycleHooks ?? []) {
    for (const stage of lifecycleStages) {
      if (!HOOK_STAGES.includes(stage)) throw invalidParameter(`The lifecycle stage ${stage} is not valid.`);
      if (targetType === 'PAUSE' && SHIFTS.includes(stage))
        throw invalidParameter(`PAUSE hooks cannot be configured at the ${stage} stage.`);
    }
  }
  return configuration;
}

/**
 * Waits like CloudFormation until the service has its desired tasks, all of one revision. Throws the reason of a failed
 * rollout.
 */
export async function waitForSteadyState(service: Service, signal: AbortSignal): Promise<void> {
  const { ecs } = service;
  const ended = AbortSignal.any([signal, ecs.world.closed]);
  for (;;) {
    const [newest] = service.serviceDeployments;
    if (newest && newest.target === service.requested && hasFailed(newest)) throw failure(newest);
    if (newest?.finishedAt !== undefined && isSteady(service)) return;
    await ecs.changes.next(ended);
  }
}

function hasFailed({ status }: ServiceDeployment): boolean {
  return status === 'STOPPED' || status === 'ROLLBACK_SUCCESSFUL' || status === 'ROLLBACK_FAILED';
}

function isSteady(service: Service): boolean {
  const [primary] = service.deployments;
  return primary !== undefined && countHealthyTasks(service, primary) >= service.desiredCount;
}

function failure({ breaker, alarms, statusReason = '' }: ServiceDeployment): AwsError {
  const triggered =
    breaker.status === 'TRIGGERED' ? 'Circuit Breaker' : alarms.status === 'TRIGGERED' ? 'Alarm' : undefined;
  const reason = triggered === undefined ? statusReason : `ECS Deployment ${triggered} was triggered`;
  return new AwsError('GeneralServiceException', `Error occurred during operation '${reason}'.`);
}
