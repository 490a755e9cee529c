import { resolveImageDigest } from '../lookup.ts';
import {
  type Deployment,
  type LoadBalancer,
  type Revision,
  type RevisionSettings,
  type Service,
  shiftsTraffic,
} from '../model.ts';
import type { Rollout } from './context.ts';
import { aliveTasks } from './scheduler.ts';

/** A new revision of a service. With a pair of target groups, it uses the one without traffic. */
export function newRevision(service: Service, settings: RevisionSettings): Revision {
  const { ecs } = service;
  const number = ecs.newNumber();
  const serving = servingRevision(service);
  const revision: Revision = {
    arn: ecs.arn(`service-revision/${service.cluster.name}/${service.name}/${number}`),
    settings,
    containerImages: settings.taskDefinition.containers.map((container) => {
      const { name, image } = container;
      const imageDigest = resolveImageDigest(ecs.world, container);
      return { containerName: name, image, ...(imageDigest !== undefined && { imageDigest }) };
    }),
    createdAt: ecs.world.clock.now(),
    targetGroups: settings.loadBalancers.map((balancer, index) =>
      targetGroupOf(balancer, shiftsTraffic(service) ? serving?.targetGroups[index] : undefined),
    ),
    productionWeight: 0,
    testWeight: 0,
  };
  ecs.revisions.set(revision.arn, revision);
  return revision;
}

/** The revision with the most traffic. */
function servingRevision(service: Service): Revision | undefined {
  return service.deployments
    .map(({ revision }) => revision)
    .sort((a, b) => b.productionWeight - a.productionWeight)[0];
}

function targetGroupOf(balancer: LoadBalancer, taken: string | undefined): string {
  const { targetGroupArn = '', advancedConfiguration } = balancer;
  const alternate = advancedConfiguration?.alternateTargetGroupArn;
  return alternate !== undefined && taken === targetGroupArn ? alternate : targetGroupArn;
}

/** The primary deployment of a revision, without tasks. */
export function newDeployment(service: Service, revision: Revision): Deployment {
  const { ecs } = service;
  const id = `ecs-svc/${ecs.newNumber()}`;
  const now = ecs.world.clock.now();
  return {
    id,
    status: 'PRIMARY',
    revision,
    wanted: 0,
    held: 0,
    failedTasks: 0,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: `ECS deployment ${id} in progress.`,
    createdAt: now,
    updatedAt: now,
  };
}

/** A stopped rollout keeps its tasks, and starts no more. */
export function stopStartingTasks({ record, deployment }: Rollout): void {
  deployment.wanted = aliveTasks(deployment, record.service).length;
}
