import { listOf, paginate, textOf } from '../../protocols/service.ts';
import {
  clusterNamed,
  type EcsOperation,
  findService,
  invalidParameter,
  lastPart,
  serviceNamed,
  serviceNotFound,
} from '../lookup.ts';
import { createService, deleteService, updateService } from '../rollout/service.ts';
import { describeService } from './views.ts';

const MAX_DESCRIBED = 10;
const MAX_PER_PAGE = 100;
const DEFAULT_PER_PAGE = 10;

export const SERVICE_OPERATIONS: Record<string, EcsOperation> = {
  CreateService(ecs, input, call) {
    return { service: describeService(createService(ecs, input, call), { tags: true }) };
  },

  UpdateService(ecs, input) {
    const cluster = clusterNamed(ecs, input.cluster);
    const service = findService(ecs, cluster, textOf(input.service) ?? '');
    if (!service) throw serviceNotFound();
    updateService(ecs, service, input);
    return { service: describeService(service) };
  },

  DeleteService(ecs, input) {
    const service = serviceNamed(ecs, clusterNamed(ecs, input.cluster), input.service);
    deleteService(service, input.force === true);
    return { service: describeService(service) };
  },

  DescribeServices(ecs, input) {
    const cluster = clusterNamed(ecs, input.cluster);
    const names = listOf(input.services).map(String);
    if (names.length === 0) throw invalidParameter('Services cannot be empty.');
    if (names.length > MAX_DESCRIBED) throw invalidParameter('Services cannot have more than 10 elements.');
    const tags = listOf(input.include).includes('TAGS');
    const found = names.map((name) => findService(ecs, cluster, name));
    return {
      services: found.flatMap((service) => (service ? [describeService(service, { tags })] : [])),
      failures: names.flatMap((name, index) =>
        found[index]
          ? []
          : [{ arn: ecs.arn(`service/${cluster.name}/${lastPart(name)}`), reason: 'MISSING' }],
      ),
    };
  },

  ListServices(ecs, input) {
    const cluster = clusterNamed(ecs, input.cluster);
    const services = [...ecs.services.values()].filter(
      (service) => service.cluster === cluster && service.status !== 'INACTIVE',
    );
    const request = {
      token: input.nextToken,
      limit: input.maxResults ?? DEFAULT_PER_PAGE,
      most: MAX_PER_PAGE,
    };
    const { items, nextToken } = paginate(services, request);
    return { serviceArns: items.map(({ arn }) => arn), nextToken };
  },
};
