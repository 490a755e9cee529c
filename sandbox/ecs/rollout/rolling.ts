import { SECONDS } from '../durations.ts';
import type { Deployment, Service } from '../model.ts';
import type { Rollout } from './context.ts';
import { aliveTasks, presentTasks, schedule } from './scheduler.ts';
import { enterStage, applyStageRules } from './stages.ts';
import { setProductionWeight } from './weights.ts';

const DEFAULT_MINIMUM = 100;
const DEFAULT_MAXIMUM = 200;
/** The default for how long alarms are watched after all tasks are replaced. */
const ALARM_BAKE_SECONDS = 60;

/** Replaces tasks in waves, within the service's minimum and maximum percentages of its desired count. */
export async function replaceTasks(rollout: Rollout): Promise<void> {
  const { record, deployment } = rollout;
  const { service } = record;
  applyStageRules(rollout, 'SCALE_UP');
  for (;;) {
    planWave(service, deployment);
    schedule(service);
    if (isRolled(service, deployment) || succeedsEarly(rollout)) break;
    await rollout.change();
  }
  await bake(rollout);
  const early = record.configuration.earlySuccessCriteria;
  if (early?.enable && early.sourceServiceRevisionCleanup === 'DEFERRED') retireLater(service, deployment);
  else await stopOtherDeployments(rollout);
}

/** The current number of tasks of each deployment. */
function planWave(service: Service, target: Deployment): void {
  const { desiredCount, configuration } = service;
  const most = Math.floor((desiredCount * (configuration.maximumPercent ?? DEFAULT_MAXIMUM)) / 100);
  const least = Math.ceil((desiredCount * (configuration.minimumHealthyPercent ?? DEFAULT_MINIMUM)) / 100);
  let keep = Math.max(0, least - countHealthyTasks(service, target));
  for (const old of others(service, target)) {
    old.wanted = Math.min(aliveTasks(old, service).length, keep);
    keep -= old.wanted;
  }
  const old = others(service, target).reduce((sum, { wanted }) => sum + wanted, 0);
  target.wanted = Math.max(Math.min(desiredCount, most - old), Math.min(target.wanted, desiredCount));
}

function isRolled(service: Service, target: Deployment): boolean {
  return (
    countHealthyTasks(service, target) >= service.desiredCount &&
    aliveTasks(target, service).length === service.desiredCount &&
    others(service, target).every((old) => aliveTasks(old, service).length === 0)
  );
}

function succeedsEarly({ record, deployment }: Rollout): boolean {
  const { enable, healthyPercent = 100 } = record.configuration.earlySuccessCriteria ?? {};
  const { service } = record;
  return (
    enable === true && countHealthyTasks(service, deployment) * 100 >= service.desiredCount * healthyPercent
  );
}

async function bake(rollout: Rollout): Promise<void> {
  const { record } = rollout;
  setProductionWeight(rollout, 100);
  const watched = record.alarms.status === 'MONITORING' ? ALARM_BAKE_SECONDS : 0;
  const minutes = record.configuration.bakeTimeInMinutes;
  const seconds = minutes === undefined ? watched : minutes * 60;
  if (seconds === 0) return;
  enterStage(rollout, 'BAKE_TIME');
  await rollout.sleep(seconds);
}

/** Stops the tasks of all other deployments, and waits until they have stopped. */
export async function stopOtherDeployments(rollout: Rollout): Promise<void> {
  const { record, deployment } = rollout;
  const { service } = record;
  for (const old of others(service, deployment)) old.wanted = 0;
  deployment.wanted = service.desiredCount;
  schedule(service);
  while (others(service, deployment).some((old) => presentTasks(old, service).length > 0))
    await rollout.change();
  service.deployments = [deployment];
}

/** The same, after the end of the rollout. */
function retireLater(service: Service, target: Deployment): void {
  const retired = others(service, target);
  for (const old of retired) old.wanted = 0;
  target.wanted = service.desiredCount;
  schedule(service);
  const { world, changes } = service.ecs;
  world.run(async () => {
    while (retired.some((old) => presentTasks(old, service).length > 0)) await changes.next(world.closed);
    await world.clock.sleep(SECONDS.pending);
    service.deployments = service.deployments.filter((deployment) => !retired.includes(deployment));
  });
}

function others(service: Service, target: Deployment): Deployment[] {
  return service.deployments.filter((deployment) => deployment !== target);
}

export function countHealthyTasks(service: Service, deployment: Deployment): number {
  return aliveTasks(deployment, service).filter(({ healthy }) => healthy).length;
}

/** Starts all tasks of the rollout's deployment in addition to the others, and waits until they are healthy. */
export async function scaleUp(rollout: Rollout): Promise<void> {
  const { record, deployment } = rollout;
  const { service } = record;
  for (;;) {
    deployment.wanted = service.desiredCount;
    schedule(service);
    if (countHealthyTasks(service, deployment) >= service.desiredCount) return;
    await rollout.change();
  }
}
