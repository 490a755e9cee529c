import { expect, test } from '@jest/globals';
import { ecsOf } from '../../../sandbox/ecs/model.ts';
import { DEV, ssmOf } from '../../unit/sandbox/clients.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { EcsWorld, IMAGE } from '../../unit/sandbox/ecs/ecs-world.ts';
import { imageOf, NEXT, updateService } from '../../support/service.ts';
import { DeleteParameterCommand, GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';

const PARAMETER = '/platform/dev/user-service/image';

const RECORD = '/platform/dev/user-service/release';
const DENIED = { kind: 'error' as const, code: 'AccessDeniedException', status: 400, times: 100 };

/** A release as recorded by an older version of this suite, or by a newer one with its revision. */
async function record(world: EcsWorld, image: string, taskDefinition?: string): Promise<void> {
  const commit = (/sha256:(.)/.exec(image)?.[1] ?? '').repeat(40);
  const release = {
    image,
    commit,
    run: '',
    actor: 'ada',
    at: new Date().toISOString(),
    from: '',
    taskDefinition,
  };
  for (const [Name, Value] of [
    [PARAMETER, image],
    [RECORD, JSON.stringify(release)],
  ] as const) {
    await ssmOf(world.sandbox).send(
      new PutParameterCommand({ Name, Value, Type: 'String', Overwrite: true }),
    );
  }
}

/** Deploys an image like another tool. */
async function deploy(world: EcsWorld, image: string): Promise<void> {
  await world.update({ taskDefinition: await world.registerWith({ image }) });
  await world.ended();
}

async function release(world: EcsWorld, image: string): Promise<void> {
  await deploy(world, image);
  await record(world, image);
}

async function ledger(world: EcsWorld, name = PARAMETER): Promise<string | undefined> {
  const command = new GetParameterCommand({ Name: name });
  return ssmOf(world.sandbox)
    .send(command)
    .then(({ Parameter }) => Parameter?.Value)
    .catch(() => undefined);
}

test('the ledger records good releases, and a rollback uses them', async () => {
  const world = await EcsWorld.withService();
  for (const image of [NEXT, imageOf('3')]) await updateService(world, { image, parameter: PARAMETER });
  expect(await ledger(world)).toBe(imageOf('3'));
  const release = JSON.parse((await ledger(world, '/platform/dev/user-service/release')) ?? '{}') as object;
  expect(release).toMatchObject({ image: imageOf('3'), commit: 'a'.repeat(40), actor: 'octocat' });

  const run = await updateService(world, { command: 'rollback', parameter: PARAMETER });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:2' });
  expect(await ledger(world)).toBe(NEXT);
});

test('steps and image select only good releases, and a refusal lists them', async () => {
  const world = await EcsWorld.withService();
  await record(world, IMAGE);
  for (const digit of ['2', '3', '4', '5']) await release(world, imageOf(digit));
  const back = (inputs: Record<string, string>) =>
    updateService(world, { command: 'rollback', parameter: PARAMETER, ...inputs });
  const changes = (): number => world.sandbox.calls.of('UpdateService').length;
  const before = changes();
  const digestOf = (digit: string): string => `sha256:${digit.repeat(64)}`;

  const tooFar = await back({ steps: '5' });
  expect([tooFar.outputs['verdict'], tooFar.outputs['reason']]).toEqual([
    'failed',
    expect.stringMatching(
      /^The history of user-service has only 4 good releases before the current one, but steps is 5\. Nothing was changed\. Fix: Choose one of sha256:4{64} \(commit 4{7}, .*\); sha256:3{64} .*; sha256:2{64} .*\.$/,
    ),
  ]);
  const never = await back({ image: digestOf('9') });
  expect(never.outputs['reason']).toMatch(
    /^No good release of user-service before the current one has the image sha256:9{64}\. Nothing was changed\. Fix: Choose one of sha256:4/,
  );
  for (const [inputs, reason] of [
    [{ steps: '0' }, /^steps: expected a whole number of at least 1.*, got "0"/],
    [{ image: 'web:v2' }, /^image: expected sha256:… or repository@sha256:….*, got "web:v2"/],
    [
      { steps: '2', image: imageOf('2') },
      /^steps: expected no value, because image already selects.*, got "2"/,
    ],
    [{ steps: '2', command: 'deploy' }, /^steps: expected no value without.*, got "2"/],
  ] as const) {
    expect((await back(inputs)).outputs['reason']).toMatch(reason);
  }
  expect(changes()).toBe(before);

  expect((await back({ steps: '2' })).outputs['verdict']).toBe('deployed');
  expect(await ledger(world)).toBe(imageOf('3'));
  // A skipped release is no longer a target of a rollback.
  expect((await back({ image: imageOf('4') })).outputs['verdict']).toBe('failed');
  expect((await back({ image: digestOf('2') })).outputs['verdict']).toBe('deployed');
  expect(await ledger(world)).toBe(imageOf('2'));
  const recorded = JSON.parse((await ledger(world, RECORD)) ?? '{}') as object;
  expect(recorded).toMatchObject({ commit: '2'.repeat(40), rolledBackFrom: imageOf('3') });
});

test('a second rollback goes further back, never forward to the bad image; a third has no target', async () => {
  const world = await EcsWorld.withService();
  await record(world, IMAGE);
  for (const digit of ['2', '3']) await release(world, imageOf(digit));
  const runs = [];
  for (let count = 0; count < 3; count++) {
    runs.push(await updateService(world, { command: 'rollback', parameter: PARAMETER }));
  }
  const verdicts = runs.map(({ outputs }) => [outputs['verdict'], outputs['task-definition']]);
  expect(verdicts).toEqual([
    ['deployed', 'user-service:2'],
    ['deployed', 'user-service:1'],
    ['failed', ''],
  ]);
  expect(runs[2]?.outputs['reason']).toMatch(
    /^The ledger \/platform\/dev\/user-service\/release has no good release before sha256:1111.*\. Nothing was changed\. Fix: Deploy the version/,
  );
  expect(await ledger(world)).toBe(IMAGE);
  const written = JSON.parse((await ledger(world, RECORD)) ?? '{}') as object;
  // The commit is that of the restored release, the run that of the rollback.
  expect(written).toMatchObject({
    commit: '1'.repeat(40),
    rolledBackFrom: imageOf('2'),
    taskDefinition: 'user-service:1',
    run: expect.stringMatching(/\/actions\/runs\/1001$/),
  });
});

test('a rollback changes nothing if the service was rolled back while it waited for the lock', async () => {
  const world = await EcsWorld.withService({ timeScale: 100 });
  await record(world, IMAGE);
  await release(world, NEXT);
  const lock = { Name: '/platform/dev/user-service/lock', Type: 'String' as const };
  const since = Date.now();
  const theirs = { who: 'ada', run: '', since, expires: since + 120_000, token: 'theirs' };
  const ssm = ssmOf(world.sandbox);
  await ssm.send(new PutParameterCommand({ ...lock, Value: JSON.stringify(theirs) }));
  let byHand: Promise<unknown> | undefined;
  const goBackByHand = async (): Promise<void> => {
    await release(world, IMAGE);
    await ssm.send(new DeleteParameterCommand({ Name: lock.Name }));
  };
  const onLine = (line: string): void => {
    if (line.includes('locked by ada')) byHand ??= goBackByHand();
  };
  const run = await updateService(world, { command: 'rollback', parameter: PARAMETER }, { onLine });
  await byHand;
  expect([run.exitCode, run.outputs['verdict']]).toEqual([1, 'superseded']);
  expect(run.outputs['reason']).toMatch(
    /changed while the rollback waited for its lock: it now runs user-service:3, and user-service:1 is not an earlier release\. Nothing was changed\./,
  );
  expect((await world.service()).taskDefinition).toMatch(/:3$/);
});

test('without a ledger, a rollback goes only to successful deployments', async () => {
  const never = imageOf('3');
  const rules = [{ does: 'exit' as const, match: { image: never } }];
  const breaker = { deploymentCircuitBreaker: { enable: true, rollback: true } };
  const world = await EcsWorld.withService(
    { scenario: { ecs: { rules } } },
    { deploymentConfiguration: breaker },
  );
  await deploy(world, imageOf('2'));
  await deploy(world, never);
  await deploy(world, imageOf('4'));
  // Registered for a migration that failed, and never deployed.
  await world.registerWith({ image: imageOf('5') });
  const targets = [];
  for (let count = 0; count < 3; count++) {
    const { outputs } = await updateService(world, { command: 'rollback' });
    targets.push([outputs['verdict'], outputs['task-definition'], outputs['reason']?.slice(0, 45)]);
  }
  expect(targets).toEqual([
    ['deployed', 'user-service:2', expect.anything()],
    ['deployed', 'user-service:1', expect.anything()],
    ['failed', '', 'ECS has no successful deployment of user-serv'],
  ]);
  const named = await updateService(world, { command: 'rollback', 'task-definition-arn': 'user-service:4' });
  expect(named.outputs).toMatchObject({
    verdict: 'deployed',
    'task-definition': 'user-service:4',
    'previous-task-definition': 'user-service:1',
  });
});

test("the first release of a ledger is rolled back to ECS's previous deployment", async () => {
  const world = await EcsWorld.withService();
  await updateService(world, { image: NEXT, parameter: PARAMETER });
  const run = await updateService(world, { command: 'rollback', parameter: PARAMETER });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
  expect(await ledger(world)).toBe(IMAGE);
  const written = JSON.parse((await ledger(world, RECORD)) ?? '{}') as object;
  expect(written).toMatchObject({ commit: '', rolledBackFrom: NEXT, taskDefinition: 'user-service:1' });
  const again = await updateService(world, { command: 'rollback', parameter: PARAMETER });
  expect(again.outputs['verdict']).toBe('failed');
});

test.each([
  [
    'is older than the 90 days that ECS keeps',
    'history',
    /has no successful deployment of user-service before user-service:2 in its 90-day history/,
  ],
  [
    'cannot be read',
    'denied',
    /^Cannot read .*AccessDenied.*Allow ecs:ListServiceDeployments and ecs:DescribeServiceRevisions, or run update-service with the task-definition-arn/,
  ],
])('without a ledger, refuses if the history %s', async (_, why, reason) => {
  const world = await EcsWorld.withService();
  await deploy(world, NEXT);
  const { sandbox } = world;
  const old = ecsOf(sandbox.world, DEV, 'eu-west-1').serviceDeployments.values().next().value;
  if (why === 'history') old!.createdAt = new Date(Date.now() - 91 * 24 * 60 * 60_000);
  else sandbox.addFault({ ...DENIED, operation: 'ListServiceDeployments' });
  const run = await updateService(world, { command: 'rollback' });
  expect(run.outputs).toMatchObject({ verdict: 'failed', reason: expect.stringMatching(reason) });
  expect((await world.service()).taskDefinition).toMatch(/:2$/);
});

test.each([
  ['another image', { image: NEXT }, {}],
  ['another configuration of the same image', { environment: 'MODE=broken' }, { image: IMAGE }],
])("after a kept failure of %s, it goes to the ledger's release", async (_, inputs, match) => {
  const rules = [{ does: 'exit' as const, match: { revision: 2, ...match } }];
  const deploymentConfiguration = { deploymentCircuitBreaker: { enable: true, rollback: false } };
  const world = await EcsWorld.withService({ scenario: { ecs: { rules } } }, { deploymentConfiguration });
  const parameter = PARAMETER;
  await updateService(world, { parameter });
  const kept = await updateService(world, { parameter, 'on-failure': 'keep', ...inputs });
  expect(kept.outputs['verdict']).toBe('failed');
  expect((await world.service()).taskDefinition).toMatch(/:2$/);
  const back = await updateService(world, { command: 'rollback', parameter });
  expect(back.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
  expect(await ledger(world)).toBe(IMAGE);
});

test('waits for a rollback by ECS and goes no further', async () => {
  const rules = [
    { does: 'exit' as const, match: { image: NEXT } },
    { does: 'run' as const, match: { revision: 1 }, bootSeconds: 20_000 },
  ];
  // The old tasks are stopped first, so they have to be started again.
  const deploymentConfiguration = {
    deploymentCircuitBreaker: { enable: true, rollback: true },
    minimumHealthyPercent: 0,
    maximumPercent: 100,
  };
  const world = await EcsWorld.withService({ scenario: { ecs: { rules } } }, { deploymentConfiguration });
  await record(world, imageOf('9'));
  await record(world, IMAGE, 'user-service:1');
  await world.deployNext();
  await world.when(({ status }) => status === 'ROLLBACK_IN_PROGRESS');
  const run = await updateService(world, { command: 'rollback', parameter: PARAMETER });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
  expect(run.log).toContain('user-service:1 is already being deployed.');
  expect(await ledger(world)).toBe(IMAGE);
});

test('stops the release in progress without waiting for it to complete', async () => {
  const rules = [{ does: 'run' as const, match: { image: NEXT }, bootSeconds: 120_000 }];
  const world = await EcsWorld.withService({ scenario: { ecs: { rules } } });
  await record(world, IMAGE, 'user-service:1');
  let back: Promise<Run> | undefined;
  const as = { env: { GITHUB_ACTOR: 'eve', GITHUB_RUN_ID: '2' } };
  const stopped = await updateService(
    world,
    { image: NEXT, parameter: PARAMETER, timeout: '280s' },
    {
      onLine: (line) => {
        if (line.startsWith('Tasks:'))
          back ??= updateService(world, { command: 'rollback', parameter: PARAMETER }, as);
      },
    },
  );
  expect(stopped.outputs['verdict']).toBe('cancelled');
  expect(stopped.outputs['reason']).toMatch(
    /^Cancelled by eve for a rollback \(\S*runs\/2\): user-service is being rolled back\. Requested a rollback to user-service:1/,
  );
  // ECS may have restored it before the rollback acquires the lock.
  const { outputs } = (await back)!;
  expect(outputs['verdict']).toMatch(/^(?:deployed|unchanged)$/);
  expect(outputs['task-definition']).toBe('user-service:1');
  expect(await ledger(world)).toBe(IMAGE);
});

test('keep-revisions keeps the revisions that a rollback needs', async () => {
  const world = await EcsWorld.withService();
  const parameter = PARAMETER;
  await updateService(world, { parameter });
  // They were registered, and their releases failed.
  for (const digit of ['5', '6', '7']) await world.registerWith({ image: imageOf(digit) });
  const run = await updateService(world, { image: NEXT, parameter, 'keep-revisions': '1' });
  expect(run.summary).toContain('Deregistered 3 old revisions.');
  const back = await updateService(world, { command: 'rollback', parameter });
  expect(back.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
});

test('without a ledger, keep-revisions keeps the last successful deployments', async () => {
  const world = await EcsWorld.withService();
  for (const digit of ['5', '6', '7']) await world.registerWith({ image: imageOf(digit) });
  const run = await updateService(world, { image: NEXT, 'keep-revisions': '1' });
  expect(run.summary).toContain('Deregistered 3 old revisions.');
  const back = await updateService(world, { command: 'rollback' });
  expect(back.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
});

test('after an unrecorded deployment, the ledger still has the good release', async () => {
  const world = await EcsWorld.withService();
  await updateService(world, { image: IMAGE, parameter: PARAMETER });
  expect(await ledger(world)).toBe(IMAGE);
  await updateService(world, { image: NEXT });
  const run = await updateService(world, { command: 'rollback', parameter: PARAMETER });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
});

test('a deployment that was rolled back is not written to the ledger', async () => {
  const ecs = { rules: [{ does: 'exit' as const, match: { image: NEXT } }] };
  const service = { deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } } };
  const world = await EcsWorld.withService({ scenario: { ecs } }, service);
  await updateService(world, { image: NEXT, parameter: PARAMETER });
  expect(await ledger(world)).toBeUndefined();
});

test('a deployment without waiting is recorded as not proven until a later run proves it', async () => {
  const world = await EcsWorld.withService();
  const run = await updateService(world, { image: NEXT, parameter: PARAMETER, wait: 'false' });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', reason: expect.stringContaining('not') });
  expect(await ledger(world)).toBe(NEXT);
  expect(JSON.parse((await ledger(world, RECORD)) ?? '{}')).toMatchObject({ image: NEXT, proven: false });
  await world.ended();
  const again = await updateService(world, { image: NEXT, parameter: PARAMETER });
  expect(again.outputs['verdict']).toBe('unchanged');
  expect(JSON.parse((await ledger(world, RECORD)) ?? '{}')).toMatchObject({ image: NEXT, proven: true });
});

test('a failed write to the ledger makes the run red, and the revision stays deployed', async () => {
  const world = await EcsWorld.withService();
  world.sandbox.addFault({
    kind: 'error',
    operation: 'PutParameter',
    code: 'AccessDeniedException',
    status: 400,
    times: 100,
  });
  const run = await updateService(world, { image: NEXT, parameter: PARAMETER });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(
    /^ECS accepted the new revision, but the ledger could not be written: AccessDenied.*keeps the new revision\.$/,
  );
  expect((await world.service()).taskDefinition).toMatch(/:2$/);
});
