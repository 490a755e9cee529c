import type { Call, Input } from '../service.ts';
import { textOf } from '../service.ts';
import type { Ecs } from './ecs.ts';
import { clusterNamed, findService } from './lookup.ts';
import type { Given, Service } from './model.ts';
import { clientError, invalidParameter, serviceNotActive } from './refusals.ts';
import { deploy } from './rollout.ts';
import type { ServiceActions } from './rollout-context.ts';
import { RolloutStop } from './rollout-stop.ts';
import { presentTasks, schedule } from './scheduler.ts';
import { configurationOf, sameSettings, settingsOf } from './service-settings.ts';
import { tagsOf } from './tags.ts';

const NAME = /^[A-Za-z0-9_-]{1,255}$/;
/** What a service has of its own that no revision holds. */
const OF_A_SERVICE = [
  'availabilityZoneRebalancing',
  'enableECSManagedTags',
  'enableExecuteCommand',
  'placementConstraints',
  'placementStrategy',
  'propagateTags',
  'schedulingStrategy',
];

/** Makes a service, and starts its first deployment. Throws as CreateService does. */
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
    desiredCount: Number(input.desiredCount ?? 1),
    configuration: configurationOf(input),
    graceSeconds: Number(input.healthCheckGracePeriodSeconds ?? 0),
    controller: textOf((input.deploymentController as Given | undefined)?.['type']) ?? 'ECS',
    given: ownOf(input),
    tags: tagsOf(input.tags),
    createdAt: ecs.world.clock.now(),
    createdBy: caller.principalArn,
    events: [],
    deployments: [],
    serviceDeployments: [],
  };
  const settings = settingsOf(ecs, input);
  ecs.services.set(service.arn, service);
  deploy(service, settings, actionsOn(service));
  return service;
}

/** Changes a service; a deployment starts when its revision changes, or when it is forced. Throws as UpdateService does. */
export function updateService(ecs: Ecs, service: Service, input: Input): void {
  if (service.status !== 'ACTIVE') throw serviceNotActive();
  checkController(service, input);
  const running = service.deployments[0]?.revision;
  const settings = settingsOf(ecs, input, running?.settings);
  service.configuration = configurationOf(input, service.configuration);
  service.graceSeconds = Number(input.healthCheckGracePeriodSeconds ?? service.graceSeconds);
  service.given = { ...service.given, ...ownOf(input) };
  const count = Number(input.desiredCount ?? service.desiredCount);
  if (input.forceNewDeployment === true || !running || !sameSettings(running.settings, settings)) {
    service.desiredCount = count;
    deploy(service, settings, actionsOn(service));
    return;
  }
  service.asked = running;
  scale(service, count);
}

function actionsOn(service: Service): ServiceActions {
  return {
    deploy: (taskDefinition) => {
      updateService(service.ecs, service, { taskDefinition, forceNewDeployment: true });
    },
    delete: () => {
      deleteService(service, true);
    },
  };
}

function checkController({ controller }: Service, input: Input): void {
  if (controller === 'ECS') return;
  if (input.taskDefinition === undefined && input.forceNewDeployment !== true) return;
  throw invalidParameter(
    controller === 'CODE_DEPLOY'
      ? 'Unable to update task definition on services with a CODE_DEPLOY deployment controller. Use AWS CodeDeploy to trigger a new deployment.'
      : `Unable to update task definition on services with an ${controller} deployment controller.`,
  );
}

/** Sets how many tasks there are to be. A rollout in the middle of its waves sees the new count by itself. */
export function scale(service: Service, count: number): void {
  const [primary] = service.deployments;
  const complete = primary !== undefined && primary.wanted >= service.desiredCount;
  service.desiredCount = count;
  if (complete) primary.wanted = count;
  schedule(service);
  service.ecs.changes.notify();
}

/** The service drains, and is inactive once its tasks are gone. Throws as DeleteService does. */
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
