import type { Sandbox } from '../../sandbox/index.ts';
import { runAction, type Run, type RunOptions } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { DEV } from './action.ts';
import { actingAs, EXECUTION_ROLE, roleFor } from './roles.ts';

/**
 * Runs the committed bundle of deploy-environment on the Node.js of GitHub's runner against a sandbox, with the
 * permissions of the role that the workflows give such a job. Its manifest has DEV_ACCOUNT, which contains
 * CloudFormation's role.
 */
export function deployEnvironment(
  sandbox: Sandbox,
  inputs: Record<string, string>,
  options: RunOptions = {},
): Promise<Run> {
  return runAction('deploy-environment', {
    token: sandbox.tokens.installation,
    ...options,
    node: options.node ?? [node24()],
    inputs: { environment: 'dev', ...inputs },
    env: { ...actingAs(sandbox, roleFor(inputs), { account: DEV }), ...options.env },
  });
}

/** The manifest's keys of an environment in the account of dev. */
export const DEV_ACCOUNT = `account: '${DEV}', execution-role: '${EXECUTION_ROLE}'`;

/** The files of a small platform: a network that exports a value, a queue that reads it, a service's repository. */
export const SMALL_PLATFORM: Readonly<Record<string, string>> = {
  'platform.yml': `
project: shop
region: eu-west-1
environments:
  dev: { ${DEV_ACCOUNT}, parameters: dev.json }
stacks:
  queue: { template: queue.yml }
  network: { template: network.yml }
services:
  api: { path: api, paths: ['/api/*'], priority: 100, template: api.yml, build: { oci-layout: image } }
`,
  'dev.json': JSON.stringify({ Parameters: { Project: 'shop', Environment: 'dev' } }),
  'network.yml': `
Parameters: { Project: { Type: String }, Environment: { Type: String } }
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: !Sub '\${Environment}-\${Project}' } }
  Shared:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/network/topic', Type: String, Value: !Ref Topic }
  Images: { Type: AWS::ECR::Repository, Properties: { RepositoryName: !Sub '\${Project}/api' } }
`,
  'queue.yml': `
Parameters:
  Topic: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/dev/network/topic }
Resources:
  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: jobs, Tags: [{ Key: topic, Value: !Ref Topic }] } }
`,
  'api.yml': `
Parameters:
  ServiceName: { Type: String }
  Image: { Type: 'AWS::SSM::Parameter::Value<String>' }
Resources:
  Log: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: !Sub '/\${ServiceName}' } }
`,
};

/** The stack of a service with its own cluster. Its task definition has the colour, its service the configuration. */
export function ecsServiceTemplate(colour: string, deploymentConfiguration: string): string {
  return `
Parameters:
  ServiceName: { Type: String }
  Image: { Type: 'AWS::SSM::Parameter::Value<String>' }
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: dev-shop } }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: api
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: !Sub arn:aws:iam::\${AWS::AccountId}:role/execution
      ContainerDefinitions: [{ Name: api, Image: !Ref Image, Environment: [{ Name: COLOUR, Value: ${colour} }] }]
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: !Ref ServiceName
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      DesiredCount: 1
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-0a1b2c3d4e5f60718] } }
      DeploymentConfiguration: ${deploymentConfiguration}
`;
}
