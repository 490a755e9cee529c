import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import { expect, test } from '@jest/globals';
import { identityStore } from '../../../sandbox/iam/roles.ts';
import { DEV, STAGING, stsOf } from '../../unit/sandbox/clients.ts';
import { EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { NEXT, updateService } from '../../support/service.ts';
import { expectExample } from '../../support/error-example.ts';

test('names a missing cluster and suggests a similar one', async () => {
  const world = await EcsWorld.withService();
  const run = await updateService(world, { cluster: 'dev-platfrom', image: NEXT });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(
    /^There is no cluster dev-platfrom in eu-west-1 .*Did you mean dev-platform\?/,
  );
});

test('if credentials expire during the rollout, the reason states what continues and how to renew them', async () => {
  const slow = { does: 'run' as const, match: { image: NEXT }, bootSeconds: 2000 };
  const world = await EcsWorld.withService({ scenario: { ecs: { rules: [slow] } } });
  const run = await updateService(
    world,
    { image: NEXT },
    {
      onLine: (line) => {
        if (!line.includes(' started.')) return;
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
    /^ExpiredTokenException: The security token included in the request is expired.* The deployment of user-service:2 continues on AWS. Check the service before you deploy again\. Set the role in the action itself /,
  );
  expect(run.result).toMatchObject({ error: { code: 'credentials-expired' } });
  expectExample('credentials-expired', run);
});

test('a role is assumed with the credentials of another role if the job may not request a token', async () => {
  const world = await EcsWorld.withService();
  const [hub, spoke] = [`arn:aws:iam::${STAGING}:role/hub`, `arn:aws:iam::${DEV}:role/spoke`];
  const trust = (AWS: string) => ({
    Statement: [{ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS } }],
  });
  const roles = identityStore(world.sandbox.world);
  roles.putRole(hub, trust(`arn:aws:iam::${STAGING}:root`));
  roles.putRole(spoke, trust(hub));
  const { Credentials } = await stsOf(world.sandbox, STAGING).send(
    new AssumeRoleCommand({ RoleArn: hub, RoleSessionName: 'earlier-step' }),
  );
  const noToken = { ACTIONS_ID_TOKEN_REQUEST_URL: '', ACTIONS_ID_TOKEN_REQUEST_TOKEN: '' };
  const status = (role: string, credentials: Record<string, string>) =>
    updateService(
      world,
      { command: 'status', 'role-to-assume': role },
      { env: { ...noToken, AWS_EC2_METADATA_DISABLED: 'true', ...credentials } },
    );
  const ofHub = {
    AWS_ACCESS_KEY_ID: Credentials?.AccessKeyId ?? '',
    AWS_SECRET_ACCESS_KEY: Credentials?.SecretAccessKey ?? '',
    AWS_SESSION_TOKEN: Credentials?.SessionToken ?? '',
  };
  const chained = await status(spoke, ofHub);
  expect([chained.outputs['verdict'], chained.outputs['reason']]).toEqual([
    'reported',
    'user-service:1 serves with 2 of 2 tasks.',
  ]);
  roles.putRole(spoke, trust(`arn:aws:iam::${STAGING}:role/another`));
  const untrusted = await status(spoke, ofHub);
  expect(untrusted.result['error']).toMatchObject({
    code: 'access-denied',
    message: expect.stringContaining(
      `spoke could not be assumed with the credentials in the environment: "User: `,
    ),
    fix: expect.stringContaining('Allow sts:AssumeRole'),
  });
  const without = await status(spoke, { AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' });
  expect(without.result['error']).toMatchObject({ code: 'oidc-unavailable' });
  expect(without.outputs['reason']).toContain('id-token: write');
  expectExample('oidc-unavailable', without);
});

test('a missing secret is found before the first change; without permission to check there is a note', async () => {
  const secret = 'arn:aws:secretsmanager:eu-west-1:111111111111:secret:api-key';
  const world = await EcsWorld.withService({ scenario: { missing: [secret] } });
  const run = await updateService(world, { image: NEXT, secrets: `API_KEY: ${secret}` });
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toBe(
    `The secret ${secret}, referenced by API_KEY, does not exist. Nothing was changed. Fix: Create it, or correct valueFrom in the task definition.`,
  );
  const denied = { kind: 'error' as const, code: 'AccessDeniedException', status: 400, times: 99 };
  for (const operation of ['GetRole', 'DescribeSecret']) world.sandbox.addFault({ ...denied, operation });
  const blind = await updateService(world, { image: NEXT });
  expect(blind.outputs['verdict']).toBe('deployed');
  expect(blind.log).not.toMatch(/^::warning/m);
  expect(blind.summary).toContain("Allow iam:GetRole for the job's role.");
  expect(blind.summary).toContain("Allow secretsmanager:DescribeSecret for the job's role.");
});
