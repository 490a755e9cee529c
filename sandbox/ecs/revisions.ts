import { digestOf } from './images.ts';
import { shiftsTraffic } from './model.ts';
import type { LoadBalancer, Revision, RevisionSettings, Service } from './model.ts';

/** Another revision of a service. With a pair of target groups it takes the one that does not serve. */
export function newRevision(service: Service, settings: RevisionSettings): Revision {
  const { ecs } = service;
  const number = ecs.newNumber();
  const serving = servingRevision(service);
  const revision: Revision = {
    arn: ecs.arn(`service-revision/${service.cluster.name}/${service.name}/${number}`),
    settings,
    containerImages: settings.taskDefinition.containers.map(({ name, image }) => {
      const imageDigest = digestOf(ecs.world, image);
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
