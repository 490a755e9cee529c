import { isVisible } from '../lookup.ts';
import { isOnInstances } from '../tasks/placement.ts';
import type { Deployment, Given, Revision, Service, ServiceDeployment, Task } from '../model.ts';
import { presentTasks } from '../rollout/scheduler.ts';

/** The platform in a response: no Fargate fields on EC2, and no launch type with a capacity provider. */
function platformOf(given: Given | undefined): object {
  if (given && isOnInstances(given)) return {};
  const platform = { platformVersion: '1.4.0', platformFamily: 'Linux' };
  return given?.['capacityProviderStrategy'] === undefined
    ? { launchType: 'FARGATE', ...platform }
    : platform;
}
const PENDING = ['PROVISIONING', 'PENDING', 'ACTIVATING'];

export function describeService(service: Service, options: { tags?: boolean } = {}): object {
  const { ecs, given, cluster, deployments } = service;
  const tasks = [...service.tasks];
  const newest = deployments[0]?.revision;
  return {
    serviceRegistries: [],
    placementConstraints: [],
    placementStrategy: [],
    schedulingStrategy: 'REPLICA',
    enableECSManagedTags: false,
    enableExecuteCommand: false,
    propagateTags: 'NONE',
    availabilityZoneRebalancing: 'DISABLED',
    ...platformOf(newest?.settings.given),
    ...given,
    ...newest?.settings.given,
    serviceArn: service.arn,
    serviceName: service.name,
    clusterArn: cluster.arn,
    status: service.status,
    desiredCount: service.desiredCount,
    ...counted(tasks),
    taskDefinition: newest?.settings.taskDefinition.arn,
    loadBalancers: newest?.settings.loadBalancers ?? [],
    networkConfiguration: newest?.settings.networkConfiguration,
    deploymentConfiguration: {
      strategy: 'ROLLING',
      maximumPercent: 200,
      minimumHealthyPercent: 100,
      ...service.configuration,
    },
    deploymentController: { type: service.controller },
    healthCheckGracePeriodSeconds: service.graceSeconds,
    deployments: deployments.map((deployment) => describeDeployment(service, deployment)),
    events: service.events,
    createdAt: service.createdAt,
    createdBy: service.createdBy,
    roleArn: `arn:aws:iam::${ecs.account}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS`,
    ...(options.tags && { tags: service.tags }),
    ...currentRevisions(service),
  };
}

/** Fields of services that have service deployments. */
function currentRevisions(service: Service): object {
  const { ecs, deployments, serviceDeployments } = service;
  if (ecs.world.scenario.ecs?.serviceDeployments === false) return {};
  const current = serviceDeployments.find(
    (record) => isVisible(ecs, record) && record.finishedAt === undefined,
  );
  return {
    ...(current && { currentServiceDeployment: current.arn }),
    currentServiceRevisions: deployments.map(({ revision }) => {
      const { arn, requestedTaskCount, runningTaskCount, pendingTaskCount } = summary(service, revision);
      return { arn, requestedTaskCount, runningTaskCount, pendingTaskCount };
    }),
  };
}

function counted(tasks: readonly Task[]): { runningCount: number; pendingCount: number } {
  return {
    runningCount: tasks.filter(({ lastStatus }) => lastStatus === 'RUNNING').length,
    pendingCount: tasks.filter(({ lastStatus }) => PENDING.includes(lastStatus)).length,
  };
}

function describeDeployment(service: Service, deployment: Deployment): object {
  const { settings } = deployment.revision;
  const tasks = presentTasks(deployment, service);
  return {
    id: deployment.id,
    status: deployment.status,
    taskDefinition: settings.taskDefinition.arn,
    desiredCount: deployment.status === 'PRIMARY' ? service.desiredCount : deployment.wanted,
    ...counted(tasks),
    failedTasks: deployment.failedTasks,
    createdAt: deployment.createdAt,
    updatedAt: deployment.updatedAt,
    ...platformOf(settings.given),
    ...settings.given,
    networkConfiguration: settings.networkConfiguration,
    rolloutState: deployment.rolloutState,
    rolloutStateReason: deployment.rolloutStateReason,
  };
}

/** A revision with its running and requested tasks. */
function summary(service: Service, revision: Revision) {
  const wanted = service.deployments
    .filter((deployment) => deployment.revision === revision)
    .reduce((sum, deployment) => sum + deployment.wanted, 0);
  const tasks = [...service.tasks].filter((task) => task.deployment?.revision === revision);
  const { runningCount, pendingCount } = counted(tasks);
  return {
    arn: revision.arn,
    requestedTaskCount: wanted,
    runningTaskCount: runningCount,
    pendingTaskCount: pendingCount,
    requestedProductionTrafficWeight: revision.productionWeight,
    requestedTestTrafficWeight: revision.testWeight,
  };
}

export function describeServiceDeployment(record: ServiceDeployment): object {
  const { service, target, breaker } = record;
  const targetSummary = summary(service, target);
  return {
    ...summarizeServiceDeployment(record),
    updatedAt: record.updatedAt,
    stoppedAt: record.stoppedAt,
    sourceServiceRevisions: record.sources.map((revision) => summary(service, revision)),
    targetServiceRevision: {
      ...targetSummary,
      // The goal of the rollout, independent of the current wave.
      requestedTaskCount: record.finishedAt ? targetSummary.requestedTaskCount : service.desiredCount,
    },
    targetServiceRevisionArn: undefined,
    lifecycleStage: record.lifecycleStage,
    lifecycleHookDetails: record.hooks,
    deploymentConfiguration: {
      strategy: 'ROLLING',
      maximumPercent: 200,
      minimumHealthyPercent: 100,
      ...record.configuration,
    },
    rollback: record.rollback,
    deploymentCircuitBreaker: breaker,
    alarms: record.alarms,
  };
}

export function summarizeServiceDeployment(record: ServiceDeployment): object {
  const { service } = record;
  return {
    serviceDeploymentArn: record.arn,
    serviceArn: service.arn,
    clusterArn: service.cluster.arn,
    createdAt: record.createdAt,
    startedAt: record.startedAt,
    finishedAt: record.finishedAt,
    targetServiceRevisionArn: record.target.arn,
    status: record.status,
    statusReason: record.statusReason,
  };
}

export function describeServiceRevision(service: Service, revision: Revision): object {
  const { settings } = revision;
  return {
    ...platformOf(settings.given),
    ...settings.given,
    serviceRevisionArn: revision.arn,
    serviceArn: service.arn,
    clusterArn: service.cluster.arn,
    taskDefinition: settings.taskDefinition.arn,
    loadBalancers: settings.loadBalancers,
    networkConfiguration: settings.networkConfiguration,
    containerImages: revision.containerImages,
    guardDutyEnabled: false,
    createdAt: revision.createdAt,
  };
}
