import { DescribeTaskDefinitionCommand, ListTaskDefinitionsCommand } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { EcsWorld, IMAGE } from '../../unit/sandbox/ecs/ecs-world.ts';
import { DEV, useWorkspaces } from '../../support/action.ts';
import { REPOSITORY } from '../../support/image.ts';
import { pushMultiPlatform } from '../../support/multi-platform.ts';
import { RegistrySession } from '../../support/registry.ts';
import { imageOf, NEXT, updateService } from '../../support/service.ts';
import { expectExample } from '../../support/error-example.ts';
import { expectResultExample } from '../../support/result-example.ts';

const workspaceOf = useWorkspaces();

async function revisions(world: EcsWorld): Promise<string[]> {
  const { taskDefinitionArns = [] } = await world.client.send(new ListTaskDefinitionsCommand({}));
  return taskDefinitionArns.map((arn) => arn.slice(arn.lastIndexOf('/') + 1));
}

async function definition(world: EcsWorld, revision: string) {
  const command = new DescribeTaskDefinitionCommand({ taskDefinition: revision });
  return (await world.client.send(command)).taskDefinition!;
}

test('rolls out a new image and verifies its digest', async () => {
  const world = await EcsWorld.withService();
  const run = await updateService(world, { image: NEXT });
  expect(run.outputs).toMatchObject({
    verdict: 'deployed',
    reason: 'user-service:2 serves with 2 tasks.',
    'task-definition': 'user-service:2',
    'previous-task-definition': 'user-service:1',
    digests: JSON.stringify({ app: NEXT.slice(NEXT.indexOf('sha256')) }),
    message: expect.stringMatching(
      /^✅ \*update-service: deployed\* user-service in dev-platform \(eu-west-1\) · user-service:2 serves with 2 tasks\. · <http\S+\/actions\/runs\/1001\|Run> · <https:\/\/eu-west-1\.console\.aws\.amazon\.com\/ecs\S+\|Service>$/,
    ),
  });
  expect(run.exitCode).toBe(0);
  await expectResultExample(run);
  expect(run.log).toContain(`~ app.image: ${IMAGE} → ${NEXT}`);
  expect(run.summary).toMatch(/^### ✅ user-service: deployed\n\nuser-service:2 serves with 2 tasks\./);
  expect(await revisions(world)).toHaveLength(2);
});

test('an image that is already deployed is unchanged, and nothing is registered', async () => {
  const world = await EcsWorld.withService();
  const run = await updateService(world, { image: IMAGE });
  expect(run.outputs).toMatchObject({
    verdict: 'unchanged',
    reason:
      'user-service:1 already serves with 2 tasks. Nothing was changed. To restart its tasks, for example after a secret rotation, use update-service with command: restart.',
  });
  expect(world.sandbox.calls.of('UpdateService')).toEqual([]);
  expect(await revisions(world)).toHaveLength(1);
});

test('a re-run follows the deployment that it has started', async () => {
  const slow = { match: { revision: 2 }, does: 'run' as const, pullSeconds: 6000 };
  const world = await EcsWorld.withService({ scenario: { ecs: { rules: [slow] } } });
  await world.deployNext();
  const run = await updateService(world, { image: NEXT });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', reason: 'user-service:2 serves with 2 tasks.' });
  expect(run.log).toContain('user-service:2 is already being deployed. Following that deployment.');
});

test('changes variables, secrets and sizes, and keeps empty values', async () => {
  const world = await EcsWorld.withService();
  const first = await updateService(world, {
    environment: 'MODE=fast\nEMPTY=\nURL=https://a.example/?b=c',
    secrets: 'DB_PASSWORD: arn:aws:secretsmanager:eu-west-1:111111111111:secret:db',
    cpu: '0.5 vCPU',
    memory: '1 GB',
    'desired-count': '3',
  });
  expect(first.outputs).toMatchObject({ verdict: 'deployed', reason: 'user-service:2 serves with 3 tasks.' });
  const now = await definition(world, 'user-service:2');
  expect(now).toMatchObject({ cpu: '512', memory: '1024' });
  expect(now.containerDefinitions?.[0]?.environment).toEqual([
    { name: 'MODE', value: 'fast' },
    { name: 'EMPTY', value: '' },
    { name: 'URL', value: 'https://a.example/?b=c' },
  ]);
  const second = await updateService(world, {
    environment: '{"MODE": "slow"}',
    'environment-mode': 'replace',
  });
  expect(second.outputs['verdict']).toBe('deployed');
  expect(second.log).toContain('- app.environment.EMPTY:');
  const after = await definition(world, 'user-service:3');
  expect(after.containerDefinitions?.[0]?.environment).toEqual([{ name: 'MODE', value: 'slow' }]);
  expect(after.containerDefinitions?.[0]?.secrets?.map(({ name }) => name)).toEqual(['TOKEN', 'DB_PASSWORD']);
});

test('changes containers by name', async () => {
  const world = await EcsWorld.withService();
  const containers = `
    app:
      image: ${NEXT}
      environment: { VERSION: 1.10 }
      command: [node, main.js]
      memory: 0.25 GB`;
  const run = await updateService(world, { containers });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:2' });
  expect((await definition(world, 'user-service:2')).containerDefinitions?.[0]).toMatchObject({
    image: NEXT,
    environment: [{ name: 'VERSION', value: '1.10' }],
    command: ['node', 'main.js'],
    memory: 256,
  });
  const old = await updateService(world, { environment: 'app.MODE=fast' });
  expect(old.outputs['reason']).toMatch(
    /^environment: .*, got "app\.MODE"\. Use containers: \{ app: \{ environment: \{ MODE: … \} \} \}/,
  );
  expect(await revisions(world)).toHaveLength(2);
});

test('deploys a task definition from a file, and a second run is unchanged', async () => {
  const world = await EcsWorld.withService();
  const { registeredAt, ...described } = await definition(world, 'user-service:1');
  const sizes = { cpu: '.25 vCPU', memory: '0.5 GB' };
  const file = JSON.stringify({
    taskDefinition: { ...described, ...sizes, registeredAt: registeredAt?.getTime() },
  });
  const workspace = workspaceOf({ 'task.json': file });
  const run = await updateService(world, { 'task-definition': 'task.json', image: NEXT }, { workspace });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:2' });
  expect(run.log).not.toContain('~ cpu');
  const again = await updateService(world, { 'task-definition': 'task.json', image: NEXT }, { workspace });
  expect(again.outputs['verdict']).toBe('unchanged');
  expect(readFileSync(`${workspace}/task.json`, 'utf8')).toBe(file);
});

test('starts from the newest revision of a family; without changes, deploys it as it is', async () => {
  const world = await EcsWorld.withService();
  await world.registerWith({ environment: [{ name: 'MODE', value: 'slow' }] });
  const family = { 'task-definition-family': 'user-service' };
  const without = await updateService(world, { image: NEXT });
  expect(without.log).toMatch(
    /^::warning title=user-service::user-service:2 is newer than user-service:1, .*not deployed: app\.environment\.MODE\. Fix: In update-service, set task-definition-family: user-service .*task-definition-arn: user-service:2/m,
  );
  expect(without.summary).toContain('user-service:2 is newer than user-service:1');
  await world.registerWith({ environment: [{ name: 'MODE', value: 'slow' }], image: NEXT });
  const alone = await updateService(world, family);
  expect(alone.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:4' });
  const run = await updateService(world, { ...family, image: imageOf('3') });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:5' });
  expect((await definition(world, 'user-service:5')).containerDefinitions?.[0]).toMatchObject({
    image: imageOf('3'),
    environment: [{ name: 'MODE', value: 'slow' }],
  });
  const unknown = await updateService(world, { 'task-definition-family': 'user-servce' });
  expect(unknown.outputs['reason']).toBe(
    'The family user-servce has no active task definition. Nothing was changed.',
  );
  expectExample('not-found', unknown);
});

test('an existing revision is deployed as it is', async () => {
  const world = await EcsWorld.withService();
  await updateService(world, { image: NEXT });
  const run = await updateService(world, { 'task-definition-arn': 'user-service:1' });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', 'task-definition': 'user-service:1' });
  expect(await revisions(world)).toHaveLength(2);
});

test('changes only the desired count without a new deployment', async () => {
  const world = await EcsWorld.withService();
  const run = await updateService(world, { 'desired-count': '4' });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', reason: 'user-service:1 serves with 4 tasks.' });
  expect(await world.tasks()).toHaveLength(4);
});

test('refuses a single-platform image for another CPU, and registers nothing', async () => {
  const world = await EcsWorld.withService();
  const session = await RegistrySession.open(world.sandbox, { imageTagMutability: 'IMMUTABLE' }, DEV);
  const [, arm64 = ''] = (await pushMultiPlatform(session, 'v1')).children;
  const image = `${DEV}.dkr.ecr.eu-west-1.amazonaws.com/${REPOSITORY}@${arm64}`;
  const run = await updateService(world, { image });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(
    /is built for arm64, but the tasks run on amd64\. Nothing was changed\. Fix: Build it for linux\/amd64 too/,
  );
  expect(await revisions(world)).toHaveLength(1);
});

test('without waiting, reports that nothing was proven', async () => {
  const world = await EcsWorld.withService();
  const run = await updateService(world, { image: NEXT, wait: 'false' });
  expect(run.outputs).toMatchObject({ verdict: 'deployed', digests: '{}' });
  expect(run.outputs['reason']).toContain('is not verified because wait is false');
});

test('deregisters old revisions, but never a running one', async () => {
  const world = await EcsWorld.withService();
  for (const digit of ['2', '3', '4']) await updateService(world, { image: imageOf(digit), wait: 'true' });
  const run = await updateService(world, { image: imageOf('5'), 'keep-revisions': '2' });
  expect(run.outputs['verdict']).toBe('deployed');
  expect((await revisions(world)).sort()).toEqual(['user-service:4', 'user-service:5']);
});
