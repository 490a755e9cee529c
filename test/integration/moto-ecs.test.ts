import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  RunTaskCommand,
  type NetworkConfiguration,
} from '@aws-sdk/client-ecs';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { runAction, type Run } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import type { Emulator } from '../support/emulator.ts';
import { startMoto } from '../support/moto.ts';
import { has } from '../support/programs.ts';
import { testWith } from '../support/software.ts';

/**
 * Another ECS than the sandbox's, without service deployments and target health, so the deployment is watched through
 * the service's `deployments`. It starts no tasks for a service; the test does.
 */
const NETWORK = `
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Subnet: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24 } }
  Group: { Type: AWS::EC2::SecurityGroup, Properties: { VpcId: !Ref Vpc, GroupDescription: tasks } }
Outputs:
  Vpc: { Value: !Ref Vpc }
  Subnet: { Value: !Ref Subnet }
  Group: { Value: !GetAtt Group.GroupId }
`;
const CLUSTER = 'dev-platform';
const SERVICE = 'user-service';
const image = (digit: string): string => `registry.example.com/user-service@sha256:${digit.repeat(64)}`;

const test = testWith('moto_server');

describe('update-service on moto', () => {
  let moto: Emulator | undefined;
  const config = () => ({
    endpoint: moto?.url ?? '',
    region: 'eu-west-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  });
  const update = (inputs: Record<string, string>): Promise<Run> =>
    runAction('update-service', {
      node: [node24()],
      inputs: { cluster: CLUSTER, service: SERVICE, timeout: '60s', ...inputs },
      env: moto?.env ?? {},
    });

  beforeAll(async () => {
    if (!has('moto_server', ['--help'])) return;
    moto = await startMoto({ MOTO_ECS_SERVICE_RUNNING: '2' });
    // Its tasks would stop after a few reads.
    await fetch(`${moto.url}/moto-api/state-manager/set-transition`, {
      method: 'POST',
      body: JSON.stringify({ model_name: 'ecs::task', transition: { progression: 'time', seconds: 3600 } }),
    });
  });
  afterAll(async () => {
    await moto?.stop();
  });

  test('deploys with UpdateService and verifies the tasks', async () => {
    const ecs = new ECSClient(config());
    const networkConfiguration = await network(new CloudFormationClient(config()), moto?.url ?? '');
    await ecs.send(new CreateClusterCommand({ clusterName: CLUSTER }));
    await ecs.send(
      new RegisterTaskDefinitionCommand({
        family: SERVICE,
        networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        cpu: '256',
        memory: '512',
        containerDefinitions: [
          { name: 'app', image: image('1'), memory: 512, environment: [{ name: 'EMPTY', value: '' }] },
        ],
      }),
    );
    await ecs.send(
      new CreateServiceCommand({
        cluster: CLUSTER,
        serviceName: SERVICE,
        taskDefinition: `${SERVICE}:1`,
        desiredCount: 2,
        launchType: 'FARGATE',
        networkConfiguration,
      }),
    );

    const action = update({ image: image('2'), parameter: '/platform/dev/user-service/image' });
    await startTasks(ecs, networkConfiguration);
    const run = await action;
    expect({ outputs: run.outputs, log: run.log }).toMatchObject({
      outputs: {
        verdict: 'deployed',
        reason: 'user-service:2 serves with 2 tasks.',
        'task-definition': 'user-service:2',
        'previous-task-definition': 'user-service:1',
      },
    });
    expect(run.outputs['deployment']).toMatch(/^ecs-svc\//);

    const again = await update({ image: image('2') });
    expect(again.outputs['verdict']).toBe('unchanged');
    const status = await update({ command: 'status' });
    expect(status.outputs['verdict']).toBe('reported');
  });

  test('is never green if the tasks are missing', async () => {
    const run = await update({ image: image('3'), 'on-failure': 'keep' });
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toMatch(/could not be verified: a task still runs user-service:2/);
  });
});

async function network(client: CloudFormationClient, url: string): Promise<NetworkConfiguration> {
  await client.send(new CreateStackCommand({ StackName: 'network', TemplateBody: NETWORK }));
  await waitUntilStackCreateComplete({ client, maxWaitTime: 300, minDelay: 1 }, { StackName: 'network' });
  const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: 'network' }));
  const output = (key: string): string =>
    Stacks[0]?.Outputs?.find(({ OutputKey }) => OutputKey === key)?.OutputValue ?? '';
  // Without names, moto cannot create the tasks' interfaces, and its CloudFormation ignores the property.
  await fetch(url, {
    method: 'POST',
    headers: {
      authorization:
        'AWS4-HMAC-SHA256 Credential=test/20260101/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=0',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({
      Action: 'ModifyVpcAttribute',
      Version: '2016-11-15',
      VpcId: output('Vpc'),
      'EnableDnsHostnames.Value': 'true',
    }).toString(),
  });
  return { awsvpcConfiguration: { subnets: [output('Subnet')], securityGroups: [output('Group')] } };
}

/** Starts the tasks of the second revision as soon as UpdateService has set it. */
async function startTasks(ecs: ECSClient, networkConfiguration: NetworkConfiguration): Promise<void> {
  for (;;) {
    const command = new DescribeServicesCommand({ cluster: CLUSTER, services: [SERVICE] });
    const { services = [] } = await ecs.send(command);
    if (services[0]?.taskDefinition?.endsWith(':2') === true) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const run = { cluster: CLUSTER, taskDefinition: `${SERVICE}:2`, count: 2, launchType: 'FARGATE' as const };
  await ecs.send(new RunTaskCommand({ ...run, networkConfiguration }));
}
