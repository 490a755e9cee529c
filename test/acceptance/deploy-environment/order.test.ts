import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import type { Run } from '../../../sandbox/runner.ts';
import { chooseTargets, stackTargets } from '../../../src/environment/run/targets.ts';
import { parseManifest } from '../../../src/environment/manifest/manifest.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment } from '../../support/environment.ts';
import { EXECUTION_ROLE } from '../../support/roles.ts';
import { ACCOUNTS, Shop } from '../../workflows/scenarios/shop.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

interface Part {
  name: string;
  after: string[];
  startedAt: string;
  milliseconds: number;
}

const PARAMETER_FILES = ['shared', 'dev'].map((name) => `templates/environments/${name}.json`);

/** The infrastructure of the reference platform in dev, with the keys of the job. */
function referencePlatform(): string {
  const platform = parse(readFileSync('platform.yml', 'utf8')) as {
    environments: Record<string, Record<string, unknown>>;
    services: object;
  };
  platform.services = {};
  platform.environments = {
    dev: {
      account: platform.environments['dev']?.['account'],
      'execution-role': EXECUTION_ROLE,
      parameters: PARAMETER_FILES,
    },
  };
  const manifest = stringify(platform);
  const choice = { environment: 'dev', stacks: [], services: [] };
  const read = parseManifest(manifest, 'platform.yml');
  const templates = stackTargets(read, chooseTargets(read, choice), process.cwd()).map(
    ({ inputs }) => inputs.template,
  );
  const files = [...templates, ...PARAMETER_FILES];
  return newWorkspace({
    'platform.yml': manifest,
    ...Object.fromEntries(files.map((file) => [file, readFileSync(file, 'utf8')])),
  });
}

/** The end of the longest chain of dependent parts if each had started immediately. */
function longestPath(parts: readonly Part[]): number {
  const byName = new Map(parts.map((part) => [part.name, part]));
  const endOf = ({ after, milliseconds }: Part): number =>
    milliseconds + Math.max(0, ...after.flatMap((name) => byName.get(name) ?? []).map(endOf));
  return Math.max(...parts.map(endOf));
}

test('the reference platform takes as long as its longest chain of stacks', async () => {
  const sandbox = await newSandbox({ timeScale: 100 });
  const run = await deployEnvironment(sandbox, {}, { workspace: referencePlatform() });
  expect(`${run.outputs['verdict']}: ${run.outputs['reason']}`).toMatch(/^deployed: /);
  const parts = run.result['parts'] as Part[];
  const starts = parts.map(({ startedAt }) => Date.parse(startedAt));
  const ends = parts.map(({ startedAt, milliseconds }) => Date.parse(startedAt) + milliseconds);
  const total = Math.max(...ends) - Math.min(...starts);
  const sequential = parts.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  console.log(
    `total ${total} ms: ${(total / longestPath(parts)).toFixed(3)} of the longest path, ${(total / sequential).toFixed(2)} of one after the other`,
  );
  expect(total).toBeLessThanOrEqual(1.05 * longestPath(parts));
  expect(total).toBeLessThan(sequential);
});

test('a service whose first image is promoted waits for the stack that creates its repository, and is deleted before it', async () => {
  const slow = (type: string, on: 'create' | 'delete') => ({ match: { type }, on, seconds: 3600 });
  const sandbox = await newSandbox({
    accounts: Object.values(ACCOUNTS),
    scenario: { resources: [slow('AWS::SNS::Topic', 'create'), slow('AWS::ECS::Service', 'delete')] },
  });
  const shop = new Shop(sandbox, newWorkspace({}));
  shop.commit('v1');
  const network = join(shop.folder, 'network.yml');
  const slowed = readFileSync(network, 'utf8')
    .replace('Type: AWS::ECR::Repository,', '$& DependsOn: Topic,')
    .replace('{ RepositoryName:', '{ EmptyOnDelete: true, RepositoryName:');
  writeFileSync(network, slowed);
  const run = (environment: string, inputs: Record<string, string>) =>
    deployEnvironment(sandbox, { environment, ...inputs }, { workspace: shop.folder });
  const api = ({ result, log }: Run): Part & { reason: string } => {
    const part = (result['parts'] as (Part & { reason: string })[]).find(({ name }) => name === 'api');
    if (!part) throw new Error(log);
    return part;
  };
  for (const environment of ['dev', 'staging']) {
    const deployed = await run(environment, { command: 'deploy' });
    expect([environment, deployed.outputs['reason']]).toEqual([
      environment,
      expect.stringContaining(`Deployed ${environment}: `),
    ]);
  }
  const planned = await run('prod', { command: 'plan' });
  expect(api(planned).reason).toMatch(/^Will be created after cluster, network\. /);
  const { plan = '', fingerprint = '' } = planned.outputs;
  const applied = await run('prod', { command: 'apply', plan, fingerprint });
  expect(applied.outputs['reason']).toContain('Deployed prod: ');
  const destroyed = await run('prod', { command: 'destroy', 'allow-delete': 'all' });
  expect(destroyed.outputs['verdict']).toBe('destroyed');
  const deleted = (destroyed.result['parts'] as Part[]).find(({ name }) => name === 'network');
  expect(deleted?.after).toEqual(['api']);
});

test('a stack that creates the repository of its own first image fails before the deployment', async () => {
  const sandbox = await newSandbox({ accounts: Object.values(ACCOUNTS) });
  const shop = new Shop(sandbox, newWorkspace({}));
  shop.commit('v1');
  const [network = '', repository = ''] = readFileSync(join(shop.folder, 'network.yml'), 'utf8').split(
    '  Images:',
  );
  const service = readFileSync(join(shop.folder, 'api.yml'), 'utf8');
  writeFileSync(join(shop.folder, 'network.yml'), network);
  writeFileSync(
    join(shop.folder, 'api.yml'),
    `${service}  Images:${repository.replace('${Project}', 'shop')}`,
  );
  const run = await deployEnvironment(sandbox, { command: 'deploy' }, { workspace: shop.folder });
  expect(run.outputs['reason']).toContain('image of api failed. The repository shop/api does not exist.');
});
