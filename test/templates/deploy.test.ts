import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Change } from '@aws-sdk/client-cloudformation';
import { startSandbox } from '../../sandbox/index.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import {
  backupStacksOf,
  environments,
  ledgerName,
  previewStack,
  services,
  stacksOf,
  stacksWithCacheOf,
} from '../../scripts/templates/reference.ts';
import type { Environment, Stack } from '../../scripts/templates/reference.ts';
import { Deployment } from './deployment.ts';
import { STATEFUL } from './rules/stateful.ts';

const ACCOUNTS: Record<Environment, string> = {
  dev: '111111111111',
  staging: '222222222222',
  prod: '333333333333',
};
const image = (service: string, digit: string) =>
  `registry.example.com/platform/${service}@sha256:${digit.repeat(64)}`;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ timeScale: 1000, accounts: Object.values(ACCOUNTS) });
});
afterAll(() => sandbox.close());

/** Changes of resources that contain data, except those that keep them. */
const dangers = (changes: Change[]) =>
  changes
    .map(({ ResourceChange }) => ResourceChange)
    .filter((change) => change && STATEFUL.has(change.ResourceType ?? ''))
    .filter(
      (change) =>
        change?.Action === 'Remove' || (change?.Action === 'Modify' && change.Replacement !== 'False'),
    )
    .map((change) => `${change?.LogicalResourceId}: ${change?.Action}, replacement ${change?.Replacement}`);

async function release(deployment: Deployment, environment: Environment, digit: string): Promise<void> {
  for (const service of Object.keys(services)) {
    await deployment.put(ledgerName(environment, service), image(service, digit));
  }
}

const changed = (
  stack: Stack,
  parameters: Record<string, string>,
  tags: Record<string, string> = {},
): Stack => ({
  ...stack,
  parameters: { ...stack.parameters, ...parameters },
  tags: { ...stack.tags, ...tags },
});

describe.each(environments)('the platform in %s', (environment) => {
  const stacks = stacksOf(environment);
  let deployment: Deployment;
  beforeAll(async () => {
    deployment = new Deployment(sandbox.env(ACCOUNTS[environment]));
    await release(deployment, environment, 'a');
  });
  afterAll(() => {
    deployment.close();
  });

  test('is created in the order of its layers', async () => {
    for (const stack of stacks) {
      await deployment.deploy(stack);
      expect(await deployment.status(stack.name)).toBe('CREATE_COMPLETE');
    }
    expect(await deployment.get(`/platform/${environment}/cluster/name`)).toBe(`${environment}-platform`);
  });

  test('has no changes in a second deployment', async () => {
    for (const stack of stacks) expect(await deployment.deploy(stack)).toEqual([]);
  });

  test.each([
    [
      'a parameter',
      { LogRetentionDays: '180', MaxCapacity: '16', MonthlyBudget: '42', DatabaseConnections: '300' },
      {},
    ],
    ['a tag', {}, { CostCentre: '4711' }],
    ['how services are deployed', { Strategy: 'BLUE_GREEN', PauseBeforeTraffic: 'true' }, {}],
  ])('is updated with %s without replacing data', async (_name, parameters, tags) => {
    const touched = new Set<string>();
    for (const stack of stacks) {
      const changes = await deployment.deploy(changed(stack, parameters, tags));
      expect(dangers(changes)).toEqual([]);
      if (changes.length > 0) touched.add(stack.name);
    }
    expect(touched.size).toBeGreaterThanOrEqual(4);
  });

  test('updates only the services with a new image', async () => {
    for (const stack of stacks) await deployment.deploy(stack);
    await release(deployment, environment, 'b');
    const touched: string[] = [];
    for (const stack of stacks) {
      const changes = await deployment.deploy(stack);
      expect(dangers(changes)).toEqual([]);
      if (changes.length > 0) touched.push(stack.template);
    }
    expect(touched).toEqual(Object.keys(services).map(() => 'fargate'));
  });

  test('keeps its network while its database exists', async () => {
    const network = stacks.find(({ template }) => template === 'vpc');
    if (!network) throw new Error('there is no network');
    await expect(deployment.delete(network)).rejects.toThrow(/data-subnets/);
  });

  test('is deleted in reverse order once deletion protection is off', async () => {
    for (const stack of stacks) await deployment.deploy(changed(stack, { DeletionProtection: 'false' }));
    for (const stack of [...stacks].reverse()) {
      await deployment.delete(stack);
      expect(await deployment.status(stack.name)).toBeUndefined();
    }
  });
});

test('a preview is created and deleted without changing its host environment', async () => {
  const deployment = new Deployment(sandbox.env(ACCOUNTS.dev));
  const layers = stacksOf('dev').filter(
    ({ template }) =>
      !template.startsWith('bootstrap') && !['fargate', 'registry', 'cost'].includes(template),
  );
  for (const stack of layers) await deployment.deploy(stack);
  const preview = previewStack(123, 'user-service');
  await deployment.deploy(preview);
  expect(await deployment.status('dev-platform-pr-123-user-service')).toBe('CREATE_COMPLETE');
  await deployment.delete(preview);
  for (const stack of layers.reverse()) await deployment.delete(stack);
  deployment.close();
});

test('the cache is created, enlarged and deleted while a service uses it', async () => {
  const deployment = new Deployment(sandbox.env(ACCOUNTS.dev));
  await release(deployment, 'dev', 'a');
  const layers = stacksWithCacheOf('dev').filter(
    ({ template, ownParameters }) =>
      !['registry', 'bootstrap', 'bootstrap-execution', 'cost', 'monitoring'].includes(template) &&
      (template !== 'fargate' || ownParameters.ServiceName === 'product-service'),
  );
  for (const stack of layers) await deployment.deploy(stack);
  const host = await deployment.get('/platform/dev/cache/host');
  expect(host).toMatch(/^dev-platform-\w+\.serverless\.euw1\.cache\.amazonaws\.com$/);
  expect(await deployment.environment('dev-platform-product-service')).toMatchObject({
    CACHE_AUTH: 'iam',
    CACHE_CLUSTER: 'true',
    CACHE_HOST: host,
    CACHE_PORT: '6379',
    CACHE_NAME: 'dev-platform',
    CACHE_USER: 'dev-platform-app',
  });

  const cache = layers.find(({ template }) => template === 'cache');
  const network = layers.find(({ template }) => template === 'vpc');
  if (!cache || !network) throw new Error('the stacks of the cache and of the network are missing');
  const larger = { CacheGigabytes: '20', CacheUnitsPerSecond: '5000', CacheSnapshotDays: '1' };
  const changes = await deployment.deploy(changed(cache, larger));
  expect(changes.map(({ ResourceChange }) => ResourceChange)).toContainEqual(
    expect.objectContaining({ LogicalResourceId: 'Cache', Replacement: 'False' }),
  );
  expect(dangers(changes)).toEqual([]);
  await expect(deployment.delete(network)).rejects.toThrow(/data-subnets/);

  for (const stack of layers.reverse()) await deployment.delete(stack);
  deployment.close();
});

test('backups are planned, locked and kept, and a restore drill is created and deleted next to the database', async () => {
  const deployment = new Deployment(sandbox.env(ACCOUNTS.prod));
  const layers = stacksOf('prod').filter(({ template }) =>
    ['vpc', 'security', 'aurora-serverless'].includes(template),
  );
  const [backup, drill] = backupStacksOf('prod');
  if (!backup || !drill) throw new Error('the stacks of backups are missing');
  for (const stack of [...layers, backup, drill]) await deployment.deploy(stack);
  expect(await deployment.get('/platform/prod/backup/vault')).toBe('prod-platform');
  expect(await deployment.status(drill.name)).toBe('CREATE_COMPLETE');

  const vault = 'arn:aws:backup:us-east-1:333333333333:backup-vault:prod-platform';
  const changes = await deployment.deploy(changed(backup, { BackupCopyTo: vault, BackupLock: 'compliance' }));
  expect(changes.map(({ ResourceChange }) => ResourceChange?.LogicalResourceId).sort()).toEqual(
    expect.arrayContaining(['Plan', 'Vault']),
  );
  expect(dangers(changes)).toEqual([]);

  const recoveryPoint = 'arn:aws:rds:eu-west-1:333333333333:cluster-snapshot:awsbackup:job-1';
  await deployment.delete(drill);
  await deployment.deploy(changed(drill, { RecoveryPoint: recoveryPoint }));
  for (const stack of layers) await deployment.deploy(changed(stack, { DeletionProtection: 'false' }));
  for (const stack of [...layers, backup, drill].reverse()) await deployment.delete(stack);
  expect(await deployment.status(drill.name)).toBeUndefined();
  deployment.close();
});
