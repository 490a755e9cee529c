import { effectOf, pathOf, type ResourceChange } from '../../cloudformation/change-set/changes.ts';
import { hasAddress, heldBy } from '../../cloudformation/change-set/guard.ts';
import type { RunPart } from '../../environment/run/result.ts';
import type { StackChange } from './changes.ts';

/** The services, endpoints and data that a change affects. */
export interface BlastRadius {
  services: readonly {
    name: string;
    effect: 'starts' | 'restarts' | 'is replaced' | 'stops';
    cause: string;
  }[];
  /** Resources with an address that clients or firewalls use. */
  endpoints: readonly { resource: string; type: string; effect: Loss }[];
  /** Resources that hold data or an identity. */
  data: readonly { resource: string; type: string; effect: Loss | 'is updated in place'; loses: string }[];
}

type Loss = 'is replaced' | 'may be replaced' | 'is deleted' | 'leaves the stack';

/** @param parts of the plan. */
export function blastRadius(parts: readonly RunPart[], changes: readonly StackChange[]): BlastRadius {
  return {
    services: [...parts.flatMap(releases), ...changes.flatMap(restarts)],
    endpoints: changes.flatMap(({ part, change }) => {
      const effect = lossOf(change);
      return effect !== undefined && hasAddress(change.type)
        ? [{ resource: `${part}/${pathOf(change)}`, type: change.type, effect }]
        : [];
    }),
    data: changes.flatMap(({ part, change }) => {
      const loses = heldBy(change);
      const effect = lossOf(change) ?? (effectOf(change) === 'change' ? 'is updated in place' : undefined);
      return effect !== undefined && loses !== undefined
        ? [{ resource: `${part}/${pathOf(change)}`, type: change.type, effect, loses }]
        : [];
    }),
  };
}

/** Services of new stacks, and releases of a new image. */
function releases(part: RunPart): BlastRadius['services'] {
  if (part.kind !== 'service') return [];
  if (part.verdict === 'to create')
    return [{ name: part.name, effect: 'starts', cause: 'its stack is created' }];
  if (part.verdict === 'to release')
    return [{ name: part.name, effect: 'restarts', cause: 'a new image is released' }];
  return [];
}

function restarts({ part, change }: StackChange): BlastRadius['services'] {
  if (change.type !== 'AWS::ECS::Service') return [];
  const service = (effect: BlastRadius['services'][number]['effect'], cause: string) => [
    { name: part, effect, cause },
  ];
  switch (effectOf(change)) {
    case 'add':
      return service('starts', 'it is created');
    case 'delete':
      return service('stops', 'it is deleted');
    case 'replace':
    case 'maybe':
      return service('is replaced', listed(change));
    default: {
      const causes = change.properties.filter(({ path }) => RESTARTING.test(path));
      return causes.length === 0 ? [] : service('restarts', listed({ ...change, properties: causes }));
    }
  }
}

function listed({ properties }: ResourceChange): string {
  return [...new Set(properties.map(({ path }) => path.replace(/^Properties\.(\w+).*/, '$1')))].join(', ');
}

/**
 * The properties whose update starts a deployment. All others, such as DesiredCount, do not replace tasks.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
 */
const RESTARTING =
  /^Properties\.(?:TaskDefinition|LoadBalancers|NetworkConfiguration|PlatformVersion|ServiceConnectConfiguration|ServiceRegistries|VolumeConfigurations|VpcLatticeConfigurations|ForceNewDeployment)\b/;

function lossOf(change: ResourceChange): Loss | undefined {
  switch (effectOf(change)) {
    case 'replace':
      return 'is replaced';
    case 'maybe':
      return 'may be replaced';
    case 'delete':
      return 'is deleted';
    case 'retain':
      return 'leaves the stack';
    default:
      return undefined;
  }
}
