import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
} from '@aws-sdk/client-ecs';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startSandbox, type Sandbox } from '../../../sandbox/index.ts';
import { type Run, runAction } from '../../../sandbox/runner.ts';
import { bootstrapped } from '../../../sandbox/scenario/bootstrapped.ts';
import { schedulesOf } from '../../../sandbox/scheduler/schedules.ts';
import { useWorkspaces } from '../../support/action.ts';
import { deployEnvironment } from '../../support/environment.ts';
import { LayoutWriter } from '../../support/oci.ts';
import { promoteEnvironment } from '../../support/promotion.ts';
import { arnOf, jobOf, sessionOf } from '../../support/roles.ts';
import { node24 } from '../../runtime/node24.js';
import { clientOf, ssmOf } from '../../unit/sandbox/clients.ts';

/** A worker, its queue and a scheduled task of its image: from the first deployment to a rollback. */

const ACCOUNTS = { dev: '111111111111', staging: '222222222222' } as const;
type Environment = keyof typeof ACCOUNTS;
const REGION = 'eu-west-1';
const newWorkspace = useWorkspaces();

const environmentLines = (name: Environment): string => `  ${name}:
    account: '${ACCOUNTS[name]}'
    role: ${arnOf(ACCOUNTS[name], `platform-${name}-deploy`)}
    plan-role: ${arnOf(ACCOUNTS[name], `platform-${name}-plan`)}
    execution-role: ${arnOf(ACCOUNTS[name], `platform-${name}-execution`)}
    parameters: [templates/environments/shared.json, templates/environments/${name}.json]`;

const manifest = (stacks = ''): string => `
project: platform
region: ${REGION}
environments:
${environmentLines('dev')}
${environmentLines('staging')}
    promote-from: dev
stacks:
  base: { template: base.yml }
  orders-queue: { template: templates/queue.yml, parameters: { QueueName: orders } }
  nightly:
    template: templates/scheduled-task.yml
    service: order-worker
    parameters: { Schedule: cron(0 3 * * ? *), Command: 'node,dist/report.js'${stacks} }
services:
  order-worker:
    path: services/order-worker
    parameters: { ReceivesFrom: orders, ServiceConnect: false, OfficeHoursOnly: false, Capacity: on-demand }
    build: { oci-layout: image }
`;

/** Only the values that the lower layers share. */
const SHARED: Record<string, [type: string, value: string]> = {
  'vpc/id': ['String', 'vpc-0aaaaaaaaaaaaaaaa'],
  'vpc/private-subnets': ['StringList', 'subnet-0aaaaaaaaaaaaaaa1,subnet-0aaaaaaaaaaaaaaa2'],
  'security/service-group': ['String', 'sg-0aaaaaaaaaaaaaaaa'],
  'security/service-token': [
    'String',
    'arn:aws:secretsmanager:eu-west-1:111111111111:secret:ServiceToken-abcdef',
  ],
  'security/data-key': [
    'String',
    'arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-0000-0000-000000000001',
  ],
  'security/operations-key': [
    'String',
    'arn:aws:kms:eu-west-1:111111111111:key/00000000-0000-0000-0000-000000000002',
  ],
  'database/endpoint': ['String', 'dev.cluster.example.com'],
  'database/secret': ['String', 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:rds!cluster-abcdef'],
  'database/resource-id': ['String', 'cluster-ABCDEF'],
  'cluster/listener': ['String', 'arn:aws:elasticloadbalancing:eu-west-1:111111111111:listener/app/none/1/1'],
  'cluster/load-balancer': ['String', 'app/none/1'],
  'cluster/alarm-topic': ['String', 'arn:aws:sns:eu-west-1:111111111111:alarms'],
};

const BASE = `
Parameters: { Project: { Type: String }, Environment: { Type: String } }
Resources:
  Images:
    Type: AWS::ECR::Repository
    Properties: { RepositoryName: !Sub '\${Project}/order-worker', ImageTagMutability: MUTABLE }
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: !Sub '\${Environment}-\${Project}' } }
  ClusterName:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/cluster/name', Type: String, Value: !Ref Cluster }
${Object.entries(SHARED)
  .map(
    ([name, [type, value]], index) => `  Shared${index}:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/\${Project}/\${Environment}/${name}', Type: ${type}, Value: '${value}' }`,
  )
  .join('\n')}
`;

const FILES = [
  'templates/fargate.yml',
  'templates/queue.yml',
  'templates/scheduled-task.yml',
  'templates/environments/shared.json',
  'templates/environments/dev.json',
  'templates/environments/staging.json',
];

/** Writes the image of a version. Layers of other versions may remain in the folder. Returns its digest. */
function writeImage(workspace: string, version: string): string {
  const image = new LayoutWriter(join(workspace, 'image')).image([version], 'arm64');
  writeFileSync(
    join(workspace, 'image', 'index.json'),
    JSON.stringify({ schemaVersion: 2, manifests: [image] }),
  );
  return image.digest;
}

class Platform {
  readonly sandbox: Sandbox;
  readonly workspace: string;
  #commit = '1'.repeat(40);

  constructor(sandbox: Sandbox, workspace: string) {
    this.sandbox = sandbox;
    this.workspace = workspace;
  }

  /** Runs a workflow's job on an environment, for the commit that was checked out last. */
  deploy(environment: Environment, inputs: Record<string, string> = {}): Promise<Run> {
    return deployEnvironment(
      this.sandbox,
      { environment, ...inputs },
      {
        workspace: this.workspace,
        env: { ...jobOf(this.sandbox, environment, inputs), GITHUB_SHA: this.#commit },
      },
    );
  }

  checkOut(version: string): void {
    writeImage(this.workspace, version);
    this.#commit = version.slice(1).repeat(40);
  }

  async recorded(environment: Environment): Promise<string> {
    const name = `/platform/${environment}/order-worker/image`;
    const { Parameter } = await ssmOf(this.sandbox, ACCOUNTS[environment]).send(
      new GetParameterCommand({ Name: name }),
    );
    return Parameter?.Value?.split('@')[1] ?? '';
  }

  async service(environment: Environment) {
    const command = new DescribeServicesCommand({
      cluster: `${environment}-platform`,
      services: ['order-worker'],
    });
    const { services = [] } = await this.#ecs(environment).send(command);
    return services[0];
  }

  async runs(environment: Environment): Promise<string> {
    return this.#imageOf(environment, (await this.service(environment))?.taskDefinition);
  }

  /** The image of the scheduled task, and its command. */
  async schedules(environment: Environment): Promise<string> {
    const ecs = this.#ecs(environment);
    const started = schedulesOf(this.sandbox.world, ACCOUNTS[environment], REGION).fire(
      `${environment}-platform-nightly`,
    );
    if (!('task' in started)) return JSON.stringify(started);
    const { tasks: [task] = [] } = await ecs.send(
      new DescribeTasksCommand({ cluster: `${environment}-platform`, tasks: [started.task] }),
    );
    return this.#imageOf(environment, task?.taskDefinitionArn);
  }

  /** Runs the latest revision of the scheduled task of dev once, in the network of the worker. */
  runNightly(): Promise<Run> {
    return runAction('update-service', {
      token: this.sandbox.tokens.installation,
      node: [node24()],
      workspace: this.workspace,
      inputs: {
        command: 'run',
        cluster: 'dev-platform',
        service: 'order-worker',
        'task-definition-family': 'dev-platform-nightly',
        container: 'nightly',
        run: 'node dist/report.js',
      },
      env: sessionOf(this.sandbox, arnOf(ACCOUNTS.dev, 'platform-dev-deploy')),
    });
  }

  #ecs(environment: Environment): ECSClient {
    return clientOf(this.sandbox, ECSClient, ACCOUNTS[environment]);
  }

  async #imageOf(environment: Environment, taskDefinition: string | undefined): Promise<string> {
    const found = await this.#ecs(environment).send(new DescribeTaskDefinitionCommand({ taskDefinition }));
    return found.taskDefinition?.containerDefinitions?.[0]?.image?.split('@')[1] ?? '';
  }
}

const parts = (run: Run): Record<string, string> =>
  Object.fromEntries(
    ((run.result['parts'] ?? []) as { name: string; verdict: string }[]).map(({ name, verdict }) => [
      name,
      verdict,
    ]),
  );

describe('a worker and a scheduled task of its image', () => {
  let platform: Platform;
  const digests: Record<string, string> = {};
  beforeAll(async () => {
    const files = Object.fromEntries(FILES.map((file) => [file, readFileSync(file, 'utf8')]));
    const workspace = newWorkspace({ ...files, 'platform.yml': manifest(), 'base.yml': BASE });
    for (const version of ['v1', 'v2', 'v3', 'v4']) digests[version] = writeImage(workspace, version);
    const rules = [
      { does: 'exit' as const, exitCode: 1, match: { image: digests['v3'] ?? '' } },
      {
        does: 'exit' as const,
        exitCode: 0,
        after: 1,
        match: { family: 'dev-platform-nightly', image: digests['v2'] ?? '' },
      },
      {
        does: 'exit' as const,
        exitCode: 3,
        after: 1,
        match: { family: 'dev-platform-nightly', image: digests['v4'] ?? '' },
      },
    ];
    const sandbox = await startSandbox({
      timeScale: 200,
      accounts: Object.values(ACCOUNTS),
      scenario: { ecs: { rules }, stacks: bootstrapped({ environments: ACCOUNTS }) },
    });
    platform = new Platform(sandbox, workspace);
  });
  afterAll(() => platform.sandbox.close());

  test('the first deployment creates the queue, then the worker, then the scheduled task', async () => {
    platform.checkOut('v1');
    const run = await platform.deploy('dev');
    expect(run.log).toContain('deploy-environment: deployed');
    expect(parts(run)).toMatchObject({
      'orders-queue': 'created',
      'order-worker': 'created',
      nightly: 'created',
    });
    const service = await platform.service('dev');
    expect(service).toMatchObject({ loadBalancers: [], runningCount: 1 });
    expect(await platform.recorded('dev')).toBe(digests['v1']);
    expect(await platform.schedules('dev')).toBe(digests['v1']);
  });

  test('an update deploys the new image to both; repeating it changes nothing', async () => {
    platform.checkOut('v2');
    const run = await platform.deploy('dev');
    expect(parts(run)).toMatchObject({ 'order-worker': 'deployed', nightly: 'updated' });
    expect([await platform.runs('dev'), await platform.schedules('dev')]).toEqual([
      digests['v2'],
      digests['v2'],
    ]);
    // The stack of the worker adopts the image of the release.
    expect(parts(await platform.deploy('dev'))).toMatchObject({ nightly: 'unchanged' });
    expect((await platform.deploy('dev')).outputs['verdict']).toBe('unchanged');
  });

  test('a worker whose tasks exit with 1 is rolled back, and the schedule keeps the previous image', async () => {
    platform.checkOut('v3');
    const run = await platform.deploy('dev');
    expect(run.exitCode).toBe(1);
    expect(parts(run)).toMatchObject({ 'order-worker': 'rolled-back', nightly: 'not begun' });
    expect(run.outputs['reason']).toContain('exited with code 1');
    expect(await platform.recorded('dev')).toBe(digests['v2']);
    expect([await platform.runs('dev'), await platform.schedules('dev')]).toEqual([
      digests['v2'],
      digests['v2'],
    ]);
  });

  test('a run of the scheduled task is proven by its exit code', async () => {
    const run = await platform.runNightly();
    expect([run.exitCode, run.outputs['exit-code']]).toEqual([0, '0']);
  });

  test('staging starts with the images running in dev', async () => {
    const run = await platform.deploy('staging');
    expect(run.log).toContain('deploy-environment: deployed');
    expect([await platform.runs('staging'), await platform.schedules('staging')]).toEqual([
      digests['v2'],
      digests['v2'],
    ]);
  });

  test('an approved plan deploys the image that is released with it', async () => {
    platform.checkOut('v4');
    const planned = await platform.deploy('dev', { command: 'plan' });
    expect(planned.outputs['verdict']).toBe('planned');
    const { plan = '', fingerprint = '' } = planned.outputs;
    const applied = await platform.deploy('dev', { command: 'apply', plan, fingerprint });
    expect(parts(applied)).toMatchObject({ 'order-worker': 'deployed', nightly: 'updated' });
    expect([await platform.runs('dev'), await platform.schedules('dev')]).toEqual([
      digests['v4'],
      digests['v4'],
    ]);
  });

  test('a failed run is red', async () => {
    const run = await platform.runNightly();
    expect([run.exitCode, run.outputs['exit-code']]).toEqual([1, '3']);
  });

  test('a promotion and a rollback change the worker; the schedule changes when its stack is deployed', async () => {
    const { sandbox, workspace } = platform;
    const promoted = await promoteEnvironment({ sandbox }, workspace, { from: 'dev' });
    expect(promoted.outputs['verdict']).toBe('promoted');
    expect([await platform.runs('staging'), await platform.schedules('staging')]).toEqual([
      digests['v4'],
      digests['v2'],
    ]);
    const followed = await platform.deploy('staging', { stacks: 'nightly' });
    expect(parts(followed)).toEqual({ nightly: 'updated' });
    expect(await platform.schedules('staging')).toBe(digests['v4']);

    const back = await promoteEnvironment({ sandbox }, workspace, {
      command: 'rollback',
      reason: 'It is slow',
    });
    expect(back.outputs['verdict']).toBe('restored');
    await platform.deploy('staging', { stacks: 'nightly' });
    expect([await platform.runs('staging'), await platform.schedules('staging')]).toEqual([
      digests['v2'],
      digests['v2'],
    ]);
  });

  test.each([
    ['status', 'order-worker'],
    ['doctor', '4 stacks checked, nothing missing'],
  ])('%s says: %s', async (command, text) => {
    const run = await platform.deploy('dev', { command });
    expect(run.log).not.toMatch(/undefined|TypeError/);
    expect(run.summary).toContain(text);
  });

  test('a disabled schedule starts nothing', async () => {
    writeFileSync(join(platform.workspace, 'platform.yml'), manifest(', ScheduleEnabled: false'));
    await platform.deploy('dev', { stacks: 'nightly' });
    expect(await platform.schedules('dev')).toBe('{"disabled":true}');
  });
});
