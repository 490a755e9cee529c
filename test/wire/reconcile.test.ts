import { afterAll, afterEach, expect, test } from '@jest/globals';
import type { StackEvent } from '@aws-sdk/client-cloudformation';
import type { Scenario } from '../../sandbox/index.ts';
import { ECSClient, RegisterTaskDefinitionCommand, UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { clientOf } from '../unit/sandbox/clients.ts';
import { type Stand, stand } from './stand.ts';

/**
 * Completed updates in which CloudFormation reports nothing about a planned change. The run succeeds if the change was
 * not necessary or is in effect, and fails if nothing proves it.
 */

const QUEUE = (name: string, delay = 1, more = ''): string =>
  `  Queue: { Type: AWS::SQS::Queue, ${more} Properties: { QueueName: ${name}, DelaySeconds: ${delay} } }\n`;
const SETTING = (value: string): string =>
  `  Setting: { Type: AWS::SSM::Parameter, Properties: { Name: /app/queue, Type: String, Value: ${value} } }\n`;
const SERVICE = (image: number, count = 1, tag = ''): string => `
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: apps${tag} } }
  TaskDef:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: app
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ContainerDefinitions: [{ Name: app, Image: 'registry.example.com/app:${image}' }]
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: app
      Cluster: !Ref Cluster
      TaskDefinition: !Ref TaskDef
      DesiredCount: ${count}
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-0a1b2c3d4e5f60718] } }
`;
const NESTED = (delay: number): string => `
  Network:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: 'https://templates.s3.eu-west-1.amazonaws.com/child.yml', Parameters: { Delay: ${delay} } }
`;
const CHILD = `
Parameters: { Delay: { Type: Number } }
Resources:
  Inner: { Type: AWS::SQS::Queue, Properties: { DelaySeconds: !Ref Delay } }
  Other: { Type: AWS::SNS::Topic }
`;
const TOPIC = (name: string): string =>
  `  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${name} } }\n`;

interface Situation {
  name: string;
  before: string;
  after: string;
  /** What CloudFormation omits, without an event. */
  omits?: string;
  /** What the reason contains. If absent, the update is proven. */
  red?: RegExp;
}

const SITUATIONS: Situation[] = [
  {
    name: 'a service keeps the revision before its new task definition',
    before: SERVICE(1),
    after: SERVICE(2),
    omits: 'Service',
    red: /: Service \(AWS::ECS::Service\): ECS runs app:1, but the stack declares app:2\. Run update-service/,
  },
  {
    name: 'a service keeps its number of tasks',
    before: SERVICE(1),
    after: SERVICE(1, 2),
    omits: 'Service',
    red: /: Service \(AWS::ECS::Service\): CloudFormation reported no change to it/,
  },
  { name: 'a service takes its new task definition', before: SERVICE(1), after: SERVICE(2) },
  {
    name: 'a property that was changed',
    before: QUEUE('a') + TOPIC('a'),
    after: QUEUE('a', 2) + TOPIC('b'),
    omits: 'Queue',
    red: /: Queue \(AWS::SQS::Queue\): CloudFormation reported no change to it\./,
  },
  {
    name: 'a replacement',
    before: QUEUE('a'),
    after: QUEUE('b'),
    omits: 'Queue',
    red: /: Queue \(AWS::SQS::Queue\): CloudFormation reported no change to it\./,
  },
  {
    name: 'a reference to a resource that is replaced',
    before: QUEUE('a') + SETTING('!Ref Queue'),
    after: QUEUE('b') + SETTING('!Ref Queue'),
    omits: 'Setting',
    red: /: Setting \(AWS::SSM::Parameter\): CloudFormation reported no change to it\./,
  },
  {
    name: 'an attribute of a resource that is changed in place',
    before: QUEUE('a') + SETTING('!GetAtt Queue.Arn'),
    after: QUEUE('a', 2) + SETTING('!GetAtt Queue.Arn'),
  },
  {
    name: 'only metadata',
    before: QUEUE('a'),
    after: QUEUE('a', 1, 'Metadata: { owner: shop },'),
  },
  {
    name: 'only a deletion policy',
    before: QUEUE('a'),
    after: QUEUE('a', 1, 'DeletionPolicy: Retain,'),
  },
  {
    name: 'a resource of a nested stack',
    before: NESTED(1),
    after: NESTED(2),
    omits: 'Inner',
    red: /: Network\/Inner \(AWS::SQS::Queue\): CloudFormation reported no change to it\./,
  },
  { name: 'a changed nested stack', before: NESTED(1), after: NESTED(2) },
  { name: 'a removed nested stack', before: QUEUE('a') + NESTED(1), after: QUEUE('a') },
  { name: 'added and removed resources', before: QUEUE('a'), after: TOPIC('a') },
];

let at: Stand;
let right = 0;
afterEach(async () => {
  await at.close();
});
afterAll(() => {
  process.stdout.write(
    `planned changes without an event: ${right} of ${SITUATIONS.length} situations passed\n`,
  );
});

async function start(scenario: Scenario): Promise<void> {
  at = await stand(scenario);
  const objects = at.sandbox.objects('111111111111');
  objects.createBucket('templates');
  objects.put('templates', 'child.yml', Buffer.from(CHILD));
}

test.each(SITUATIONS)('$name', async ({ before, after, omits, red }) => {
  await start(omits ? { resources: [{ match: { logicalId: omits }, on: 'update', omit: true }] } : {});
  const allow = { allowReplace: ['Queue'], allowDelete: ['Queue', 'Network', 'Inner'] };
  await at.run(`Resources:\n${before}`);
  const outcome = await at.run(`Resources:\n${after}`, allow);
  if (red) {
    expect(outcome).toMatchObject({ verdict: 'failed', ok: false, error: { code: 'stack-unproven' } });
    expect(outcome.reason).toMatch(red);
  } else {
    expect(outcome).toMatchObject({ verdict: 'updated', ok: true });
  }
  right += 1;
});

test('a revision deployed outside the stack is not one of its changes', async () => {
  await start({});
  await at.run(`Resources:\n${SERVICE(1)}${TOPIC('a')}`);
  const ecs = clientOf(at.sandbox, ECSClient);
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family: 'app',
      cpu: '256',
      memory: '512',
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      containerDefinitions: [{ name: 'app', image: 'registry.example.com/app:9' }],
    }),
  );
  await ecs.send(new UpdateServiceCommand({ cluster: 'apps', service: 'app', taskDefinition: 'app:2' }));
  expect(await at.run(`Resources:\n${SERVICE(1)}${TOPIC('b')}`)).toMatchObject({ verdict: 'updated' });
});

test('a denied read is red and names the permission', async () => {
  await start({ resources: [{ match: { logicalId: 'Queue' }, on: 'update', omit: true }] });
  await at.run(`Resources:\n${QUEUE('a')}`);
  at.sandbox.addFault({
    operation: 'ListStackResources',
    kind: 'error',
    status: 403,
    code: 'AccessDenied',
    message: 'not authorized to perform: cloudformation:ListStackResources',
    times: 1000,
  });
  const outcome = await at.run(`Resources:\n${QUEUE('a', 2)}`);
  expect(outcome).toMatchObject({ verdict: 'failed', error: { code: 'stack-unproven' } });
  expect(outcome.reason).toContain('cloudformation:ListStackResources');
});

// moto reports only events of stacks.
test.each([
  ['still runs the revision before is red', 'Service', 'failed'],
  ['runs the new one is green, with a note', undefined, 'updated'],
])('without events of resources, a service that %s', async (_, omitted, verdict) => {
  const omit = { match: { logicalId: omitted ?? '' }, on: 'update' as const, omit: true };
  await start(omitted === undefined ? {} : { resources: [omit] });
  at.client.middlewareStack.add(
    (next) => async (args) => {
      const answer = await next(args);
      const output = answer.output as { StackEvents?: StackEvent[] };
      const own = output.StackEvents?.filter((event) => event.PhysicalResourceId === event.StackId);
      if (own) output.StackEvents = own;
      return answer;
    },
    { step: 'initialize' },
  );
  await at.run(`Resources:\n${SERVICE(1)}`);
  const outcome = await at.run(`Resources:\n${SERVICE(2)}`);
  expect(outcome.verdict).toBe(verdict);
  if (omitted !== undefined) expect(outcome.reason).toContain('ECS runs app:1, but the stack declares app:2');
  expect(JSON.stringify(outcome.result['notes'])).toContain('reports no resource events');
});
