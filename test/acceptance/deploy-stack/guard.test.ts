import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';
import { EXECUTION_OF_ANY_TYPE } from '../../support/roles.ts';
import { clientOf } from '../../unit/sandbox/clients.ts';

/** Changes that the guard allows and blocks, in typical stacks. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const cluster = `
Resources:
  Db:
    Type: AWS::RDS::DBCluster
    Properties: { Engine: aurora-postgresql, MasterUsername: app, ManageMasterUserPassword: true }
  Writer:
    Type: AWS::RDS::DBInstance
    Properties: { Engine: aurora-postgresql, DBInstanceClass: db.r6g.large, DBClusterIdentifier: !Ref Db }
`;
const reader = `
  Reader:
    Type: AWS::RDS::DBInstance
    Properties: { Engine: aurora-postgresql, DBInstanceClass: db.r6g.large, DBClusterIdentifier: !Ref Db }
`;
const single = `
  Single:
    Type: AWS::RDS::DBInstance
    DeletionPolicy: Delete
    Properties:
      Engine: postgres
      DBInstanceClass: db.t4g.micro
      AllocatedStorage: '20'
      MasterUsername: app
      ManageMasterUserPassword: true
`;
const address = `
  Address: { Type: AWS::EC2::EIP }
`;

describe('removed resources', () => {
  test('a reader of an Aurora cluster may be removed; a database instance and an address may not', async () => {
    const sandbox = await start();
    const workspace = workspaceOf({
      '1.yml': cluster + reader + single + address,
      '2.yml': cluster + single + address,
      '3.yml': cluster,
    });
    const created = await deployStack(sandbox, { template: '1.yml' }, { workspace });
    expect(created.outputs['verdict']).toBe('created');
    const removed = await deployStack(sandbox, { template: '2.yml' }, { workspace });
    expect([removed.outputs['verdict'], removed.outputs['reason']]).toEqual(['updated', expect.any(String)]);
    const blocked = await deployStack(sandbox, { template: '3.yml' }, { workspace });
    expect(blocked.outputs['verdict']).toBe('blocked');
    expect(blocked.log).toContain('Single (AWS::RDS::DBInstance) would be deleted with its databases');
    expect(blocked.log).toContain('Address (AWS::EC2::EIP) would be deleted with its IP address');
  });
});

describe('replaced resources', () => {
  test('an instance whose AMI parameter has changed is blocked', async () => {
    const sandbox = await start();
    const ami = '/images/latest';
    const put = (value: string): Promise<unknown> =>
      clientOf(sandbox, SSMClient).send(
        new PutParameterCommand({ Name: ami, Value: value, Type: 'String', Overwrite: true }),
      );
    const workspace = workspaceOf({
      't.yml': `
Parameters:
  Ami: { Type: 'AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>', Default: ${ami} }
Resources:
  Server: { Type: AWS::EC2::Instance, Properties: { ImageId: !Ref Ami, InstanceType: t3.micro } }
`,
    });
    await put('ami-0aaaaaaaaaaaaaaaa');
    const created = await deployStack(
      sandbox,
      { template: 't.yml', 'role-arn': EXECUTION_OF_ANY_TYPE },
      { workspace },
    );
    expect(created.outputs['verdict']).toBe('created');
    await put('ami-0bbbbbbbbbbbbbbbb');
    const blocked = await deployStack(
      sandbox,
      { template: 't.yml', 'role-arn': EXECUTION_OF_ANY_TYPE },
      { workspace },
    );
    expect(blocked.outputs['verdict']).toBe('blocked');
    expect(blocked.outputs['reason']).toContain(
      'Server (AWS::EC2::Instance) would be replaced because of Properties.ImageId, which loses its root volume',
    );
    const { Stacks } = await clientOf(sandbox, CloudFormationClient).send(
      new DescribeStacksCommand({ StackName: 'app' }),
    );
    expect(Stacks?.[0]?.StackStatus).toBe('CREATE_COMPLETE');
  });
});

describe('what has deletion protection', () => {
  const balancer = `
Parameters:
  Protected: { Type: String }
Conditions:
  IsLarge: !Equals [!Ref Protected, large]
Resources:
  Db:
    Type: AWS::RDS::DBCluster
    Properties: { Engine: aurora-postgresql, MasterUsername: app, ManageMasterUserPassword: true, DeletionProtection: !Ref Protected }
  Second:
    Type: AWS::RDS::DBCluster
    Condition: IsLarge
    Properties: { Engine: aurora-postgresql, MasterUsername: app, ManageMasterUserPassword: true, DeletionProtection: true }
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties:
      Subnets: [subnet-0a1b2c3d4e5f60718, subnet-0a1b2c3d4e5f60719]
      LoadBalancerAttributes: [{ Key: deletion_protection.enabled, Value: !Ref Protected }]
`;

  test('is named before anything is deleted, and goes once the protection is off', async () => {
    const sandbox = await start();
    const workspace = workspaceOf({ 'app.yml': balancer });
    const run = (inputs: Record<string, string>) =>
      deployStack(
        sandbox,
        { template: 'app.yml', 'role-arn': EXECUTION_OF_ANY_TYPE, ...inputs },
        { workspace },
      );
    await run({ parameters: 'Protected=true' });
    const remove = { command: 'delete', 'allow-delete': 'all' };
    const blocked = await run(remove);
    expect(blocked.outputs['verdict']).toBe('blocked');
    expect(blocked.log).toContain(
      'Db (AWS::RDS::DBCluster) has deletion protection. Fix: Set the parameter Protected to false and deploy, then delete the stack',
    );
    expect(blocked.log).toContain(
      'Balancer (AWS::ElasticLoadBalancingV2::LoadBalancer) has deletion protection.',
    );
    expect(blocked.log).not.toContain('Second');
    expect(sandbox.calls.of('DeleteStack')).toEqual([]);
    await run({ parameters: 'Protected=false' });
    expect((await run(remove)).outputs['verdict']).toBe('deleted');
  });
});
