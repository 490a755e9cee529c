import { expect, test } from '@jest/globals';
import { callGroup } from '../../../src/aws/rates.ts';

test.each([
  ['CloudFormation', 'DescribeStacks', 5],
  ['CloudFormation', 'ListStackResources', 10],
  ['ECS', 'RegisterTaskDefinition', 1],
  ['ECS', 'UpdateService', 5],
  ['ECS', 'DescribeServices', 20],
  ['SSM', 'GetParameters', 40],
  ['SSM', 'PutParameter', 3],
  ['ECR', 'PutImage', 10],
  ['ElasticLoadBalancingV2', 'DescribeTargetHealth', 10],
  ['Lambda', 'GetFunction', 10],
  ['Lambda', 'Invoke', 5],
])('%s %s has the rate of its entry', (service, operation, perSecond) => {
  expect(callGroup(service, operation).perSecond).toBe(perSecond);
});

test('operations of one entry share a bucket, those of different entries do not', () => {
  const name = (operation: string) => callGroup('ECS', operation).name;
  expect(name('ListTasks')).toBe(name('DescribeTasks'));
  expect(name('ListTasks')).not.toBe(name('ListServices'));
  expect(name('UpdateService')).not.toBe(name('RegisterTaskDefinition'));
  expect(callGroup('SSM', 'GetParameter').name).not.toBe(callGroup('ECR', 'GetParameter').name);
});
