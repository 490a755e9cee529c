import { DescribeImagesCommand } from '@aws-sdk/client-ecr';
import { expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { type Run, runAction, type RunOptions } from '../../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { openTokenRepository, type RegistrySession } from '../../support/registry.ts';
import { TerraformEnvironment } from '../../support/terraform.ts';
import { node24 } from '../../runtime/node24.js';

/** Services that another tool created by API calls: without a stack, and without names that follow our conventions. */

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

const ADDRESSES = {
  dev: {
    account: '111111111111',
    cluster: 'development',
    service: 'Shop_API',
    family: 'terraform-20240801',
    container: 'app',
  },
  staging: {
    account: '222222222222',
    cluster: 'stg',
    service: 'api-stg',
    family: 'api-stg-task',
    container: 'app',
  },
  prod: {
    account: '333333333333',
    region: 'eu-central-1',
    cluster: 'live',
    service: 'backend',
    family: 'live_backend',
    container: 'app',
  },
} as const;
type Name = keyof typeof ADDRESSES;
const REPOSITORIES = { dev: 'dev/shop-api', staging: 'shop-api', prod: 'production/backend' } as const;

const MANIFEST = `
project: shop
region: eu-west-1
environments:
  dev: { account: '111111111111', role: 'arn:aws:iam::111111111111:role/ci' }
  staging: { account: '222222222222', role: 'arn:aws:iam::222222222222:role/ci', promote-from: dev }
  prod:
    { account: '333333333333', role: 'arn:aws:iam::333333333333:role/ci', region: eu-central-1, promote-from: staging }
services:
  api:
    environments:
      dev: { cluster: development, service: Shop_API, container: app, repository: dev/shop-api }
      staging: { cluster: stg, service: api-stg, container: app, repository: shop-api }
      prod: { cluster: live, service: backend, container: app, repository: production/backend }
`;

interface Shop {
  sandbox: Sandbox;
  folder: string;
  environments: Record<Name, TerraformEnvironment>;
  repositories: Record<Name, RegistrySession>;
}

/** All environments run v1 of the image, by its tag. */
async function newShop(): Promise<Shop> {
  const sandbox = await sandboxOf({ timeScale: 2000 });
  const environments = environmentsOf(sandbox);
  const repositories: Partial<Record<Name, RegistrySession>> = {};
  for (const [name, environment] of Object.entries(environments) as [Name, TerraformEnvironment][]) {
    const repository = await environment.repository(REPOSITORIES[name]);
    await repository.image('v1', 'v1');
    await environment.create(`${repository.uri}:v1`);
    repositories[name] = repository;
  }
  sandbox.calls.all.length = 0;
  const folder = workspaceOf({ 'platform.yml': MANIFEST });
  return { sandbox, folder, environments, repositories: repositories as Record<Name, RegistrySession> };
}

function environmentsOf(sandbox: Sandbox): Record<Name, TerraformEnvironment> {
  return {
    dev: new TerraformEnvironment(sandbox, ADDRESSES.dev),
    staging: new TerraformEnvironment(sandbox, ADDRESSES.staging),
    prod: new TerraformEnvironment(sandbox, ADDRESSES.prod),
  };
}

function run(
  action: string,
  { sandbox, folder }: Pick<Shop, 'sandbox' | 'folder'>,
  options: RunOptions,
): Promise<Run> {
  return runAction(action, {
    token: sandbox.tokens.installation,
    node: [node24()],
    workspace: folder,
    ...options,
    env: { ...sandbox.env(ADDRESSES.dev.account), AWS_REGION: 'eu-west-1', ...options.env },
  });
}

const promote = (shop: Pick<Shop, 'sandbox' | 'folder'>, inputs: Record<string, string>): Promise<Run> =>
  run('promote-environment', shop, { inputs: { 'lock-timeout': '0s', timeout: '280s', ...inputs } });

/** The caller of a service team: the commit's image, released to dev. */
async function release(shop: Shop, tag: string): Promise<string> {
  const digest = await shop.repositories.dev.image(tag, tag);
  const inputs = {
    cluster: 'development',
    service: 'Shop_API',
    container: 'app',
    image: `${shop.repositories.dev.uri}:${tag}`,
    parameter: '/shop/dev/api/image',
  };
  const env = { GITHUB_SHA: commitOf(tag), GITHUB_RUN_NUMBER: tag.slice(1) };
  const ended = await run('update-service', shop, { inputs, env });
  expect(ended.outputs).toMatchObject({ verdict: 'deployed' });
  return digest;
}

const commitOf = (tag: string): string => Buffer.from(tag.padEnd(20, '.')).toString('hex');

/** The resources created in any account, and the distinct parameters that were written. */
function creations({ sandbox }: Shop): string[] {
  const made = sandbox.calls.all.flatMap(({ service, operation, input }) => {
    if (operation === 'PutParameter') return [String((input as { Name?: unknown }).Name)];
    return /^Create/.test(operation) && service !== 'github' ? [operation] : [];
  });
  return [...new Set(made)].sort();
}

async function ledgerOf(shop: Shop, name: Name): Promise<object> {
  return JSON.parse((await shop.environments[name].parameter(`/shop/${name}/api/release`)) ?? '{}') as object;
}

test("promotes Terraform's services from dev to prod, rolls back, and sets and releases a hold", async () => {
  const shop = await newShop();
  const { environments } = shop;
  const [v1] = await environments.prod.runs();
  const v2 = await release(shop, 'v2');

  const plan = await promote(shop, { to: 'staging', 'dry-run': 'true' });
  expect(plan.outputs).toMatchObject({ verdict: 'planned', reason: '1 of 1 service would be promoted.' });
  expect((await promote(shop, { to: 'staging' })).outputs).toMatchObject({ verdict: 'promoted' });
  expect((await promote(shop, { to: 'prod' })).outputs).toMatchObject({
    verdict: 'promoted',
    images: JSON.stringify({ api: v2 }),
  });
  expect(await environments.staging.runs()).toEqual([v2]);
  expect(await environments.prod.runs()).toEqual([v2]);
  expect(await ledgerOf(shop, 'prod')).toMatchObject({
    image: `${shop.repositories.prod.uri}@${v2}`,
    from: 'staging',
    commit: commitOf('v2'),
  });
  // Tags are immutable there: the image keeps its tag, and gets none that would have to be moved.
  const described = await shop.repositories.prod.client.send(
    new DescribeImagesCommand({ repositoryName: 'production/backend', imageIds: [{ imageDigest: v2 }] }),
  );
  expect(described.imageDetails?.[0]?.imageTags).toEqual(['v2']);
  expect(creations(shop)).toEqual(
    ['dev', 'staging', 'prod']
      .flatMap((name) => {
        const ofService = ['image', 'lock', 'release'].map((last) => `/shop/${name}/api/${last}`);
        return name === 'dev' ? ofService : [...ofService, `/shop/${name}/lock`];
      })
      .sort(),
  );

  // The ledger of prod contains only v2. ECS knows what ran before.
  const back = await promote(shop, { command: 'rollback', to: 'prod', reason: 'Orders fail' });
  expect(back.outputs).toMatchObject({
    verdict: 'restored',
    reason: 'Rolled api back to the previous release. prod is on hold.',
  });
  expect(await environments.prod.runs()).toEqual([v1]);
  const further = await promote(shop, { command: 'rollback', to: 'prod', reason: 'Orders fail' });
  expect(further.outputs).toMatchObject({ verdict: 'blocked' });

  const v3 = await release(shop, 'v3');
  await promote(shop, { to: 'staging' });
  expect((await promote(shop, { to: 'prod' })).outputs).toMatchObject({ verdict: 'held' });
  expect((await promote(shop, { command: 'release-hold', to: 'prod' })).outputs).toMatchObject({
    verdict: 'hold-released',
  });
  expect((await promote(shop, { to: 'prod' })).outputs).toMatchObject({ verdict: 'promoted' });
  expect(await environments.prod.runs()).toEqual([v3]);
  const hold = await promote(shop, { command: 'hold', to: 'prod', reason: 'Release freeze' });
  expect(hold.outputs).toMatchObject({ verdict: 'hold-set' });

  const status = await promote(shop, { command: 'status' });
  expect(status.outputs).toMatchObject({ verdict: 'reported' });
  expect(status.summary).toContain('Release freeze');
});

const TWO = `
project: shop
region: eu-west-1
environments:
  dev: { account: '111111111111' }
  staging: { account: '222222222222', role: 'arn:aws:iam::222222222222:role/ci', promote-from: dev }
`;

test('services of one environment can be in two regions, and a hold is set in both', async () => {
  const sandbox = await sandboxOf({ timeScale: 2000 });
  const regions = ['eu-west-1', 'us-east-1'];
  const [dev, ...staging] = [
    new TerraformEnvironment(sandbox, ADDRESSES.dev),
    ...regions.map((region) => new TerraformEnvironment(sandbox, { ...ADDRESSES.staging, region })),
  ] as const;
  const source = await dev.repository('dev/shop-api');
  const v2 = await source.image('v2', 'v2');
  await dev.create(`${source.uri}:v2`);
  for (const environment of staging) {
    const own = await environment.repository('shop-api');
    await own.image('v1', 'v1');
    await environment.create(`${own.uri}:v1`);
  }
  const places = regions.map(
    (region) => `
  api-${region.slice(0, 2)}:
    environments:
      dev: { cluster: development, service: Shop_API, container: app, repository: dev/shop-api }
      staging: { cluster: stg, service: api-stg, container: app, repository: shop-api, region: ${region} }`,
  );
  // One service of dev is the source of both.
  const [first = '', second = ''] = places;
  const other = second.replace('service: Shop_API', 'service: Shop_API_2');
  const copy = new TerraformEnvironment(sandbox, { ...ADDRESSES.dev, service: 'Shop_API_2', family: 'two' });
  await copy.create(`${source.uri}:v2`);
  const folder = workspaceOf({ 'platform.yml': `${TWO}services:${first}${other}\n` });
  const run = await promote({ sandbox, folder }, { to: 'staging' });
  expect(run.outputs).toMatchObject({ verdict: 'promoted', promoted: '["api-eu","api-us"]' });
  for (const environment of staging) expect(await environment.runs()).toEqual([v2]);
  await promote({ sandbox, folder }, { command: 'hold', to: 'staging', reason: 'Freeze' });
  for (const environment of staging)
    expect(await environment.parameter('/shop/staging/hold')).toContain('Freeze');
  await promote({ sandbox, folder }, { command: 'release-hold', to: 'staging' });
  for (const environment of staging)
    expect(await environment.parameter('/shop/staging/hold')).toBeUndefined();

  const wrong = other.replace('region: us-east-1', "region: us-east-1, account: '333333333333'");
  const elsewhere = workspaceOf({ 'platform.yml': `${TWO}services:${first}${wrong}\n` });
  const refused = await promote({ sandbox, folder: elsewhere }, { to: 'staging' });
  expect(refused.outputs).toMatchObject({
    verdict: 'blocked',
    reason:
      'The service api-us in staging is in account 333333333333, but the credentials belong to account 111111111111. Nothing was changed.',
  });
  const allowed = await promote({ sandbox, folder: elsewhere }, { to: 'staging', services: 'api-eu' });
  expect(allowed.outputs).toMatchObject({ verdict: 'unchanged' });
});

test('an image outside ECR, or in a shared repository, is not copied', async () => {
  const sandbox = await sandboxOf({ timeScale: 2000 });
  const registry = openTokenRepository(await sandbox.openRegistry(), 'acme/worker');
  const other = openTokenRepository(await sandbox.openRegistry(), 'acme/worker');
  const v1 = await registry.image('v1', 'v1');
  const v2 = await registry.image('v2', 'v2');
  await other.image('v1', 'v1');
  const dev = new TerraformEnvironment(sandbox, ADDRESSES.dev);
  const staging = new TerraformEnvironment(sandbox, ADDRESSES.staging);
  await dev.create(`${registry.uri}:v2`);
  await staging.create(`${registry.uri}:v1`);
  const manifest = (repository: string) => `${TWO}services:
  worker:
    repository: ${repository}
    environments:
      dev: { cluster: development, service: Shop_API, container: app }
      staging: { cluster: stg, service: api-stg, container: app }
`;
  const at = (repository: string) => workspaceOf({ 'platform.yml': manifest(repository) });
  const to = { to: 'staging' };

  const elsewhere = await promote({ sandbox, folder: at(other.uri) }, to);
  expect(elsewhere.outputs['reason']).toContain(
    `The tasks of worker in staging pull from ${other.uri}, but the image that runs upstream is in ${registry.uri}.`,
  );
  const own = await staging.repository('shop-worker');
  expect(own.uri).toContain('shop-worker');
  const copied = await promote({ sandbox, folder: at('shop-worker') }, to);
  expect(copied.outputs['reason']).toContain(
    `The image of worker that runs upstream is in ${registry.uri}, but only images in ECR are copied.`,
  );
  const shared = { sandbox, folder: at(registry.uri) };
  const gated = await promote(shared, { ...to, require: 'steady,attestation' });
  expect(gated.outputs).toMatchObject({ verdict: 'blocked' });
  expect(gated.outputs['reason']).toContain('only images in ECR can be checked');

  await staging.register(`${registry.uri}:v1`, { environment: [{ name: 'FLAG', value: 'on' }] });
  const calls = sandbox.calls.all.length;
  const promoted = await promote(shared, to);
  expect(promoted.outputs).toMatchObject({ verdict: 'promoted' });
  expect(promoted.summary).toContain('worker: api-stg-task:2 is newer than api-stg-task:1');
  expect(await staging.runs()).toEqual([v2]);
  expect(await staging.parameter('/shop/staging/worker/image')).toBe(`${registry.uri}@${v2}`);
  expect(sandbox.calls.all.slice(calls).filter(({ service }) => service === 'ecr')).toEqual([]);
  const back = await promote(shared, { command: 'rollback', ...to, reason: 'Jobs fail' });
  expect(back.outputs).toMatchObject({ verdict: 'restored' });
  expect(await staging.runs()).toEqual([v1]);
});

test('a rollback without a ledger changes the named services', async () => {
  const sandbox = await sandboxOf({ timeScale: 2000 });
  const prod = new TerraformEnvironment(sandbox, ADDRESSES.prod);
  const repository = await prod.repository(REPOSITORIES.prod);
  const v1 = await repository.image('v1', 'v1');
  await repository.image('v2', 'v2');
  await prod.create(`${repository.uri}:v1`);
  await prod.deploy(`${repository.uri}:v2`);
  const shop = { sandbox, folder: workspaceOf({ 'platform.yml': MANIFEST }) };
  const back = { command: 'rollback', to: 'prod', reason: 'Orders fail' };
  const unnamed = await promote(shop, back);
  expect(unnamed.outputs['reason']).toContain('services: the ledger of prod has no release');
  const named = await promote(shop, { ...back, services: 'api' });
  expect(named.outputs).toMatchObject({ verdict: 'restored' });
  expect(await prod.runs()).toEqual([v1]);
});

test('container is required if the task definition has several', async () => {
  const sandbox = await sandboxOf({ timeScale: 2000 });
  const environments = environmentsOf(sandbox);
  for (const name of ['dev', 'staging'] as const) {
    const repository = await environments[name].repository(REPOSITORIES[name]);
    await repository.image('v1', name);
    await environments[name].create(`${repository.uri}:v1`);
  }
  const folder = workspaceOf({ 'platform.yml': MANIFEST.replaceAll(' container: app,', '') });
  const run = await promote({ sandbox, folder }, { to: 'staging' });
  expect(run.outputs).toMatchObject({ verdict: 'failed' });
  expect(run.outputs['reason']).toContain('the task definition has the containers proxy, app');
  const named = workspaceOf({ 'platform.yml': MANIFEST.replaceAll('container: app', 'container: web') });
  const unknown = await promote({ sandbox, folder: named }, { to: 'staging' });
  expect(unknown.outputs['reason']).toBe(
    'container: expected a container of the tasks of api-stg (proxy, app), got "web"',
  );
});
