import { expect, test } from '@jest/globals';
import type { Scenario } from '../../../sandbox/index.ts';
import { deployStack, useSandboxes, useWorkspaces } from '../../support/action.ts';

/** What a stack's ECS service does is followed in ECS: CloudFormation says neither that its tasks fail nor why. */

const start = useSandboxes();
const workspaceOf = useWorkspaces();

const template = (deployment: string): string => `
Parameters:
  Image: { Type: String, Default: 'registry.example.com/app:1' }
Resources:
  Cluster:
    Type: AWS::ECS::Cluster
    Properties: { ClusterName: apps }
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: { LogGroupName: /apps/app }
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: '2012-10-17'
        Statement:
          - { Effect: Allow, Principal: { Service: ecs-tasks.amazonaws.com }, Action: sts:AssumeRole }
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy']
      PermissionsBoundary: !Sub 'arn:aws:iam::\${AWS::AccountId}:policy/bootstrap-boundary'
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: app
      Cpu: '256'
      Memory: '512'
      NetworkMode: awsvpc
      RequiresCompatibilities: [FARGATE]
      ExecutionRoleArn: !GetAtt Role.Arn
      ContainerDefinitions:
        - Name: app
          Image: !Ref Image
          LogConfiguration:
            LogDriver: awslogs
            Options: { awslogs-group: !Ref Logs, awslogs-region: !Ref AWS::Region, awslogs-stream-prefix: app }
  Service:
    Type: AWS::ECS::Service
    Properties:
      ServiceName: app
      Cluster: !Ref Cluster
      TaskDefinition: !Ref Task
      DesiredCount: 1
      LaunchType: FARGATE
      NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-0a1b2c3d4e5f60718] } }
      DeploymentConfiguration: ${deployment}
`;
/** A task with a parameter as a secret, which its execution role may read only where `Reads` says so. */
const withSecret = template('{ DeploymentCircuitBreaker: { Enable: true, Rollback: true } }')
  .replace('Parameters:\n', "Parameters:\n  Reads: { Type: String, Default: 'false' }\n")
  .replace('Resources:\n', "Conditions: { Reads: !Equals [!Ref Reads, 'true'] }\nResources:\n")
  .replace(
    /(\n +)ManagedPolicyArns: .*/,
    `$&$1Policies: !If
        - Reads
        - - PolicyName: Parameters
            PolicyDocument:
              Version: '2012-10-17'
              Statement: [{ Effect: Allow, Action: 'ssm:GetParameters', Resource: '*' }]
        - !Ref AWS::NoValue`,
  )
  .replace('Image: !Ref Image\n', '$&          Secrets: [{ Name: TOKEN, ValueFrom: /apps/token }]\n');

const workspace = workspaceOf({
  'secret.yml': withSecret,
  'breaker.yml': template('{ DeploymentCircuitBreaker: { Enable: true, Rollback: true } }'),
  'endless.yml': template('{ MaximumPercent: 200 }'),
});

const failing = (image: string): Scenario => ({
  ecs: {
    rules: [{ match: { image }, does: 'exit', logs: ['Error: DB_HOST is not set', 'at connect (db.js:7)'] }],
  },
});

const CAUSE = 'The container app exited with code 1 right after it started';

test('the reason has the log of failed tasks even after the rollback has removed them', async () => {
  // Slow enough that the service still is there when a busy machine asks for its tasks.
  const sandbox = await start({ timeScale: 30, scenario: failing('app:1') });
  const run = await deployStack(
    sandbox,
    { template: 'breaker.yml', capabilities: 'CAPABILITY_IAM' },
    { workspace },
  );
  expect(run.outputs['verdict']).toBe('rolled-back');
  expect(run.outputs['reason']).toContain(`at Service (AWS::ECS::Service): ${CAUSE} (AWS: `);
  expect(run.outputs['reason']).toContain('The creation was rolled back.');
  expect(run.summary).toContain('Error: DB_HOST is not set');
  expect(run.log.indexOf(CAUSE)).toBeLessThan(run.log.indexOf('CREATE_FAILED'));
});

test('an update with failing tasks', async () => {
  // Slow enough that a busy machine asks before ECS has begun to take the update back.
  const sandbox = await start({ timeScale: 30, scenario: failing('app:2') });
  const inputs = { template: 'breaker.yml', capabilities: 'CAPABILITY_IAM' };
  const first = await deployStack(sandbox, inputs, { workspace });
  expect(first.outputs).toMatchObject({ verdict: 'created' });
  const next = { ...inputs, parameters: 'Image=registry.example.com/app:2' };
  const run = await deployStack(sandbox, next, { workspace });
  expect(run.outputs['verdict']).toBe('rolled-back');
  expect(run.outputs['reason']).toContain(CAUSE);
  expect(JSON.parse(run.outputs['result'] ?? '{}')).toMatchObject({
    rootCause: { type: 'AWS::ECS::Service', tasks: { cause: CAUSE, groups: [{ exitCode: 1 }] } },
  });
});

const NEXT = 'Image=registry.example.com/app:2';

test("without a circuit breaker, an update is cancelled at the threshold of ECS's own", async () => {
  const sandbox = await start({ timeScale: 100, scenario: failing('app:2') });
  const inputs = { template: 'endless.yml', capabilities: 'CAPABILITY_IAM', timeout: '280s' };
  expect((await deployStack(sandbox, inputs, { workspace })).outputs).toMatchObject({ verdict: 'created' });
  const run = await deployStack(sandbox, { ...inputs, parameters: NEXT }, { workspace });
  expect(run.outputs['verdict']).toBe('rolled-back');
  expect(run.outputs['reason']).toContain(`at Service (AWS::ECS::Service): ${CAUSE}`);
  expect(run.outputs['reason']).toContain('The update was rolled back');
  expect(run.log).toContain(`::warning title=Failing tasks of app::${CAUSE}.`);
  expect(run.log).toMatch(/Cancelled the update: app: \d+ tasks failed in a row and none became healthy\./);
  expect(run.summary).toContain('Error: DB_HOST is not set');
});

test('fail-fast: false waits for CloudFormation, and reports the cause immediately and at the timeout', async () => {
  const sandbox = await start({ timeScale: 100, scenario: failing('app:2') });
  const inputs = { template: 'endless.yml', capabilities: 'CAPABILITY_IAM', timeout: '280s' };
  await deployStack(sandbox, inputs, { workspace });
  const slow = { ...inputs, parameters: NEXT, timeout: '20s', 'fail-fast': 'false' };
  const run = await deployStack(sandbox, slow, { workspace });
  expect(run.outputs['verdict']).toBe('timed-out');
  expect(run.outputs['reason']).toContain(
    `It is waiting for tasks that fail at Service (AWS::ECS::Service): ${CAUSE}`,
  );
  expect(run.log).toContain(`::warning title=Failing tasks of app::${CAUSE}.`);
  expect(sandbox.calls.all.some(({ operation }) => operation === 'CancelUpdateStack')).toBe(false);
});

test('a new stack whose tasks cannot start is deleted with on-failure: delete, otherwise waits', async () => {
  const sandbox = await start({ timeScale: 100, scenario: failing('app:1') });
  const inputs = { template: 'endless.yml', capabilities: 'CAPABILITY_IAM', timeout: '280s' };
  const deleted = await deployStack(sandbox, { ...inputs, 'on-failure': 'delete' }, { workspace });
  expect(deleted.outputs['verdict']).toBe('rolled-back');
  expect(deleted.outputs['reason']).toContain(`at Service (AWS::ECS::Service): ${CAUSE}`);
  expect(deleted.outputs['reason']).toContain('The stack was deleted.');
  const kept = await deployStack(
    sandbox,
    { ...inputs, 'stack-name': 'other', timeout: '20s' },
    { workspace },
  );
  expect(kept.outputs['verdict']).toBe('timed-out');
  expect(kept.log).toContain('Delete the stack to stop it immediately.');
  expect(kept.outputs['reason']).toContain(
    `It is waiting for tasks that fail at Service (AWS::ECS::Service): ${CAUSE}`,
  );
});

test('reports the cause even if ECS has started to roll back before the first read', async () => {
  // So fast that the rollout is over when the service is asked for first.
  const sandbox = await start({ timeScale: 2000, scenario: failing('app:2') });
  const inputs = { template: 'breaker.yml', capabilities: 'CAPABILITY_IAM' };
  await deployStack(sandbox, inputs, { workspace });
  const run = await deployStack(sandbox, { ...inputs, parameters: NEXT }, { workspace });
  expect(run.outputs['verdict']).toBe('rolled-back');
  expect(run.outputs['reason']).toContain(CAUSE);
});

test('a role that may not read ECS can still deploy', async () => {
  const denied = { kind: 'status', status: 400, code: 'AccessDeniedException', probability: 1 } as const;
  const scenario: Scenario = { faults: [{ operation: 'DescribeServices', ...denied }] };
  const sandbox = await start({ timeScale: 20, scenario });
  const run = await deployStack(
    sandbox,
    { template: 'breaker.yml', capabilities: 'CAPABILITY_IAM' },
    { workspace },
  );
  expect(run.outputs['verdict']).toBe('created');
  expect(run.log).toContain('Cannot follow the tasks of app: ');
});

test('reports a parameter that the execution role may not read, and a missing one', async () => {
  const sandbox = await start({ timeScale: 30 });
  const inputs = { capabilities: 'CAPABILITY_IAM', timeout: '280s' };
  const denied = await deployStack(sandbox, { ...inputs, template: 'secret.yml' }, { workspace });
  const arn = 'arn:aws:ssm:eu-west-1:111111111111:parameter/apps/token';
  expect(denied.outputs['reason']).toContain(
    'The execution role has no permission to read a secret or parameter that the task needs',
  );
  expect(denied.log).toContain(`Grant ssm:GetParameters on ${arn} to the execution role`);
  expect(denied.log).toContain(`is not authorized to perform: ssm:GetParameters on resource: ${arn} because`);
  const allowed = { ...inputs, template: 'secret.yml', parameters: 'Reads=true' };
  const missing = await deployStack(sandbox, allowed, { workspace });
  expect(missing.outputs['reason']).toContain('A secret or parameter that the task needs does not exist');
  expect(missing.log).toContain('invalid ssm parameters: /apps/token');
});
