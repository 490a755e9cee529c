import { describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { DEV_ACCOUNT, deployEnvironment } from '../../support/environment.ts';
import { expectExample } from '../../support/error-example.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

const platform = (stacks: string): string => `project: shop
region: eu-west-1
environments:
  dev: { ${DEV_ACCOUNT} }
stacks:
${stacks}
services: {}
`;

const NET = `Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
Outputs:
  Vpc: { Value: !Ref Vpc, Export: { Name: shop-vpc } }
`;

/** A network, and an application that imports its export. */
const workspaceOf = (app: string, given = ''): string =>
  newWorkspace({
    'platform.yml': platform(`  net: { template: net.yml }\n  app: { template: app.yml${given} }`),
    'net.yml': NET,
    'app.yml': app,
  });

/** The operations that change something in CloudFormation, including change sets. */
const changes = (sandbox: Sandbox): string[] =>
  sandbox.calls.all
    .map(({ operation }) => operation)
    .filter((name) => /^(?:Create|Execute|Delete|Update)(?:ChangeSet|Stack)$/.test(name));

const GROUP = (description: string): string =>
  `  Sg: { Type: AWS::EC2::SecurityGroup, Properties: { GroupDescription: ${description}, VpcId: !ImportValue shop-vpc } }\n`;

const PROBLEMS: readonly [
  what: string,
  app: string,
  given: string,
  reason: string,
  file?: string,
  line?: number,
][] = [
  [
    'a value is missing',
    `Parameters:\n  Size: { Type: String }\nResources:\n${GROUP('!Ref Size')}`,
    '',
    'dev cannot be deployed: a value is missing for Size (app.yml:2). Nothing was changed.',
  ],
  [
    'a value is not allowed',
    `Parameters:\n  Size: { Type: String, AllowedValues: [small, large] }\nResources:\n${GROUP('!Ref Size')}`,
    ', parameters: { Size: big }',
    'dev cannot be deployed: Size: expected one of small, large (app.yml:2), got "big" (platform.yml:7). Nothing was changed.',
    'platform.yml',
    7,
  ],
  [
    'a reference has no target',
    `Resources:\n${GROUP('!Ref Sizee')}`,
    '',
    'dev cannot be deployed: Sg refers to Sizee, which is neither a parameter nor a resource of the template (app.yml:2). Nothing was changed.',
  ],
];

describe.each(PROBLEMS)('%s', (what, app, given, reason, file = 'app.yml', line = 2) => {
  test.each(['plan', 'deploy'])('%s refuses before the first change', async (command) => {
    const sandbox = await newSandbox();
    const run = await deployEnvironment(sandbox, { command }, { workspace: workspaceOf(app, given) });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toBe(reason);
    expect(changes(sandbox)).toEqual([]);
    expect(run.log).toContain(`file=${file},line=${line}`);
    if (what === 'a reference has no target') expectExample('template-invalid', run);
  });
});

test('stacks that read from each other are refused before the first change', async () => {
  const sandbox = await newSandbox();
  const exporting = `Resources:\n${GROUP('app')}Outputs: { Group: { Value: !Ref Sg, Export: { Name: shop-group } } }\n`;
  const workspace = newWorkspace({
    'platform.yml': platform(`  net: { template: net.yml }\n  app: { template: app.yml }`),
    'net.yml': NET.replace(
      'Outputs:',
      '  Name: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !ImportValue shop-group } }\nOutputs:',
    ),
    'app.yml': exporting,
  });
  const run = await deployEnvironment(sandbox, {}, { workspace });
  expect([run.exitCode, run.outputs['verdict']]).toEqual([1, 'failed']);
  expectExample('graph-invalid', run);
  expect(changes(sandbox)).toEqual([]);
});

test('doctor reports the same problem', async () => {
  const sandbox = await newSandbox();
  const [, app = '', given] = PROBLEMS[1] ?? [];
  const run = await deployEnvironment(sandbox, { command: 'doctor' }, { workspace: workspaceOf(app, given) });
  expect(run.summary).toContain('Size: expected one of small, large (app.yml:2), got "big" (platform.yml:7)');
});

const READER = (output: string): string => `Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: { Fn::GetStackOutput: { StackName: dev-shop-net, OutputName: ${output} } }
`;

describe('an output that is not exported', () => {
  test('is read after its stack has been deployed, and later plans use it', async () => {
    const sandbox = await newSandbox();
    const workspace = workspaceOf(READER('Vpc'));
    const plan = await deployEnvironment(sandbox, { command: 'plan' }, { workspace });
    expect(partOf(plan, 'app')).toMatchObject({
      reason: 'Will be created after net. Adds 1 resource.',
    });
    expect(plan.summary).toContain('after `net`: reads output dev-shop-net.Vpc');
    const run = await deployEnvironment(sandbox, {}, { workspace });
    expect(run.outputs['reason']).toBe('Deployed dev: 2 stacks changed.');
    const again = await deployEnvironment(sandbox, { command: 'plan' }, { workspace });
    expect(again.outputs['verdict']).toBe('unchanged');
  });

  test('that does not exist is refused before the first change', async () => {
    const sandbox = await newSandbox();
    const run = await deployEnvironment(sandbox, {}, { workspace: workspaceOf(READER('Vpcc')) });
    expect(run.outputs['reason']).toBe(
      'dev cannot be deployed: app reads the output Vpcc of dev-shop-net, which has no such output (app.yml:5). Nothing was changed.',
    );
    expect(changes(sandbox)).toEqual([]);
  });
});

const partOf = ({ result }: Run, name: string): { verdict: string; reason: string } | undefined =>
  (result['parts'] as { name: string; verdict: string; reason: string }[]).find((part) => part.name === name);

test('a plan lists the resources of a stack that waits for another one', async () => {
  const sandbox = await newSandbox();
  const app = `Resources:
${GROUP('app')}  Topic: { Type: AWS::SNS::Topic }
  Queue: { Type: AWS::SQS::Queue, Properties: { QueuName: jobs } }
  Key: { Type: AWS::KMS::Key, Properties: { KeyPolicy: {} } }
  Subnet: { Type: AWS::EC2::Subnet, Properties: { VpcId: !ImportValue shop-vpc, CidrBlock: 10.0.0.0/24 } }
  Nat: { Type: AWS::EC2::NatGateway, Properties: { SubnetId: !Ref Subnet } }
`;
  const run = await deployEnvironment(sandbox, { command: 'plan' }, { workspace: workspaceOf(app) });
  expect(run.outputs['verdict']).toBe('planned');
  expect(partOf(run, 'app')).toMatchObject({
    verdict: 'to create',
    reason: 'Will be created after net. Adds 6 resources.',
  });
  expect(run.summary).toContain('Stack `dev-shop-app` will be created: 6 resources.');
  expect(run.summary).toContain('after `net`: imports shop-vpc');
  expect(run.summary).toContain('From $34 a month');
  expect(run.summary).toContain('`AWS::EC2::NatGateway`');
  expect(run.log).toContain('the property QueuName is unknown to this version; did you mean QueueName?');
});

test('a reference in text is a dependency, and an output with a false condition is not exported', async () => {
  const sandbox = await newSandbox();
  const zone = `Parameters: { Main: { Type: String } }
Conditions: { Main: !Equals [!Ref Main, 'true'] }
Resources:
  Topic: { Type: AWS::SNS::Topic }
  Zone: { Type: AWS::SQS::Queue, Condition: Main }
Outputs:
  Zone: { Condition: Main, Value: !Ref Zone, Export: { Name: shop-zone } }
`;
  const workspace = newWorkspace({
    'platform.yml': platform(`  app: { template: app.yml }
  params: { template: params.yml }
  main: { template: zone.yml, parameters: { Main: 'true' } }
  other: { template: zone.yml, parameters: { Main: 'false' } }`),
    'zone.yml': zone,
    'params.yml': `Resources:
  Slow: { Type: AWS::EC2::NatGateway, Properties: { SubnetId: subnet-0123456789abcdef0 } }
  User: { Type: AWS::SSM::Parameter, DependsOn: Slow, Properties: { Name: /shop/db/user, Type: String, Value: app } }
`,
    'app.yml': `Resources:
  Topic: { Type: AWS::SNS::Topic }
  Url:
    Type: AWS::SSM::Parameter
    Properties: { Name: /shop/app/url, Type: String, Value: !Sub 'sns://{{resolve:ssm:/shop/db/user}}@\${Topic.TopicName}' }
`,
  });
  const run = await deployEnvironment(sandbox, {}, { workspace });
  expect(run.outputs['reason']).toBe('Deployed dev: 4 stacks changed.');
});
