import { expect, test } from '@jest/globals';
import { EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { NEXT, updateService } from '../../support/service.ts';

test('a cluster that does not exist is named, with the one that was meant', async () => {
  const world = await EcsWorld.withService();
  const run = await updateService(world, { cluster: 'dev-platfrom', image: NEXT });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(
    /^There is no cluster dev-platfrom in eu-west-1 .*Did you mean dev-platform\?/,
  );
});

test('credentials that expire during the rollout: the reason says what goes on, and how to renew them', async () => {
  const slow = { does: 'run' as const, match: { image: NEXT }, bootSeconds: 2000 };
  const world = await EcsWorld.withService({ scenario: { ecs: { rules: [slow] } } });
  const run = await updateService(
    world,
    { image: NEXT },
    {
      onLine: (line) => {
        if (!line.includes('has begun')) return;
        world.sandbox.addFault({
          kind: 'error',
          code: 'ExpiredTokenException',
          message: 'The security token included in the request is expired',
          status: 400,
          times: 999,
        });
      },
    },
  );
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(
    /^ExpiredTokenException: The security token included in the request is expired.* The deployment of user-service:2 goes on at AWS: look at the service before you deploy again\. Use the input role-to-assume: /,
  );
  expect(run.result).toMatchObject({ error: { code: 'credentials-expired' } });
});

test('a secret that does not exist is found before anything is changed; without the right to look it is a note', async () => {
  const secret = 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:api-key';
  const world = await EcsWorld.withService({ scenario: { missing: [secret] } });
  const run = await updateService(world, { image: NEXT, secrets: `API_KEY: ${secret}` });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toBe(
    `The secret ${secret}, which API_KEY takes its value from, does not exist. Create it, or correct valueFrom in the task definition. Nothing was changed.`,
  );
  const denied = { kind: 'error' as const, code: 'AccessDeniedException', status: 400, times: 99 };
  for (const operation of ['GetRole', 'DescribeSecret']) world.sandbox.addFault({ ...denied, operation });
  const blind = await updateService(world, { image: NEXT });
  expect(blind.outputs['verdict']).toBe('deployed');
  expect(blind.log).not.toMatch(/^::warning/m);
  expect(blind.summary).toContain('Allow iam:GetRole to the role of the job.');
  expect(blind.summary).toContain('Allow secretsmanager:DescribeSecret to the role of the job.');
});
