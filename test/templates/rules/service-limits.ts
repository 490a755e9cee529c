import { resolveTemplate } from '../../../scripts/templates/resolve.ts';
import { textOf } from '../../../scripts/templates/template.ts';
import type { Json, JsonMap } from '../../../scripts/templates/template.ts';
import { finding, nodes } from './platform.ts';
import type { PlatformStack, Rule } from './platform.ts';

/** The maximum that the manifest allows for a service: four patterns with five wildcards. */
const MOST_PATHS = '/a/*/*,/b/*,/c/*,/d/*';
const VALUES_A_RULE = 5;
const WILDCARDS_A_RULE = 5;

/**
 * A listener rule has at most five values and five wildcards in all of its conditions.
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html
 */
export const ruleValuesFit: Rule = (stacks) =>
  stacks.flatMap((stack) => {
    const { Paths } = stack.template.Parameters;
    const given = Paths ? { ...stack.parameters, Paths: MOST_PATHS } : stack.parameters;
    return Object.entries(resolveTemplate(stack.template, given).resources)
      .filter(([, { Type }]) => Type === 'AWS::ElasticLoadBalancingV2::ListenerRule')
      .flatMap(([id, { Properties = {} }]) => {
        const values = [...nodes(Properties.Conditions)].flatMap((node) =>
          [(node as JsonMap).Values ?? []].flat(),
        );
        const wildcards = values.map(textOf).join('').replaceAll(/[^*?]/g, '').length;
        return [
          ...(values.length > VALUES_A_RULE
            ? [`the rule has ${values.length} values of ${VALUES_A_RULE}`]
            : []),
          ...(wildcards > WILDCARDS_A_RULE
            ? [`the rule has ${wildcards} wildcards of ${WILDCARDS_A_RULE}`]
            : []),
        ].map((message) => finding('service-limits', stack, message, id));
      });
  });

/**
 * A budget with a filter expression has a metric: AWS creates it without one, and cannot evaluate it ("Selected metrics
 * cannot be null").
 * @see https://github.com/hashicorp/terraform-provider-aws/issues/46866
 */
export const budgetsHaveMetric: Rule = (stacks) =>
  stacks.flatMap((stack) =>
    Object.entries(stack.resolved.resources)
      .filter(([, { Type }]) => Type === 'AWS::Budgets::Budget')
      .flatMap(([id, { Properties = {} }]) => {
        const { FilterExpression, Metrics } = Properties.Budget as JsonMap;
        const one = Array.isArray(Metrics) && Metrics.length === 1;
        return FilterExpression && !one
          ? [finding('service-limits', stack, 'the budget has no metric', id)]
          : [];
      }),
  );

/** The permissions of a task role for recorded sessions, as in the ECS developer guide for ECS Exec. */
const SESSION_ACTIONS = [
  'kms:Decrypt',
  'logs:CreateLogStream',
  'logs:DescribeLogGroups',
  'logs:DescribeLogStreams',
  'logs:PutLogEvents',
  'ssmmessages:CreateControlChannel',
  'ssmmessages:CreateDataChannel',
  'ssmmessages:OpenControlChannel',
  'ssmmessages:OpenDataChannel',
];

/**
 * A service with ECS Exec has a writable root file system, because its agent creates folders and files in it, and a
 * task role with the permissions of a session; one without it has neither.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html "making the root file system read-only …
 * isn't supported"
 */
export const sessionsWork: Rule = (stacks) =>
  stacks
    .filter(({ template }) => 'Exec' in template.Parameters)
    .flatMap((stack) => ['true', 'false'].flatMap((Exec) => sessionFindings(stack, Exec)));

function sessionFindings(stack: PlatformStack, Exec: string): ReturnType<Rule> {
  const { resources } = resolveTemplate(stack.template, { ...stack.parameters, Exec });
  const open = Exec === 'true';
  const complain = (message: string) => [finding('service-limits', stack, `Exec ${Exec}: ${message}`)];
  const [container] = (resources.TaskDefinition?.Properties?.ContainerDefinitions ?? []) as JsonMap[];
  const allowed = actionsOf(resources.TaskRole?.Properties?.Policies);
  const missing = open ? SESSION_ACTIONS.filter((action) => !allowed.includes(action)) : [];
  return [
    ...(container?.ReadonlyRootFilesystem === !open
      ? []
      : complain('the root file system is not as it must be')),
    ...missing.flatMap((action) => complain(`the task role lacks ${action}`)),
    ...(!open && allowed.some((action) => action.startsWith('ssmmessages:'))
      ? complain('the task role may open sessions')
      : []),
  ];
}

function actionsOf(policies: Json | undefined): string[] {
  return [...nodes(policies)].flatMap((node) => [(node as JsonMap).Action ?? []].flat().map(textOf));
}

/**
 * A container that does not run as root and has a read-only root file system has a writable /tmp: a tmpfs. A volume
 * would belong to root.
 * @see https://github.com/aws/containers-roadmap/issues/938
 */
export const tmpIsWritable: Rule = (stacks) =>
  stacks.flatMap((stack) =>
    Object.entries(stack.resolved.resources).flatMap(([id, { Type, Properties = {} }]) => {
      if (Type !== 'AWS::ECS::TaskDefinition') return [];
      const [container] = Properties.ContainerDefinitions as JsonMap[];
      const mounted = [...nodes((container?.LinuxParameters as JsonMap | undefined)?.Tmpfs)].some(
        (node) => (node as JsonMap).ContainerPath === '/tmp',
      );
      return mounted ? [] : [finding('service-limits', stack, 'its user cannot write to /tmp', id)];
    }),
  );
