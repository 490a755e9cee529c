import { afterAll, expect, test } from '@jest/globals';
import { DescribeTaskDefinitionCommand, ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import { clientOf, refusal, sandboxOf } from '../clients.ts';
import { CLOUDFORMATION, ECR, NAMES } from './others.ts';
import { SERVICES } from './services.ts';
import { fargate, TASK_DEFINITIONS } from './task-definitions.ts';

const ALL = [...TASK_DEFINITIONS, ...SERVICES, ...CLOUDFORMATION, ...ECR, ...NAMES];
let right = 0;

test.each(ALL)('$mistake', async ({ send, code, message }) => {
  const sandbox = await sandboxOf({ timeScale: 1000 });
  expect(await refusal(send(sandbox))).toEqual({ name: code, message, status: 400 });
  right += 1;
});

afterAll(() => {
  process.stdout.write(`mistakes that AWS refuses: ${right} of ${ALL.length} answered as AWS answers\n`);
});

test('each names its source', () => {
  expect(ALL.filter(({ source }) => !URL.canParse(source))).toEqual([]);
});

test.each([
  ['for Fargate', {}, ['EC2', 'FARGATE']],
  ['without asking for a launch type', { requiresCompatibilities: undefined }, ['EC2', 'FARGATE']],
  ['without a size', { requiresCompatibilities: undefined, cpu: undefined }, ['EC2']],
  [
    'in bridge mode',
    { requiresCompatibilities: undefined, networkMode: 'bridge' as const },
    ['EXTERNAL', 'EC2'],
  ],
])('the launch types of a definition %s', async (_, changes, expected) => {
  const ecs = clientOf(await sandboxOf(), ECSClient);
  await ecs.send(new RegisterTaskDefinitionCommand(fargate(changes)));
  const { taskDefinition } = await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: 'api' }));
  expect(taskDefinition?.compatibilities).toEqual(expected);
});
