import { describe, expect, test } from '@jest/globals';
import { DescribeImagesCommand } from '@aws-sdk/client-ecr';
import { UpdateServiceCommand } from '@aws-sdk/client-ecs';
import type { Run } from '../../../sandbox/runner.ts';
import type { PromotionWorld as World } from '../../support/promotion.ts';
import { useWorkspaces } from '../../support/action.ts';
import { sha256 } from '../../support/oci.ts';
import { ACCOUNTS, PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';
import { expectExample } from '../../support/error-example.ts';

const workspaceOf = useWorkspaces();
const CHANGING =
  /^(?:Update|Create|Register|Deregister|Set|Upload|Initiate|Complete|Start|Stop|Run|Patch|PutImage|PutManifest)/;

/** Promotes, and checks that only the lock was written. */
async function promote(world: World, inputs: Record<string, string> = {}, more = {}): Promise<Run> {
  const workspace = workspaceOf({ 'platform.yml': world.manifest(more) });
  const from = world.sandbox.calls.all.length;
  const run = await promoteEnvironment(world, workspace, inputs);
  const changed = world.sandbox.calls.all.slice(from).filter(({ operation }) => CHANGING.test(operation));
  if (run.exitCode !== 0) expect(changed.map(({ operation }) => operation)).toEqual([]);
  return run;
}

describe('the origin', () => {
  test('must run the approved digest; this cannot be bypassed', async () => {
    const world = await PromotionWorld.start();
    const images = JSON.stringify({ 'user-service': sha256('another') });
    const run = await promote(world, { images, 'bypass-reason': 'INC-1' });
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.outputs['reason']).toMatch(
      /^sha256:\w{12} does not run in dev: user-service runs sha256:\w{12} there\. Nothing was changed\. Fix: Plan again/,
    );
  });

  test('must run tasks: a service scaled to zero is not proven', async () => {
    const world = await PromotionWorld.start();
    const client = world.ecs('dev');
    await client.send(
      new UpdateServiceCommand({ cluster: 'dev-shop', service: 'user-service', desiredCount: 0 }),
    );
    for (; (await world.runs('dev')).length > 0;) await new Promise((resolve) => setTimeout(resolve, 5));
    const run = await promote(world, { 'bypass-reason': 'INC-1' });
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.outputs['reason']).toContain('user-service is scaled to zero in dev');
  });
});

test('a release that was not proven is not promoted, even if its tasks run now', async () => {
  const world = await PromotionWorld.start();
  const digest = await world.release('user-service', 'v2');
  const known = (await world.parameter('dev', 'user-service/release')) ?? '{}';
  await world.put(
    'dev',
    'user-service/release',
    JSON.stringify({ ...(JSON.parse(known) as object), proven: false }),
  );
  const run = await promote(world, { 'bypass-reason': 'INC-1' });
  expect(run.outputs).toMatchObject({ verdict: 'blocked' });
  expect(run.outputs['reason']).toContain(
    `${digest.slice(0, 19)} of user-service is not proven in dev, because the desired count was 0 when it was deployed`,
  );
});

describe('a gate', () => {
  test('soak: an image that has not run long enough; a bypass reason is recorded', async () => {
    const world = await PromotionWorld.start();
    const digest = await world.release('user-service', 'v2');
    const run = await promote(world, {}, { staging: 'soak: 1h' });
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.outputs['reason']).toMatch(
      /^user-service must run in dev for 60 min before promotion; sha256:\w{12} has run for \d+ s\. Nothing was changed\. Fix: Re-run the failed jobs after \S+Z \(in 60 min\), or set `soak-wait`\.$/,
    );
    const passed = await promote(world, { 'bypass-reason': 'INC-1' }, { staging: 'soak: 1h' });
    expect(passed.outputs).toMatchObject({ verdict: 'promoted' });
    expect(passed.summary).toContain('Gates are bypassed for this run: INC-1');
    expect(await world.runs('staging')).toEqual([digest]);
    const release = JSON.parse((await world.parameter('staging', 'user-service/release')) ?? '{}') as object;
    expect(release).toMatchObject({ bypass: 'INC-1' });
  });

  test('alarms: one upstream is in ALARM', async () => {
    const alarms = [{ name: 'dev-errors', state: 'ALARM' as const, reason: 'Threshold Crossed: 7 > 1' }];
    const world = await PromotionWorld.start({ scenario: { cloudwatch: { alarms } } });
    await world.release('user-service', 'v2');
    const deploymentConfiguration = { alarms: { alarmNames: ['dev-errors'], enable: true, rollback: false } };
    const settings = { cluster: 'dev-shop', service: 'user-service', deploymentConfiguration };
    await world.ecs('dev').send(new UpdateServiceCommand(settings));
    const run = await promote(world);
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.outputs['reason']).toContain(
      'The alarm dev-errors of user-service in dev is in ALARM: Threshold Crossed: 7 > 1',
    );
  });

  test('alarms: one has no data, and one was deleted', async () => {
    const alarms = [{ name: 'dev-errors', state: 'INSUFFICIENT_DATA' as const, reason: 'Unchecked' }];
    const world = await PromotionWorld.start({ scenario: { cloudwatch: { alarms } } });
    await world.release('user-service', 'v2');
    const watched = { alarmNames: ['dev-errors', 'dev-slow'], enable: true, rollback: false };
    const settings = {
      cluster: 'dev-shop',
      service: 'user-service',
      deploymentConfiguration: { alarms: watched },
    };
    await world.ecs('dev').send(new UpdateServiceCommand(settings));
    const run = await promote(world);
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.summary).toContain('The alarm dev-errors of user-service in dev is in INSUFFICIENT_DATA');
    expect(run.summary).toContain('The alarm dev-slow of user-service in dev does not exist');
    const lenient = await promote(world, { require: 'steady,alarms=not-alarm' });
    expect(lenient.outputs['reason']).toMatch(
      /^The alarm dev-slow of user-service in dev does not exist.*Nothing was changed\. Fix: /,
    );
    expect(lenient.summary).not.toContain('INSUFFICIENT_DATA');
  });

  test('scan: a finding above the severity', async () => {
    const findings = [{ name: 'CVE-2026-0001', severity: 'CRITICAL' as const, package: 'openssl' }];
    const world = await PromotionWorld.start({
      scenario: { ecr: { scans: [{ findings }] } },
      repository: { imageScanningConfiguration: { scanOnPush: true } },
    });
    await world.release('user-service', 'v2');
    const run = await promote(world, { require: 'scan' });
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.outputs['reason']).toContain('CVE-2026-0001 in openssl');
  });

  test('hold: nothing is promoted until it is released', async () => {
    const world = await PromotionWorld.start();
    await world.release('user-service', 'v2');
    await world.put(
      'staging',
      'hold',
      JSON.stringify({ reason: 'Load test', actor: 'ada', at: '2026-11-25T09:00:00Z', run: '' }),
    );
    const run = await promote(world);
    expect(run.outputs).toMatchObject({
      verdict: 'held',
      reason:
        'staging is on hold (set by ada at 2026-11-25T09:00:00Z): Load test. Nothing was changed. Fix: Release the hold with promote-environment and `command: release-hold`, or delete the parameter /shop/staging/hold.',
    });
  });

  test('lock: another run is changing the target', async () => {
    const world = await PromotionWorld.start();
    const holder = {
      token: 'x',
      who: 'ada',
      run: 'https://runs/7',
      since: 1_764_000_000_000,
      expires: Date.now() + 60_000,
    };
    await world.put('staging', 'lock', JSON.stringify(holder));
    const run = await promote(world);
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.outputs['reason']).toContain(
      'The environment is locked by ada since 2025-11-24T16:00:00Z (https://runs/7)',
    );
    expectExample('lock-held', run);
    expect(await world.parameter('staging', 'lock')).toBe(JSON.stringify(holder));
  });
});

describe('the target', () => {
  test('must have the repository', async () => {
    const world = await PromotionWorld.start();
    await world.release('user-service', 'v2');
    const more = { service: ', repository: shop/elsewhere' };
    const workspace = workspaceOf({ 'platform.yml': world.manifest({}, more.service) });
    const run = await promoteEnvironment(world, workspace, {});
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.outputs['reason']).toContain(
      'The repository shop/elsewhere does not exist in the account of staging',
    );
  });

  test('with immutable tags gets no environment tag', async () => {
    const world = await PromotionWorld.start({ repository: { imageTagMutability: 'IMMUTABLE' } });
    await world.push('staging', 'user-service', 'env-staging');
    const digest = await world.release('user-service', 'v2');
    const run = await promote(world);
    expect(run.outputs).toMatchObject({ verdict: 'promoted' });
    const { imageDetails } = await world.registry('staging').client.send(
      new DescribeImagesCommand({
        repositoryName: 'shop/user-service',
        imageIds: [{ imageDigest: digest }],
      }),
    );
    expect(imageDetails?.[0]?.imageTags).toEqual(['v2']);
  });

  test("must be the manifest's account, which is checked first", async () => {
    const world = await PromotionWorld.start();
    const from = world.sandbox.calls.all.length;
    const role = `arn:aws:iam::${ACCOUNTS.prod}:role/shop-prod-deploy`;
    const run = await promote(world, { 'target-role': role });
    expect(run.outputs).toMatchObject({
      verdict: 'blocked',
      reason: `The environment staging is in account ${ACCOUNTS.staging}, but the credentials belong to account ${ACCOUNTS.prod}. Nothing was changed.`,
    });
    const services = new Set(world.sandbox.calls.all.slice(from).map(({ service }) => service));
    for (const service of ['ecs', 'ecr', 'ssm']) expect(services).not.toContain(service);
  });
});

describe('an invalid input', () => {
  test.each([
    [{ services: 'user-servic' }, /^services: .*, got "user-servic"\. Did you mean user-service\?/],
    [{ to: 'stagin' }, /^to: .*, got "stagin"\. Did you mean staging\?/],
    [
      { to: 'dev' },
      /^to: expected an environment with promote-from \(staging, prod\), got "dev" \(platform\.yml:4\)\. Promotions go dev → staging/,
    ],
    [
      { to: 'dev', from: 'prod' },
      /^from: expected an environment upstream of dev, got "prod" \(platform\.yml:5\)\. Promotions go dev → staging → prod/,
    ],
    [{ to: 'edge' }, /^from: a value is required, because edge has no promote-from \(platform\.yml:7\)/],
    [{ from: 'staging' }, /^from: expected an environment other than the one in to, got "staging"/],
    [{ images: 'user-service=v2' }, /^images: expected sha256.*, got "v2"/],
    [{ require: 'alarms=fine' }, /^require: expected alarms=ok or alarms=not-alarm.*, got "alarms=fine"/],
    [{ require: 'steady,alarm' }, /^require: .*, got "alarm"\. Did you mean alarms\?/],
    [{ command: 'rollback' }, /^reason: a value is required for rollback/],
  ])('%j', async (inputs, reason) => {
    const world = { sandbox: offline.sandbox };
    const run = await promoteEnvironment(world, workspaceOf({ 'platform.yml': offline.manifest }), inputs);
    expect(run.outputs['reason']).toMatch(reason);
    expect(run.exitCode).toBe(1);
  });
});

/** No call to AWS is made: the address is one where nothing listens. */
const offline = {
  sandbox: {
    tokens: { installation: 'token' },
    env: () => ({ AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_REGION: 'eu-west-1' }),
    jobEnv: () => ({}),
  } as unknown as World['sandbox'],
  manifest: `project: shop
region: eu-west-1
environments:
  dev: { account: '111111111111' }
  staging: { account: '222222222222', promote-from: dev }
  prod: { account: '333333333333', promote-from: staging }
  edge: { account: '444444444444' }
stacks: {}
services:
  user-service: { path: services/user-service, paths: [/users], priority: 100 }
`,
};
