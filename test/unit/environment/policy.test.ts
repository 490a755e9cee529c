import { describe, expect, test } from '@jest/globals';
import { type RolePolicy, rolePolicies } from '../../../src/environment/doctor/policy.ts';
import { parseManifest } from '../../../src/environment/manifest/manifest.ts';
import { chooseTargets } from '../../../src/environment/run/targets.ts';
import { ACTION_OVERRIDES } from '../../support/iam.ts';
import { operationsOf } from '../../templates/permissions/operations.ts';

const MANIFEST = `
project: shop
region: eu-west-1
environments:
  prod: { account: '333333333333', role: arn:aws:iam::333333333333:role/deploy }
services:
  api:
    repository: team/api
    pre-deploy: bin/migrate up
    environments:
      prod: { cluster: arn:aws:ecs:eu-west-1:333333333333:cluster/live, service: web }
  site:
    environments:
      prod:
        cluster: edge
        repository: ghcr.io/org/site
        account: '222222222222'
        region: us-gov-west-1
        role: arn:aws-us-gov:iam::222222222222:role/edge
`;

const DEFINITION = {
  family: 'web-task',
  executionRoleArn: 'arn:aws:iam::333333333333:role/ecs/execution',
  taskRoleArn: 'task',
  containerDefinitions: [
    {
      name: 'app',
      image: 'app',
      secrets: [
        { name: 'A', valueFrom: 'colour' },
        { name: 'B', valueFrom: 'arn:aws:ssm:eu-west-1:333333333333:parameter/app/b' },
        { name: 'C', valueFrom: 'arn:aws:secretsmanager:eu-west-1:333333333333:secret:app-a1b2c3:key::' },
      ],
      logConfiguration: { logDriver: 'awslogs', options: { 'awslogs-group': '/app' } },
    },
  ],
};

const manifest = parseManifest(MANIFEST, 'platform.yml');
const { environment, existing } = chooseTargets(manifest, { environment: 'prod', stacks: [], services: [] });

function policies(definition?: typeof DEFINITION): RolePolicy[] {
  const services = existing.map((target) => ({
    target,
    ...(definition && target.name === 'api' && { definition }),
  }));
  return rolePolicies('shop', environment, environment.role, services);
}

/** The resources of a statement, or undefined if there is none. */
function resources({ document }: RolePolicy, sid: string): string | readonly string[] | undefined {
  return document.Statement.find(({ Sid }) => Sid === sid)?.Resource;
}

const actionsOf = ({ document }: RolePolicy): string[] => document.Statement.flatMap(({ Action }) => Action);

test('each role has a separate policy for its account, region and partition', () => {
  const [own, edge, ...others] = policies(DEFINITION);
  expect(others).toEqual([]);
  expect([own?.role, own?.where]).toEqual([
    'arn:aws:iam::333333333333:role/deploy',
    '333333333333, eu-west-1',
  ]);
  expect(edge && resources(edge, 'Ledger')).toBe(
    'arn:aws-us-gov:ssm:us-gov-west-1:222222222222:parameter/shop/prod/*',
  );
  expect(edge && resources(edge, 'Services')).toContain(
    'arn:aws-us-gov:ecs:us-gov-west-1:222222222222:service/edge/site',
  );
  // Its images stay in another registry.
  expect(edge && resources(edge, 'Images')).toBeUndefined();
});

test('resources are those of the service and its task definition', () => {
  const [own] = policies(DEFINITION);
  if (!own) throw new Error('there is no policy');
  const prefix = 'arn:aws:ecs:eu-west-1:333333333333';
  expect(resources(own, 'Services')).toEqual([
    `${prefix}:service-deployment/live/web/*`,
    `${prefix}:service-revision/live/web/*`,
    `${prefix}:service/live/web`,
  ]);
  expect(resources(own, 'Tasks')).toEqual([`${prefix}:task/live/*`]);
  expect(resources(own, 'CommandsAsTasks')).toEqual([`${prefix}:task-definition/web-task:*`]);
  expect(resources(own, 'TaskRoles')).toEqual([
    'arn:aws:iam::333333333333:role/ecs/execution',
    'arn:aws:iam::333333333333:role/task',
  ]);
  expect(resources(own, 'CheckParameters')).toEqual([
    'arn:aws:ssm:eu-west-1:333333333333:parameter/app/b',
    'arn:aws:ssm:eu-west-1:333333333333:parameter/colour',
  ]);
  expect(resources(own, 'CheckSecrets')).toEqual([
    'arn:aws:secretsmanager:eu-west-1:333333333333:secret:app-a1b2c3',
  ]);
  expect(resources(own, 'Images')).toEqual(['arn:aws:ecr:eu-west-1:333333333333:repository/team/api']);
  expect(resources(own, 'LogsOfFailedTasks')).toEqual([
    'arn:aws:logs:eu-west-1:333333333333:log-group:/app:*',
  ]);
});

test('without the task definition, nothing is guessed', () => {
  const [own] = policies();
  for (const sid of ['TaskRoles', 'CheckTaskRoles', 'CheckParameters', 'CommandsAsTasks'])
    expect(own && resources(own, sid)).toBeUndefined();
});

describe('the actions are those that the code can call', () => {
  const asked = new Set(['deploy-environment', 'promote-environment'].flatMap(operationsOf));
  const [own] = policies(DEFINITION);
  const allowed = own ? actionsOf(own) : [];

  /**
   * Additional permissions that IAM checks for a call, and those of the registry protocol: no SDK command has their
   * name.
   */
  const WITHOUT_COMMAND = [
    'iam:PassRole',
    'ecs:TagResource',
    'ecr:InitiateLayerUpload',
    'ecr:UploadLayerPart',
    'ecr:CompleteLayerUpload',
  ];
  /** For stacks and quotas, and actions that are never called for these services. */
  const NOT_GIVEN = [
    /^(?:acm|cloudformation|ec2|route53|s3|servicequotas|sts):/,
    /^elasticloadbalancing:DescribeLoadBalancers$/,
    /^ecr:(?:CreateRepository|PutLifecyclePolicy|DeleteRepository)$/,
    /^ecs:DeregisterTaskDefinition$/,
  ];

  test('and no others', () => {
    expect(allowed.filter((action) => !asked.has(action) && !WITHOUT_COMMAND.includes(action))).toEqual([]);
  });

  test('and all of them', () => {
    const needed = [...asked].filter((action) => !NOT_GIVEN.some((pattern) => pattern.test(action)));
    const missing = needed.filter((action) => !allowed.includes(ACTION_OVERRIDES[action] ?? action));
    expect(missing).toEqual([]);
  });
});
