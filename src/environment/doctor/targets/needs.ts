import type { DeclaredResource } from '../../../cloudformation/template/check.ts';
import { possibleTexts, type Scope } from '../../../cloudformation/template/evaluate.ts';
import { member } from '../../../cloudformation/template/tree.ts';

export const STACK = 'AWS::CloudFormation::Stack';
export const VPC = 'AWS::EC2::VPC';
export const ADDRESS = 'AWS::EC2::EIP';
export const NAT_GATEWAY = 'AWS::EC2::NatGateway';
/** Only load balancers of the type `application`, which is the default. */
export const LOAD_BALANCER = 'AWS::ElasticLoadBalancingV2::LoadBalancer';

/** The types whose quotas are often reached. */
const TYPES = [STACK, VPC, ADDRESS, NAT_GATEWAY, LOAD_BALANCER] as const;

/** The number of resources that will be created, by type. */
export type Needs = Readonly<Partial<Record<string, number>>>;

/** The needs of a template's resources, without its stack. */
export function resourceNeeds(resources: readonly DeclaredResource[], scope: Scope): Needs {
  return countNeeds(
    resources
      .filter(
        ({ type, properties }) =>
          type !== LOAD_BALANCER ||
          !['network', 'gateway'].includes(possibleTexts(member(properties, 'Type'), scope)[0] ?? ''),
      )
      .map(({ type }) => type),
  );
}

/** The number of times that each of the types is in a list. */
export function countNeeds(types: readonly string[]): Needs {
  return Object.fromEntries(TYPES.map((type) => [type, types.filter((each) => each === type).length]));
}

/** The sum of several needs. */
export function totalNeeds(all: readonly Needs[]): Needs {
  return Object.fromEntries(
    TYPES.map((type) => [type, all.reduce((sum, needs) => sum + (needs[type] ?? 0), 0)]),
  );
}
