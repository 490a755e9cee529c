import { requireCertificates } from '../../acm/listener-certificates.ts';
import type { Action, LoadBalancing, Rule, Target } from '../../elb/load-balancing.ts';
import { loadBalancingOf } from '../../elb/load-balancing.ts';
import { AwsError } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import { attributeOf, nameOf } from './identity.ts';
import type { Effect } from './effect.ts';
import type { Json, JsonObject } from '../json.ts';
import { isObject, sameValue, textOf } from '../json.ts';
import type { Stack, StackResource } from '../engine/stack.ts';
import { identityOf } from '../engine/stack.ts';

type Put = (elb: LoadBalancing, stack: Stack, resource: StackResource, world: World) => void;

export const LOAD_BALANCING_EFFECTS: Record<string, Effect> = {
  'AWS::ElasticLoadBalancingV2::LoadBalancer': effect('loadBalancers', (elb, stack, resource, world) => {
    const identity = identityOf(stack, resource);
    const arn = resource.physicalId;
    elb.loadBalancers.set(arn, {
      arn,
      name: nameOf(identity),
      dnsName: textOf(attributeOf(identity, 'DNSName')),
      createdAt: elb.loadBalancers.get(arn)?.createdAt ?? world.clock.now(),
      given: resource.properties,
    });
  }),
  'AWS::ElasticLoadBalancingV2::TargetGroup': effect('targetGroups', (elb, stack, resource) => {
    const { properties, physicalId: arn } = resource;
    const name = nameOf(identityOf(stack, resource));
    checkTargetGroupName(name);
    elb.targetGroups.set(arn, {
      arn,
      name,
      given: properties,
      intervalSeconds: numberOf(properties.HealthCheckIntervalSeconds, 30),
      unhealthyThreshold: numberOf(properties.UnhealthyThresholdCount, 2),
      drainSeconds: numberOf(attributeNamed(properties, 'deregistration_delay.timeout_seconds'), 300),
      targets: elb.targetGroups.get(arn)?.targets ?? new Map<string, Target>(),
    });
  }),
  'AWS::ElasticLoadBalancingV2::Listener': {
    ...effect('listeners', (elb, stack, { physicalId: arn, properties }, world) => {
      requireCertificates(world, stack, properties.Certificates);
      elb.listeners.set(arn, {
        arn,
        loadBalancerArn: textOf(properties.LoadBalancerArn),
        given: properties,
        defaultActions: actionsOf(properties.DefaultActions),
      });
    }),
    changedByService: movedTraffic('DefaultActions'),
  },
  'AWS::ElasticLoadBalancingV2::ListenerRule': {
    ...effect('rules', (elb, _, { physicalId: arn, properties }, world) => {
      const rule: Rule = {
        arn,
        listenerArn: textOf(properties.ListenerArn) || (elb.rules.get(arn)?.listenerArn ?? ''),
        priority: textOf(properties.Priority),
        conditions: Array.isArray(properties.Conditions) ? properties.Conditions : [],
        actions: actionsOf(properties.Actions),
      };
      const taken = elb.rulesOf(rule.listenerArn).find(({ priority }) => priority === rule.priority);
      if (taken && taken.arn !== arn) {
        throw new AwsError('PriorityInUse', `Priority '${rule.priority}' is currently in use`);
      }
      checkConditions(properties.Conditions, world);
      elb.rules.set(arn, rule);
    }),
    changedByService: movedTraffic('Actions'),
  },
  'AWS::ElasticLoadBalancingV2::ListenerCertificate': {
    make: (world, stack, { properties }) => {
      requireCertificates(world, stack, properties.Certificates);
    },
    remove: () => undefined,
  },
};

const MAX_NAME_LENGTH = 32;

/**
 * @see https://github.com/hashicorp/terraform/pull/11699 for the length
 * @see https://github.com/hashicorp/terraform-provider-aws/issues/6153 for the characters
 */
function checkTargetGroupName(name: string): void {
  const problem =
    name.length > MAX_NAME_LENGTH
      ? `cannot be longer than '${MAX_NAME_LENGTH}' characters`
      : /^[A-Za-z0-9-]+$/.test(name)
        ? undefined
        : 'can only contain characters that are alphanumeric characters or hyphens(-)';
  if (problem !== undefined) {
    throw new AwsError('ValidationError', `Target group name '${name}' ${problem}`);
  }
}

/** Limits of all conditions of a rule together. */
const MAX_VALUES = 5;
const MAX_WILDCARDS = 5;

/**
 * Throws if the conditions of a rule have too many values or wildcards.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
 * @see https://github.com/aws-cloudformation/cfn-lint/issues/3833 for the message
 */
function checkConditions(conditions: Json | undefined, world: World): void {
  const values = Array.isArray(conditions) ? conditions.flatMap(valuesIn) : [];
  const wildcards = values.join('').replaceAll(/[^*?]/g, '').length;
  const refused = (limit: number, what: string): AwsError =>
    new AwsError(
      'InvalidRequest',
      `A rule can only have '${limit}' condition ${what} (Service: ElasticLoadBalancingV2, Status Code: 400, Request ID: ${world.newUuid()})`,
    );
  if (values.length > MAX_VALUES) throw refused(MAX_VALUES, 'values');
  if (wildcards > MAX_WILDCARDS) throw refused(MAX_WILDCARDS, 'wildcards');
}

/** The values of a condition, in the form of its field or in the older form. */
function valuesIn(condition: Json): string[] {
  if (!isObject(condition)) return [];
  const lists = [condition, ...Object.values(condition)].flatMap((config) =>
    isObject(config) && Array.isArray(config.Values) ? [config.Values] : [],
  );
  return (lists.at(-1) ?? []).map(textOf);
}

/** The actions as a deployment of ECS has left them, if it has moved the traffic since the stack set them. */
function movedTraffic(property: 'Actions' | 'DefaultActions'): NonNullable<Effect['changedByService']> {
  return (world, stack, { physicalId, properties }) => {
    const elb = loadBalancingOf(world, stack.account, stack.region);
    const live = elb.actionsOf(physicalId) as unknown as Json;
    const written = actionsOf(properties[property]) as unknown as Json;
    return sameValue(live, written) ? {} : { [property]: structuredClone(live) };
  };
}

/** Resources of one kind, by ARN. */
function effect(kind: 'loadBalancers' | 'targetGroups' | 'listeners' | 'rules', put: Put): Effect {
  const write = (world: World, stack: Stack, resource: StackResource): void => {
    put(loadBalancingOf(world, stack.account, stack.region), stack, resource, world);
  };
  return {
    make: write,
    change: write,
    remove: (world, stack, { physicalId }) => {
      loadBalancingOf(world, stack.account, stack.region)[kind].delete(physicalId);
    },
  };
}

function numberOf(value: Json | undefined, usual: number): number {
  return value === undefined ? usual : Number(value);
}

function attributeNamed({ TargetGroupAttributes: attributes }: JsonObject, key: string): Json | undefined {
  const all = Array.isArray(attributes) ? attributes.filter(isObject) : [];
  return all.find((attribute) => attribute.Key === key)?.Value;
}

/** A copy, because ECS changes the weights of the rule but not those of the template. */
function actionsOf(actions: Json | undefined): Action[] {
  const copy = structuredClone(Array.isArray(actions) ? actions : []) as unknown as Action[];
  for (const { ForwardConfig } of copy) {
    for (const group of ForwardConfig?.TargetGroups ?? []) group.Weight = Number(textOf(group.Weight) || '1');
  }
  return copy;
}
