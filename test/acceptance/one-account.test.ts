import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DescribeRepositoriesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { GetParameterCommand } from '@aws-sdk/client-ssm';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import type { Run } from '../../sandbox/runner.ts';
import { DEV, useWorkspaces } from '../support/action.ts';
import { deployEnvironment } from '../support/environment.ts';
import { LayoutWriter } from '../support/oci.ts';
import { arnOf, jobOf } from '../support/roles.ts';
import { clientOf, ssmOf } from '../unit/sandbox/clients.ts';

/**
 * Two environments of the reference platform in one account, as docs/reference/templates.md describes it: first without its
 * changes, which is refused before anything is created, then with them.
 */
const ROOT = resolve(import.meta.dirname, '../..');
const LIMIT_MS = 600_000;
const ENVIRONMENTS = ['dev', 'staging'];
jest.setTimeout(LIMIT_MS);

interface Manifest {
  environments: Record<string, Record<string, unknown>>;
  stacks: Record<string, Record<string, unknown>>;
  services: Record<string, Record<string, unknown>>;
}
interface ParameterFile {
  Parameters: Record<string, string>;
}

/** The changes that the page asks for: of platform.yml, and of the second environment's file. */
function changesOfThePage(): { manifest: Pick<Manifest, 'stacks'>; staging: ParameterFile } {
  const page = readFileSync(join(ROOT, 'docs/reference/templates.md'), 'utf8');
  const section =
    page.split(/^## /m).find((text) => text.startsWith('Two environments in one account\n')) ?? '';
  const block = (language: string): string =>
    new RegExp(`^ *\`\`\`${language}\n([\\s\\S]*?)^ *\`\`\`$`, 'm').exec(section)?.[1] ?? '';
  return {
    manifest: parse(block('yaml')) as Pick<Manifest, 'stacks'>,
    staging: JSON.parse(block('json')) as ParameterFile,
  };
}

const changes = changesOfThePage();
const workspaceOf = useWorkspaces();
let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ timeScale: 3000, accounts: [DEV] });
  await bootstrap();
});
afterAll(() => sandbox.close());

/** An administrator makes the roles of both environments; the second shares what an account holds once. */
async function bootstrap(): Promise<void> {
  const workspace = platform(true);
  for (const environment of ENVIRONMENTS) {
    const { outputs } = await deployEnvironment(
      sandbox,
      { environment, stacks: 'bootstrap,bootstrap-execution' },
      { workspace, env: sandbox.env(DEV) },
    );
    expect(`${outputs['verdict']}: ${outputs['reason']}`).toMatch(/^deployed: /);
  }
}

function rolesOf(environment: string): Record<string, string> {
  const names = { role: 'deploy', 'plan-role': 'plan', 'execution-role': 'execution' };
  return Object.fromEntries(
    Object.entries(names).map(([key, role]) => [key, arnOf(DEV, `platform-${environment}-${role}`)]),
  );
}

/** Runs a command on an environment, by the roles that the workflows give its job. */
function run(inputs: Record<string, string> & { environment: string }, workspace: string): Promise<Run> {
  const env = jobOf(sandbox, inputs.environment, inputs);
  return deployEnvironment(sandbox, inputs, { workspace, env, limitMs: LIMIT_MS });
}

/** The reference platform with dev and staging in one account, and images that are ready. */
function platform(changed: boolean): string {
  const folder = workspaceOf({});
  cpSync(join(ROOT, 'templates'), join(folder, 'templates'), { recursive: true });
  const manifest = parse(readFileSync(join(ROOT, 'platform.yml'), 'utf8')) as Manifest;
  const { dev, staging } = manifest.environments;
  manifest.environments = Object.fromEntries(
    Object.entries({ dev, staging }).map(([name, { parameters, 'promote-from': from } = {}]) => [
      name,
      { account: DEV, ...rolesOf(name), parameters, ...(from !== undefined && { 'promote-from': from }) },
    ]),
  );
  for (const [name, service] of Object.entries(manifest.services)) {
    service.build = { 'oci-layout': `images/${name}` };
    const path = join(folder, 'images', name);
    mkdirSync(path, { recursive: true });
    const layout = new LayoutWriter(path);
    layout.finish(layout.image([name], 'arm64'));
  }
  if (changed) {
    Object.assign(manifest.stacks, changes.manifest.stacks);
    const file = join(folder, 'templates/environments/staging.json');
    const { Parameters, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as ParameterFile;
    writeFileSync(
      file,
      JSON.stringify({ ...rest, Parameters: { ...Parameters, ...changes.staging.Parameters } }),
    );
  }
  writeFileSync(join(folder, 'platform.yml'), stringify(manifest));
  return folder;
}

const created = (): number =>
  sandbox.calls.all.filter(({ operation }) => operation === 'CreateChangeSet').length;

test.each(['doctor', 'plan', 'deploy'])(
  '%s refuses a repository that both environments would create',
  async (command) => {
    const workspace = platform(false);
    const before = created();
    for (const environment of ENVIRONMENTS) {
      const other = environment === 'dev' ? 'staging' : 'dev';
      const refused = await run({ command, environment }, workspace);
      const said = `${JSON.stringify(refused.result)}\n${refused.log}`;
      expect(said).toContain(
        `platform/user-service is used by the stack registry in ${other} too, and both environments are in account ${DEV}`,
      );
      expect(said).toContain('stacks.registry.environments');
      expect(refused.exitCode).toBe(1);
    }
    expect(created()).toBe(before);
  },
);

test('both are deployed and promoted, and then planned without changes', async () => {
  const workspace = platform(true);
  for (const environment of ENVIRONMENTS) {
    const { outputs } = await run({ environment }, workspace);
    expect([outputs['reason'], outputs['verdict']]).toEqual([expect.any(String), 'deployed']);
  }
  for (const environment of ENVIRONMENTS) {
    const plan = await run({ command: 'plan', environment }, workspace);
    expect([plan.outputs['reason'], plan.outputs['verdict']]).toEqual([expect.any(String), 'unchanged']);
  }
  const { repositories = [] } = await clientOf(sandbox, ECRClient).send(new DescribeRepositoriesCommand({}));
  expect(repositories).toHaveLength(4);
  for (const { repositoryName = '', repositoryUri = '' } of repositories) {
    const images = await Promise.all(ENVIRONMENTS.map((environment) => imageIn(environment, repositoryName)));
    expect(images[0]).toMatch(new RegExp(`^${repositoryUri}@sha256:`));
    expect(images[1]).toBe(images[0]);
  }
});

test('one is destroyed, and the other is not changed', async () => {
  const workspace = platform(true);
  const destroy = { command: 'destroy', 'allow-delete': 'all' };
  const { outputs } = await run({ ...destroy, environment: 'staging', confirm: 'staging' }, workspace);
  expect([outputs['reason'], outputs['verdict']]).toEqual([expect.any(String), 'destroyed']);
  const plan = await run({ command: 'plan', environment: 'dev' }, workspace);
  expect([plan.outputs['reason'], plan.outputs['verdict']]).toEqual([expect.any(String), 'unchanged']);
  const running = await run({ command: 'status', environment: 'dev' }, workspace);
  expect(running.outputs['verdict']).toBe('reported');
  const last = await run({ ...destroy, environment: 'dev', confirm: 'dev' }, workspace);
  expect([last.outputs['reason'], last.outputs['verdict']]).toEqual([expect.any(String), 'destroyed']);
});

/** What the ledger of an environment says of `platform/<service>`. */
async function imageIn(environment: string, repository: string): Promise<string | undefined> {
  const Name = repository.replace('/', `/${environment}/`);
  const { Parameter } = await ssmOf(sandbox).send(new GetParameterCommand({ Name: `/${Name}/image` }));
  return Parameter?.Value;
}
