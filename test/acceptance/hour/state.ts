import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { stackDatabase } from '../../../sandbox/cloudformation/engine/stack-database.ts';
import type { StackResource } from '../../../sandbox/cloudformation/engine/stack.ts';
import { ecsOf } from '../../../sandbox/ecs/model.ts';
import type { Sandbox } from '../../../sandbox/index.ts';
import { repositoriesOf } from '../../../sandbox/registry/registry.ts';
import { parameterStore } from '../../../sandbox/ssm/parameter-store.ts';
import { DEFAULT_REGION } from '../../../sandbox/world.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';

/** Everything that exists in an account, one line each. If two states are equal, nothing was created or changed. */
export function stateOf({ world }: Sandbox, account: string): string[] {
  const stacks = stackDatabase(world, account, DEFAULT_REGION);
  const services = [...ecsOf(world, account, DEFAULT_REGION).services.values()];
  return [
    ...stacks.active().map(({ name, status, events }) => `stack ${name} ${status}, ${events.length} events`),
    ...[...stacks.named.keys()].map((key) => `resource ${key}`),
    ...[...repositoriesOf(world, account, DEFAULT_REGION).values()].map(
      ({ name, manifests }) => `repository ${name} with ${manifests.size} manifests`,
    ),
    ...parameterStore(world, account, DEFAULT_REGION)
      .all()
      .map(({ name, version }) => `parameter ${name} version ${version}`),
    ...services
      .filter(({ status }) => status !== 'INACTIVE')
      .map(
        ({ cluster, name, status, requested }) =>
          `service ${cluster.name}/${name} ${status} ${requested?.arn ?? ''}`,
      ),
  ].sort();
}

/** `stack/LogicalId` of resources that deleted stacks retained, or of databases of which they took a snapshot. */
export function retainedIn({ world }: Sandbox, account: string): string[] {
  const { stacks, snapshots } = stackDatabase(world, account, DEFAULT_REGION);
  const retained = [...stacks.values()].flatMap(({ name, status, resources }) =>
    [...resources.values()].flatMap((resource) =>
      status === 'DELETE_COMPLETE' && resource.status === 'DELETE_SKIPPED'
        ? [`${name}/${resource.logicalId}`]
        : [],
    ),
  );
  const taken = snapshots.map(({ stack, logicalId }) => `${stack}/${logicalId} (snapshot)`);
  return [...new Set([...retained, ...taken])].sort();
}

/** The digests that the tasks of each service in a cluster run, by service, without those of sidecars. */
export function runningIn({ world }: Sandbox, account: string, cluster: string): Record<string, string[]> {
  const services = [...ecsOf(world, account, DEFAULT_REGION).services.values()].filter(
    (service) => service.cluster.name === cluster && service.status === 'ACTIVE',
  );
  return Object.fromEntries(
    services.map(({ name, tasks }) => {
      const containers = [...tasks].flatMap((task) => task.containers);
      const own = containers.filter(({ definition }) => definition.name === name);
      return [name, [...new Set(own.map(({ imageDigest }) => imageDigest ?? ''))]];
    }),
  );
}

/** Names, parameters, tags and outputs of the stacks of an account, as `key value`. */
export async function textsIn(sandbox: Sandbox, account: string): Promise<string[]> {
  const client = clientOf(sandbox, CloudFormationClient, account);
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({}));
  return Stacks.flatMap(({ StackName, Parameters = [], Tags = [], Outputs = [] }) => [
    `name ${StackName}`,
    ...Parameters.map(({ ParameterKey, ParameterValue }) => `${ParameterKey} ${ParameterValue}`),
    ...Tags.map(({ Key, Value }) => `${Key} ${Value}`),
    ...Outputs.map(({ OutputKey, OutputValue }) => `${OutputKey} ${OutputValue}`),
  ]);
}

/** The logical ids of the resources that a stack has. */
export function resourcesOf({ world }: Sandbox, account: string, stack: string): string[] {
  const resources = stackDatabase(world, account, DEFAULT_REGION).find(stack)?.resources.values() ?? [];
  return [...resources].flatMap(({ logicalId, status }) => (status === 'DELETE_SKIPPED' ? [] : [logicalId]));
}

/** How many images a repository has. */
export function imagesIn({ world }: Sandbox, account: string, repository: string): number {
  return repositoriesOf(world, account, DEFAULT_REGION).get(repository)?.manifests.size ?? 0;
}

/** A resource of a stack, to change it manually. */
export function resourceOf(
  { world }: Sandbox,
  account: string,
  stack: string,
  logicalId: string,
): StackResource {
  const found = stackDatabase(world, account, DEFAULT_REGION).find(stack)?.resources.get(logicalId);
  if (!found) throw new Error(`${stack} has no resource ${logicalId}`);
  return found;
}
