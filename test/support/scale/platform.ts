import { DEV } from '../aws-clients.ts';
import { EXECUTION_ROLE } from '../roles.ts';

/** The size of a generated environment, and the kinds of its stacks. */
export interface PlatformSize {
  /**
   * Stacks in addition to those of the services: `cluster` and `registry` (with services), the chain, and `plain-…`.
   */
  stacks: number;
  services: number;
  /**
   * How many of the stacks are `chain-1` … `chain-n`, each of which reads a parameter of the previous one. Default: 5.
   */
  chain?: number;
  /**
   * Each n-th of the plain stacks imports an export of the first, and the next one reads its parameter. Default: 10; 0
   * for none.
   */
  readers?: number;
  /** Additional keys of the environment in the manifest, such as `promote-from: dev`. */
  environment?: Readonly<Record<string, string>>;
}

/**
 * The files of an environment `dev` of the project `shop`: platform.yml, dev.json, templates. The images of services
 * are OCI layouts `images/<service>`, which ScaleEnvironment writes.
 */
export function platformFiles(size: PlatformSize): Record<string, string> {
  const files = stackTemplates(size);
  const services = serviceNames(size);
  const environment = {
    account: `'${DEV}'`,
    'execution-role': EXECUTION_ROLE,
    parameters: 'dev.json',
    ...size.environment,
  };
  const lines = [
    'project: shop',
    'region: eu-west-1',
    'environments:',
    `  dev: { ${Object.entries(environment)
      .map(([key, value]) => `${key}: ${value}`)
      .join(', ')} }`,
    'stacks:',
    ...Object.keys(files).map((name) => `  ${name}: { template: templates/${name}.yml }`),
    services.length === 0 ? 'services: {}' : 'services:',
    ...services.map(
      (name, index) =>
        `  ${name}: { path: ., paths: ['/${name}/*'], priority: ${100 + index}, template: templates/service.yml, ` +
        `build: { oci-layout: images/${name} } }`,
    ),
  ];
  return {
    'platform.yml': `${lines.join('\n')}\n`,
    'dev.json': JSON.stringify({ Parameters: { Project: 'shop', Environment: 'dev', Colour: 'blue' } }),
    ...Object.fromEntries(Object.entries(files).map(([name, text]) => [`templates/${name}.yml`, text])),
    'templates/service.yml': SERVICE,
  };
}

/** `service-001` … */
export function serviceNames({ services }: Pick<PlatformSize, 'services'>): string[] {
  return numbered('service', services);
}

function numbered(prefix: string, count: number): string[] {
  return Array.from(
    { length: Math.max(count, 0) },
    (_, index) => `${prefix}-${String(index + 1).padStart(3, '0')}`,
  );
}

/** The templates of the stacks by name. */
function stackTemplates(size: PlatformSize): Record<string, string> {
  const { stacks, services, chain = 5, readers = 10 } = size;
  const templates: Record<string, string> = {};
  if (services > 0) {
    templates['cluster'] = CLUSTER;
    templates['registry'] = registry(serviceNames(size));
  }
  for (let link = 1; link <= chain; link++)
    templates[`chain-${link}`] = plain(`chain-${link}`, chainRead(link));
  const [first, ...others] = numbered('plain', stacks - Object.keys(templates).length);
  if (first !== undefined) templates[first] = plain(first);
  for (const [index, name] of others.entries()) {
    const kind = readers === 0 ? NaN : index % readers;
    templates[name] = plain(name, kind === 0 ? IMPORT : kind === 1 ? READ : undefined);
  }
  return templates;
}

interface Reading {
  parameters: string;
  value: string;
}

const IMPORT: Reading = { parameters: '', value: '!ImportValue dev-plain-001' };
const READ: Reading = parameterOf('plain-001');

function chainRead(link: number): Reading | undefined {
  return link === 1 ? undefined : parameterOf(`chain-${link - 1}`);
}

function parameterOf(stack: string): Reading {
  return {
    parameters: `  Read: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/dev/${stack}/topic }\n`,
    value: '!Ref Read',
  };
}

/**
 * A topic and a parameter with its ARN. Their types are the same in all stacks, so that a scenario can slow them down.
 */
function plain(name: string, reading?: Reading): string {
  return `
Parameters:
  Project: { Type: String }
  Environment: { Type: String }
  Colour: { Type: String }
${reading?.parameters ?? ''}Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: !Sub '\${Environment}-\${Project}-${name}'
      DisplayName: !Ref Colour
      Tags: [{ Key: reads, Value: ${reading?.value ?? 'nothing'} }]
  Shared:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/${name}/topic', Type: String, Value: !Ref Topic }
Outputs:
  Topic: { Value: !Ref Topic, Export: { Name: !Sub '\${Environment}-${name}' } }
`;
}

const CLUSTER = `
Parameters: { Project: { Type: String }, Environment: { Type: String } }
Resources:
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: !Sub '\${Environment}-\${Project}' } }
  Name:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/cluster/name', Type: String, Value: !Ref Cluster }
`;

function registry(services: readonly string[]): string {
  const repositories = services.map(
    (name, index) =>
      `  Images${index}:\n    Type: AWS::ECR::Repository\n    Properties: { RepositoryName: !Sub '\${Project}/${name}' }\n`,
  );
  return `Parameters: { Project: { Type: String } }\nResources:\n${repositories.join('')}`;
}

const SERVICE = `
Parameters:
  ServiceName: { Type: String }
  Colour: { Type: String }
  Image: { Type: 'AWS::SSM::Parameter::Value<String>' }
  Cluster: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/dev/cluster/name }
Resources:
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: !Ref ServiceName
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: !Sub arn:aws:iam::\${AWS::AccountId}:role/execution
      ContainerDefinitions: [{ Name: app, Image: !Ref Image, Environment: [{ Name: COLOUR, Value: !Ref Colour }] }]
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: !Ref ServiceName
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      DesiredCount: 1
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-0a1b2c3d4e5f60718] } }
      DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } }
`;
