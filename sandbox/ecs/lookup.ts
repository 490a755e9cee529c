import { createHash } from 'node:crypto';
import { AwsError, type Call, type Input, textOf } from '../protocols/service.ts';
import { registryOf, repositoriesOf } from '../registry/registry.ts';
import type { ImageRepository } from '../registry/repository.ts';
import { tokenRegistriesOf } from '../registry/token-registry.ts';
import type { World } from '../world.ts';
import type {
  Cluster,
  ContainerDefinition,
  Ecs,
  Service,
  ServiceDeployment,
  TaskDefinition,
} from './model.ts';

export function lastPart(nameOrArn: string): string {
  return nameOrArn.slice(nameOrArn.lastIndexOf('/') + 1);
}

/** The cluster of a call, by default `default`. Throws ClusterNotFoundException. */
export function clusterNamed(ecs: Ecs, given: unknown): Cluster {
  const cluster = ecs.clusters.get(lastPart(textOf(given) ?? 'default'));
  if (cluster?.status === 'ACTIVE') return cluster;
  throw clusterNotFound();
}

/** A service by its name or ARN, including a deleted one. Undefined if it never existed. */
export function findService(ecs: Ecs, cluster: Cluster, nameOrArn: string): Service | undefined {
  return ecs.services.get(ecs.arn(`service/${cluster.name}/${lastPart(nameOrArn)}`));
}

/** Throws ServiceNotFoundException. */
export function serviceNamed(ecs: Ecs, cluster: Cluster, nameOrArn: unknown): Service {
  const service = findService(ecs, cluster, textOf(nameOrArn) ?? '');
  if (service && service.status !== 'INACTIVE') return service;
  throw serviceNotFound();
}

/** By `family`, `family:revision` or ARN. A family alone is its newest active revision. */
export function findTaskDefinition(ecs: Ecs, given: unknown): TaskDefinition | undefined {
  const [family = '', revision] = lastPart(textOf(given) ?? '').split(':');
  const revisions = ecs.families.get(family) ?? [];
  return revision === undefined
    ? revisions.findLast(({ status }) => status === 'ACTIVE')
    : revisions.find((definition) => String(definition.revision) === revision);
}

/** A task definition that can be used for tasks. Throws ClientException. */
export function usableTaskDefinition(ecs: Ecs, given: unknown): TaskDefinition {
  const definition = findTaskDefinition(ecs, given);
  if (!definition) throw clientError('TaskDefinition not found.');
  if (definition.status !== 'ACTIVE') throw clientError('TaskDefinition is inactive');
  return definition;
}

/** Throws ServiceDeploymentNotFoundException, also while AWS would not return it yet. */
export function serviceDeploymentNamed(ecs: Ecs, given: unknown): ServiceDeployment {
  const deployment = ecs.serviceDeployments.get(textOf(given) ?? '');
  if (deployment && isVisible(ecs, deployment)) return deployment;
  throw serviceDeploymentNotFound();
}

const HISTORY_MS = 90 * 24 * 60 * 60_000;

/**
 * AWS may lag behind UpdateService, and keeps the history of 90 days. What DescribeServiceDeployments returns
 * afterwards is not documented: MISSING, as for any unknown ARN, is assumed.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
 */
export function isVisible(ecs: Ecs, deployment: ServiceDeployment): boolean {
  const now = ecs.world.clock.now();
  return deployment.visibleAt <= now && now.getTime() - deployment.createdAt.getTime() < HISTORY_MS;
}

const IMAGE = /^(?<host>[^/]+)\/(?<path>[^@:]+)(?::(?<tag>[^@]+))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/;
const OURS = /^(?<account>\d{12})\/(?<region>[a-z0-9-]+)\/(?<name>.+)$/;
const ECR_HOST = /^(?<account>\d{12})\.dkr\.ecr\.(?<region>[a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$/;

/**
 * The digest that a task pulls: for a tag, its current digest; for an index, that of the index. In the sandbox's
 * registries, the image must exist: undefined if it does not. For other registries, the digest in the image, or one
 * derived from its name.
 *
 * @param image may be by the digest that the deployment resolved before.
 */
export function resolveImageDigest(
  world: World,
  { image: own, repositoryCredentials }: ContainerDefinition,
  image = own,
): string | undefined {
  const { host = '', path = '', tag = 'latest', digest } = IMAGE.exec(image)?.groups ?? {};
  const version = digest ?? tag;
  const other = tokenRegistriesOf(world).get(host);
  if (other) return other.pull(path, version, repositoryCredentials !== undefined);
  const { account = '', region = '', name = path } = OURS.exec(path)?.groups ?? {};
  if (host === hostOf(world) && account !== '' && world.scenario.ecr?.registry === undefined) {
    return repositoriesOf(world, account, region).get(name)?.find(version)?.digest;
  }
  const ecr = ECR_HOST.exec(host)?.groups;
  const repository = ecr && repositoriesOf(world, ecr['account'] ?? '', ecr['region'] ?? '').get(path);
  if (repository) return repository.find(version)?.digest;
  return digest ?? `sha256:${createHash('sha256').update(image).digest('hex')}`;
}

/** Whether an image is in a private registry of ECR, even if its repository does not exist. */
export function isEcrImage(world: World, image: string): boolean {
  const { host = '', path = '' } = IMAGE.exec(image)?.groups ?? {};
  return ECR_HOST.test(host) || (host === hostOf(world) && OURS.test(path));
}

/**
 * Why an image cannot be pulled from any registry, in the words of containerd, which Fargate uses. Undefined if the
 * name alone does not show it. A name without a registry belongs to Docker Hub, which has none of the names of ECR's
 * repositories.
 *
 * @see https://github.com/docker-archive/compose-cli/issues/853 an image of ECR without its registry
 * @see https://github.com/distribution/reference/blob/main/reference.go "repository name must be lowercase"
 */
export function unpullable(ecs: Ecs, image: string): string | undefined {
  const [name = ''] = image.split('@');
  const slash = name.indexOf('/');
  const hasRegistry = slash > 0 && /[.:]|^localhost$/.test(name.slice(0, slash));
  const path = (hasRegistry ? name.slice(slash + 1) : name).replace(/:[^/:]*$/, '');
  if (/[A-Z]/.test(path)) return 'invalid reference format: repository name must be lowercase';
  if (hasRegistry || !repositoriesOf(ecs.world, ecs.account, ecs.region).has(path)) return undefined;
  const reference = `docker.io/${path.includes('/') ? '' : 'library/'}${image}${image.includes(':', slash + 1) ? '' : ':latest'}`;
  return `pull image manifest has been retried 1 time(s): failed to resolve ref ${reference}: pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed`;
}

/** The ECR repository of an image. Undefined for other registries, and if it does not exist. */
export function repositoryOfImage(world: World, image: string): ImageRepository | undefined {
  const { host = '', path = '' } = IMAGE.exec(image)?.groups ?? {};
  const own = host === hostOf(world) ? OURS.exec(path)?.groups : undefined;
  const { account = '', region = '' } = own ?? ECR_HOST.exec(host)?.groups ?? {};
  return repositoriesOf(world, account, region).get(own?.['name'] ?? path);
}

function hostOf(world: World): string | undefined {
  const { url } = registryOf(world);
  return url === '' ? undefined : new URL(url).host;
}

/** Errors in ECS's own words. */
const clusterNotFound = (): AwsError => new AwsError('ClusterNotFoundException', 'Cluster not found.');

export const serviceNotFound = (): AwsError => new AwsError('ServiceNotFoundException', 'Service not found.');

/** Also for a service that was deleted: https://github.com/hashicorp/terraform/issues/3582 */
export const serviceNotActive = (): AwsError =>
  new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.');

export const invalidParameter = (message: string): AwsError =>
  new AwsError('InvalidParameterException', message);

export const clientError = (message: string): AwsError => new AwsError('ClientException', message);

const serviceDeploymentNotFound = (): AwsError =>
  new AwsError('ServiceDeploymentNotFoundException', 'Service deployment not found.');

export const conflict = (message: string): AwsError => new AwsError('ConflictException', message);

/** An operation of ECS, with the state of the caller's account and region. */
export type EcsOperation = (ecs: Ecs, input: Input, call: Call) => Promise<object> | object;
