import { DescribeTasksCommand, ListTaskDefinitionsCommand } from '@aws-sdk/client-ecs';
import { describe, expect, test } from '@jest/globals';
import { CLUSTER, EcsWorld, IMAGE, SERVICE } from '../../unit/sandbox/ecs/ecs-world.ts';
import { useWorkspaces } from '../../support/action.ts';
import { NEXT, updateService } from '../../support/service.ts';
import { expectExample } from '../../support/error-example.ts';

const RUN = { command: 'run', run: 'bin/migrate up "to 5"' };
const ALONE = { service: '', 'task-definition-family': SERVICE, subnets: 'subnet-7' };
const ONE_OFF = { oneOff: true };
const LOGS = {
  logDriver: 'awslogs' as const,
  options: { 'awslogs-group': '/services', 'awslogs-region': 'eu-west-1', 'awslogs-stream-prefix': 'ecs' },
};
const workspaceOf = useWorkspaces();

function worldOf(rule?: object): Promise<EcsWorld> {
  const rules = rule ? [{ does: 'exit' as const, match: ONE_OFF, ...rule }] : [];
  return EcsWorld.withService({ scenario: { ecs: { rules } } });
}

/** The input of RunTask, without the values that make a call unique. */
function asked(world: EcsWorld): object {
  const [call] = world.sandbox.calls.of('RunTask');
  const { clientToken: _token, startedBy: _by, ...input } = call!.input as Record<string, unknown>;
  return input;
}

async function revisions(world: EcsWorld): Promise<number> {
  const { taskDefinitionArns = [] } = await world.client.send(new ListTaskDefinitionsCommand({}));
  return taskDefinitionArns.length;
}

describe('a command as a one-off task', () => {
  test('runs with the network and task definition of the service, and reports its log and exit code', async () => {
    const world = await worldOf({ exitCode: 0, logs: ['4 rows'] });
    const run = await updateService(world, RUN);
    expect(run.outputs).toMatchObject({
      verdict: 'ran',
      reason: 'bin/migrate up to 5 exited with code 0.',
      'exit-code': '0',
      'task-definition': 'user-service:1',
    });
    expect(run.exitCode).toBe(0);
    expect(run.log).toContain('  4 rows');
    expect(asked(world)).toEqual({
      cluster: CLUSTER,
      count: 1,
      taskDefinition: run.outputs['task-definition-arn'],
      launchType: 'FARGATE',
      platformVersion: '1.4.0',
      networkConfiguration: { awsvpcConfiguration: { subnets: ['subnet-1', 'subnet-2'] } },
      overrides: { containerOverrides: [{ name: 'app', command: ['bin/migrate', 'up', 'to 5'] }] },
    });
    const tasks = [run.outputs['task']!];
    const found = await world.client.send(new DescribeTasksCommand({ cluster: CLUSTER, tasks }));
    expect(found.tasks).toHaveLength(1);
    expect(run.summary).toMatch(
      /### Command\n\n`bin\/migrate up to 5`: exit code 0, after .*, task `[0-9a-f]{32}`/,
    );
    expect(world.sandbox.calls.of('UpdateService')).toEqual([]);
  });

  test('runs another image and variables with a new revision, without changing the service', async () => {
    const world = await worldOf();
    const run = await updateService(world, { ...RUN, image: NEXT, environment: 'MODE=fast' });
    expect(run.outputs).toMatchObject({ verdict: 'ran', 'task-definition': 'user-service:2' });
    expect((await world.service()).taskDefinition).toMatch(/user-service:1$/);
    // The next deployment prints no warning about it.
    const next = await updateService(world, { image: IMAGE });
    expect(next.outputs['verdict']).toBe('unchanged');
    expect(next.log).not.toMatch(/^::warning/m);
  });

  test('without a service, runs the newest revision of a family', async () => {
    const world = await worldOf();
    const run = await updateService(world, {
      ...RUN,
      ...ALONE,
      'security-groups': 'sg-1, sg-2',
      'assign-public-ip': 'true',
    });
    expect(run.outputs).toMatchObject({ verdict: 'ran', 'task-definition': 'user-service:1' });
    expect(asked(world)).toMatchObject({
      launchType: 'FARGATE',
      networkConfiguration: {
        awsvpcConfiguration: {
          subnets: ['subnet-7'],
          securityGroups: ['sg-1', 'sg-2'],
          assignPublicIp: 'ENABLED',
        },
      },
    });
    expect(world.sandbox.calls.of('DescribeServices').length).toBeLessThanOrEqual(10);
  });

  test('a failed task is red, with its exit code, log and cause', async () => {
    const world = await worldOf({ exitCode: 3, logs: ['relation orders exists'] });
    const run = await updateService(world, RUN);
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({
      verdict: 'run-failed',
      reason: 'The command bin/migrate up to 5 failed: The container app exited with code 3.',
      'exit-code': '3',
    });
    expect(run.log).toMatch(
      /^::error title=Root cause%3A command of user-service::.*relation orders exists/m,
    );
    expect(run.summary).toContain('### Root cause of the failed command');
  });

  test('an essential sidecar that stops first fails it, and container selects the one to run in', async () => {
    const world = await worldOf({ container: 'proxy', exitCode: 1, logs: ['no route'] });
    await world.register({
      containerDefinitions: [
        { name: 'web', image: IMAGE, logConfiguration: LOGS },
        { name: 'proxy', image: IMAGE, logConfiguration: LOGS },
      ],
    });
    const unnamed = await updateService(world, { ...RUN, ...ALONE });
    expect(unnamed.outputs['reason']).toMatch(
      /^run: expected the name of the main container in container, because .* has the containers web, proxy/,
    );
    const run = await updateService(world, { ...RUN, ...ALONE, container: 'web' });
    expect(run.outputs['verdict']).toBe('run-failed');
    expect(run.outputs['reason']).toContain('It exited before web did.');
  });

  test('at its timeout the task is stopped', async () => {
    const world = await worldOf({ does: 'run', after: 100_000 });
    const run = await updateService(world, { ...RUN, timeout: '12s' });
    expect(run.outputs['verdict']).toBe('timed-out');
    expect(run.outputs['reason']).toMatch(
      /^The command bin\/migrate up to 5 did not finish .* Stopped its task [0-9a-f]{32}\.$/,
    );
    expectExample('timed-out', run);
    expect(world.sandbox.calls.of('StopTask')).toHaveLength(1);
  });

  test('if the job is cancelled, the task is stopped', async () => {
    const world = await worldOf({ does: 'run', after: 100_000 });
    const run = await updateService(world, RUN, {
      onLine: (line, child) => {
        if (line.startsWith('Started task')) child.kill('SIGTERM');
      },
    });
    expect(run.outputs['verdict']).toBe('cancelled');
    expect(run.outputs['reason']).toMatch(/^Cancelled by SIGTERM\. Stopped its task [0-9a-f]{32}\.$/);
    expectExample('cancelled', run);
    expect(world.sandbox.calls.of('StopTask')).toHaveLength(1);
  });

  test("quotes ECS's refusal without mentioning a service", async () => {
    const world = await worldOf();
    const denied = {
      code: 'AccessDeniedException',
      message: 'not authorized to perform: ecs:RunTask',
      status: 400,
    };
    world.sandbox.addFault({ operation: 'RunTask', kind: 'error', ...denied });
    const run = await updateService(world, { ...RUN, ...ALONE });
    expect(run.outputs['verdict']).toBe('failed');
    expect(run.outputs['reason']).toMatch(/ecs:RunTask.*\. Its task was not started\.$/);
    expectExample('access-denied', run);
  });

  test('on EC2 with bridge networking, refuses a network input before the first change', async () => {
    const world = await EcsWorld.withService({ scenario: { ecs: { instances: [{ memory: 1024 }] } } });
    await world.register({
      family: 'job',
      networkMode: 'bridge',
      requiresCompatibilities: ['EC2'],
      cpu: undefined,
      containerDefinitions: [{ name: 'job', image: IMAGE, memory: 256 }],
    });
    const job = { ...RUN, service: '', 'task-definition-family': 'job', 'launch-type': 'EC2' };
    const refused = await updateService(world, { ...job, subnets: 'subnet-1', image: NEXT });
    expect(refused.outputs['reason']).toBe(
      'subnets: expected no value, because job has the network mode bridge, got "subnet-1". Its tasks do not have their own network. Nothing was changed.',
    );
    const run = await updateService(world, job);
    expect(run.outputs).toMatchObject({ verdict: 'ran', 'task-definition': 'job:1' });
    expect(Object.keys(asked(world))).not.toContain('networkConfiguration');
  });

  test('that no instance has memory for is not started, and ECS is quoted', async () => {
    const world = await EcsWorld.withService({ scenario: { ecs: { instances: [{ memory: 1024 }] } } });
    await world.register({
      family: 'job',
      networkMode: 'bridge',
      requiresCompatibilities: ['EC2'],
      cpu: undefined,
      memory: '2048',
      containerDefinitions: [{ name: 'job', image: IMAGE }],
    });
    const job = { ...RUN, service: '', 'task-definition-family': 'job', 'launch-type': 'EC2' };
    const run = await updateService(world, job);
    expect(run.outputs['verdict']).toBe('run-failed');
    expectExample('task-not-placed', run);
  });

  test('does not acquire a lock', async () => {
    const world = await worldOf();
    await updateService(world, RUN);
    expect(world.sandbox.calls.of('PutParameter')).toEqual([]);
  });
});

describe('register', () => {
  test('only registers a revision, which can be deployed by its ARN', async () => {
    const world = await worldOf();
    const run = await updateService(world, { command: 'register', image: NEXT });
    expect(run.outputs).toMatchObject({
      verdict: 'registered',
      reason: 'Registered user-service:2. No service was changed.',
      'task-definition': 'user-service:2',
    });
    expect(world.sandbox.calls.of('UpdateService')).toEqual([]);
    const again = await updateService(world, { command: 'register', image: IMAGE });
    expect(again.outputs).toMatchObject({
      verdict: 'unchanged',
      reason: 'user-service:1 already has the same content. Nothing was registered.',
    });
    expect(await revisions(world)).toBe(2);
    const arn = run.outputs['task-definition-arn']!;
    const deployed = await updateService(world, { 'task-definition-arn': arn });
    expect(deployed.outputs).toMatchObject({ verdict: 'deployed', 'task-definition-arn': arn });
  });

  test('from a file, without a cluster and a service', async () => {
    const world = await worldOf();
    const definition = {
      family: 'job',
      networkMode: 'awsvpc',
      requiresCompatibilities: ['FARGATE'],
      cpu: '256',
      memory: '512',
      containerDefinitions: [{ name: 'job', image: IMAGE }],
    };
    const workspace = workspaceOf({ 'job.json': JSON.stringify(definition) });
    const inputs = {
      command: 'register',
      cluster: '',
      service: '',
      'task-definition': 'job.json',
      image: NEXT,
    };
    const run = await updateService(world, inputs, { workspace });
    expect(run.outputs).toMatchObject({ verdict: 'registered', 'task-definition': 'job:1' });
    expect(run.summary).toMatch(/^### ✅ job: registered/);
  });

  const PLACEHOLDERS = `{
  "family": "job",
  "networkMode": "awsvpc",
  "requiresCompatibilities": ["FARGATE"],
  "cpu": "256",
  "memory": "512",
  "containerDefinitions": [
    { "name": "job", "image": "<IMAGE1_NAME>" },
    { "name": "log", "essential": false,
      "image": "<IMAGE2_NAME>" }
  ]
}`;
  const FROM_FILE = { command: 'register', cluster: '', service: '', 'task-definition': 'job.json' };

  test('refuses a placeholder in a file without an image, with its line', async () => {
    const world = await worldOf();
    const workspace = workspaceOf({ 'job.json': PLACEHOLDERS });
    const run = await updateService(world, { ...FROM_FILE, container: 'job', image: NEXT }, { workspace });
    expect(run.outputs['reason']).toMatch(
      /^task-definition: expected an image such as \S+ or \S+, got "<IMAGE2_NAME>" \(job\.json:10\)\. Replace the placeholder <IMAGE2_NAME>/,
    );
    expect(run.log).toMatch(
      /::error title=update-service%3A failed,file=job\.json,line=10::task-definition: /,
    );
    expect(world.sandbox.calls.of('RegisterTaskDefinition').length).toBe(1);
  });

  test('replaces placeholders in a file with the given images', async () => {
    const world = await worldOf();
    const workspace = workspaceOf({ 'job.json': PLACEHOLDERS });
    const run = await updateService(
      world,
      { ...FROM_FILE, images: `job=${NEXT}\nlog=${IMAGE}` },
      { workspace },
    );
    expect(run.outputs).toMatchObject({ verdict: 'registered', 'task-definition': 'job:1' });
  });
});
