import { CreateClusterCommand, ECSClient } from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { decide, type Permissions } from '../../sandbox/iam/policies/evaluation.ts';
import type { Context } from '../../sandbox/iam/policies/policy.ts';
import { identityStore } from '../../sandbox/iam/roles.ts';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { bootstrapped } from '../../sandbox/scenario/bootstrapped.ts';
import { clientOf, DEV } from '../unit/sandbox/clients.ts';

/** The bootstrap of an environment whose cluster existed before: its roles have access to that cluster only. */

const PREFIX = `arn:aws:ecs:eu-west-1:${DEV}`;
let sandbox: Sandbox;

beforeAll(async () => {
  const platform = { environments: { dev: DEV }, previews: ['dev'], clusters: { dev: 'live' } };
  sandbox = await startSandbox({ scenario: { stacks: bootstrapped(platform) } });
  await clientOf(sandbox, ECSClient, DEV).send(new CreateClusterCommand({ clusterName: 'live' }));
});
afterAll(() => sandbox.close());

function permissionsOf(who: string): Permissions {
  const store = identityStore(sandbox.world);
  const role = store.role(`arn:aws:iam::${DEV}:role/platform-dev-${who}`);
  const permissions = role && store.permissionsOf(role);
  if (!permissions) throw new Error(`no stack has made ${who}`);
  return { ...permissions, session: [] };
}

/** For a role of a layer that may do anything that its boundary allows. */
function bounded(): Permissions {
  const boundary = identityStore(sandbox.world).managedPolicy(
    `arn:aws:iam::${DEV}:policy/platform-dev-boundary`,
  );
  const All = { Version: '2012-10-17', Statement: { Effect: 'Allow', Action: '*', Resource: '*' } };
  return { policies: { All }, boundary, session: [] };
}

function isAllowed(who: string, action: string, resource: string, context: Context = {}): boolean {
  const { outcome } = decide(who === 'a task' ? bounded() : permissionsOf(who), {
    principal: { kind: 'AWS', names: [who] },
    action,
    resource,
    context: { 'aws:RequestedRegion': 'eu-west-1', ...context },
  });
  return outcome === 'allow';
}

/** What each role does in a cluster. */
const IN_CLUSTER: readonly (readonly [
  who: string,
  action: string,
  resource: (cluster: string) => string,
  byCondition?: true,
])[] = [
  ['plan', 'ecs:DescribeServices', (cluster) => `${PREFIX}:service/${cluster}/user-service`],
  ['plan', 'ecs:DescribeTasks', (cluster) => `${PREFIX}:task/${cluster}/1`],
  ['plan', 'ecs:ListTasks', () => '*', true],
  ['plan', 'ecs:ListTagsForResource', (cluster) => `${PREFIX}:service/${cluster}/user-service`],
  ['deploy', 'ecs:UpdateService', (cluster) => `${PREFIX}:service/${cluster}/user-service`],
  [
    'deploy',
    'ecs:StopServiceDeployment',
    (cluster) => `${PREFIX}:service-deployment/${cluster}/user-service/1`,
  ],
  [
    'deploy',
    'ecs:DescribeServiceRevisions',
    (cluster) => `${PREFIX}:service-revision/${cluster}/user-service/1`,
  ],
  ['deploy', 'ecs:StopTask', (cluster) => `${PREFIX}:task/${cluster}/1`],
  ['deploy', 'ecs:RunTask', () => `${PREFIX}:task-definition/dev-platform-user-service:1`, true],
  ['execution', 'ecs:CreateService', (cluster) => `${PREFIX}:service/${cluster}/user-service`],
  [
    'execution',
    'cloudwatch:PutMetricAlarm',
    (cluster) =>
      `arn:aws:cloudwatch:eu-west-1:${DEV}:alarm:TargetTracking-service/${cluster}/user-service-AlarmHigh`,
  ],
  ['preview', 'ecs:DescribeServices', (cluster) => `${PREFIX}:service/${cluster}/pr-7-user-service`],
  ['preview', 'ecs:ListTasks', () => '*', true],
  ['preview-execution', 'ecs:CreateService', (cluster) => `${PREFIX}:service/${cluster}/pr-7-user-service`],
  ['a task', 'ecs:TagResource', (cluster) => `${PREFIX}:task/${cluster}/1`],
];

describe.each(IN_CLUSTER)('%s: %s', (who, action, resourceIn, byCondition) => {
  const mayIn = (cluster: string): boolean => {
    const context = byCondition ? { 'ecs:cluster': `${PREFIX}:cluster/${cluster}` } : {};
    return isAllowed(who, action, resourceIn(cluster), context);
  };

  test('only in the given cluster', () => {
    const clusters = ['live', 'dev-platform', 'live-2', 'prod-platform'];
    expect(clusters.filter(mayIn)).toEqual(['live']);
  });
});

test('no role may change or delete the cluster itself', () => {
  for (const action of ['ecs:DeleteCluster', 'ecs:UpdateCluster', 'ecs:PutClusterCapacityProviders']) {
    expect(isAllowed('execution', action, `${PREFIX}:cluster/live`)).toBe(false);
  }
});
