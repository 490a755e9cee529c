import { listOf, paginate, textOf } from '../../protocols/service.ts';
import type { Cluster, Ecs, Given } from '../model.ts';
import { type EcsOperation, lastPart } from '../lookup.ts';
import { tagsOf } from './tags.ts';

const MAX_PER_PAGE = 100;

export const CLUSTER_OPERATIONS: Record<string, EcsOperation> = {
  CreateCluster(ecs, input) {
    const { clusterName, tags, ...given } = input;
    const cluster = putCluster(ecs, textOf(clusterName) ?? 'default', given);
    cluster.tags = tagsOf(tags);
    return { cluster: describeCluster(ecs, cluster) };
  },

  DescribeClusters(ecs, input) {
    const names = listOf(input.clusters).map(String);
    const wanted = names.length > 0 ? names : ['default'];
    const clusters = wanted.flatMap((name) => ecs.clusters.get(lastPart(name)) ?? []);
    const failures = wanted
      .filter((name) => !ecs.clusters.has(lastPart(name)))
      .map((name) => ({ arn: ecs.arn(`cluster/${lastPart(name)}`), reason: 'MISSING' }));
    return { clusters: clusters.map((cluster) => describeCluster(ecs, cluster)), failures };
  },

  ListClusters(ecs, input) {
    const active = [...ecs.clusters.values()].filter(({ status }) => status === 'ACTIVE');
    const request = { token: input.nextToken, limit: input.maxResults, most: MAX_PER_PAGE };
    const { items, nextToken } = paginate(active, request);
    return { clusterArns: items.map(({ arn }) => arn), nextToken };
  },
};

/** Creates a cluster, or updates the settings of an existing one. */
export function putCluster(ecs: Ecs, name: string, given: Given): Cluster {
  const known = ecs.clusters.get(name);
  const cluster = known ?? { arn: ecs.arn(`cluster/${name}`), name, tags: [], status: 'ACTIVE', given };
  // Its services refer to this object.
  Object.assign(cluster, { status: 'ACTIVE', given });
  ecs.clusters.set(name, cluster);
  return cluster;
}

function describeCluster(ecs: Ecs, cluster: Cluster): object {
  const tasks = [...ecs.tasks.values()].filter((task) => task.cluster.name === cluster.name);
  const services = [...ecs.services.values()].filter(
    (service) => service.cluster.name === cluster.name && service.status === 'ACTIVE',
  );
  return {
    ...cluster.given,
    clusterArn: cluster.arn,
    clusterName: cluster.name,
    status: cluster.status,
    registeredContainerInstancesCount: 0,
    runningTasksCount: tasks.filter(({ lastStatus }) => lastStatus === 'RUNNING').length,
    pendingTasksCount: tasks.filter(({ lastStatus }) => ['PROVISIONING', 'PENDING'].includes(lastStatus))
      .length,
    activeServicesCount: services.length,
    tags: cluster.tags,
  };
}
