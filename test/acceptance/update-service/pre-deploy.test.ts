import { expect, test } from '@jest/globals';
import { EcsWorld, IMAGE } from '../../unit/sandbox/ecs/ecs-world.ts';
import { NEXT, updateService } from '../../support/service.ts';

const COMMAND = { 'pre-deploy': 'node migrate.js' };
const ONE_OFF = { oneOff: true };

/** A service whose tasks have an essential sidecar in addition to the container that the command runs in. */
async function worldWithSidecar(rule: object): Promise<EcsWorld> {
  const world = await EcsWorld.start({
    scenario: { ecs: { rules: [{ does: 'exit', match: ONE_OFF, ...rule }] } },
  });
  const logConfiguration = {
    logDriver: 'awslogs' as const,
    options: { 'awslogs-group': '/services', 'awslogs-region': 'eu-west-1', 'awslogs-stream-prefix': 'ecs' },
  };
  const taskDefinition = await world.register({
    containerDefinitions: [
      { name: 'app', image: IMAGE, portMappings: [{ containerPort: 3000 }], logConfiguration },
      { name: 'proxy', image: 'registry.example.com/proxy:1', essential: true, logConfiguration },
    ],
  });
  await world.create({ taskDefinition });
  await world.settled();
  return world;
}

function annotationOf(log: string): string {
  return log.split('\n').find((line) => line.startsWith('::error title=Root cause')) ?? '';
}

test('a secret that cannot be read is named in the reason and the annotation', async () => {
  const rules = [{ does: 'cannot-read-secrets' as const, match: ONE_OFF }];
  const world = await EcsWorld.withService({ scenario: { ecs: { rules } } });
  const run = await updateService(world, { image: NEXT, ...COMMAND });
  expect(run.outputs['verdict']).toBe('pre-deploy-failed');
  const quote =
    /AWS reported: "ResourceInitializationError: .*secret arn:aws:secretsmanager:eu-west-1:111111111111:secret:token/;
  expect(run.outputs['reason']).toMatch(/^The pre-deploy command node migrate\.js failed: /);
  expect(run.outputs['reason']).toMatch(quote);
  expect(run.outputs['reason']).toMatch(/The service was not changed\.$/);
  expect(annotationOf(run.log)).toMatch(/^::error title=Root cause%3A pre-deploy command of user-service/);
  expect(annotationOf(run.log)).toMatch(quote);
  expect(world.sandbox.calls.of('UpdateService')).toEqual([]);
});

test('a failed essential sidecar is a failure, whatever the exit code of the command', async () => {
  const world = await worldWithSidecar({
    container: 'proxy',
    exitCode: 1,
    logs: ['no route to the database'],
  });
  const run = await updateService(world, { images: `app=${NEXT}`, ...COMMAND });
  expect(run.outputs['verdict']).toBe('pre-deploy-failed');
  expect(run.outputs['reason']).toMatch(
    /The container proxy exited with code 1\. It exited before app did\./,
  );
  expect(annotationOf(run.log)).toContain('no route to the database');
  expect(world.sandbox.calls.of('UpdateService')).toEqual([]);
});

test('the log of a failed command is shown once', async () => {
  const rule = { does: 'exit' as const, match: ONE_OFF, exitCode: 3, logs: ['relation orders exists'] };
  const world = await EcsWorld.withService({ scenario: { ecs: { rules: [rule] } } });
  const run = await updateService(world, { image: NEXT, ...COMMAND });
  expect(run.outputs['reason']).toMatch(/failed: The container app exited with code 3\. The service/);
  expect(run.summary.split('relation orders exists')).toHaveLength(2);
  expect(run.summary).toContain('### Root cause of the failed pre-deploy command');
  expect(run.log.split('\n').filter((line) => line.trim() === 'relation orders exists')).toHaveLength(1);
});

test('for an unchanged service, the command does not run and a note reports it; with always it runs', async () => {
  const world = await EcsWorld.withService();
  const skipped = await updateService(world, { image: IMAGE, ...COMMAND });
  expect(skipped.outputs['verdict']).toBe('unchanged');
  const note =
    'Skipped the pre-deploy command node migrate.js because the service does not change. Set pre-deploy-when: always to run it every time.';
  expect(skipped.log.split('\n')).toContain(note);
  expect(skipped.summary).toContain(`- ${note}`);
  expect(world.sandbox.calls.of('RunTask')).toEqual([]);
  const ran = await updateService(world, { image: IMAGE, ...COMMAND, 'pre-deploy-when': 'always' });
  expect(ran.outputs['verdict']).toBe('unchanged');
  expect(ran.log).toContain('node migrate.js succeeded.');
  expect(world.sandbox.calls.of('RunTask')).toHaveLength(1);
});
