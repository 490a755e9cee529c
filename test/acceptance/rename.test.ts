import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeRepositoriesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parseDocument } from 'yaml';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { SHA } from '../../sandbox/github/state.ts';
import { runAction, type Run } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { useWorkspaces } from '../support/action.ts';
import { deployEnvironment } from '../support/environment.ts';
import { LayoutWriter } from '../support/oci.ts';
import { promoteEnvironment } from '../support/promotion.ts';
import { arnOf, jobOf, sessionOf } from '../support/roles.ts';
import { clientOf } from '../unit/sandbox/clients.ts';

/**
 * Renames the project of a copy of the reference platform with one line of platform.yml, and runs everything with the
 * new name: bootstrap, three environments, a promotion, a preview, and the destruction of an environment. There are two
 * differences to a user's copy: images come from prebuilt layouts, and nothing soaks.
 */
const ROOT = resolve(import.meta.dirname, '../..');
const ACCOUNTS = { dev: '111111111111', staging: '222222222222', prod: '333333333333' } as const;
type Environment = keyof typeof ACCOUNTS;
const ENVIRONMENTS = Object.keys(ACCOUNTS) as Environment[];
const LIMIT_MS = 900_000;
/** Other values that contain the same word. */
const NOT_THE_PROJECT = ['GitHubRepository platform', 'DatabaseName platform'];
/** One character less than the maximum that role names in staging allow. */
const PROJECT = 'storefrontnorth';

const workspaceOf = useWorkspaces();
let sandbox: Sandbox;
let commit = 'a'.repeat(40);
let workspace: string;
beforeAll(async () => {
  sandbox = await startSandbox({
    timeScale: 3000,
    accounts: Object.values(ACCOUNTS),
    scenario: {
      quotas: { 'L-3032A538': 100, 'L-36FBB829': 100 },
      github: {
        branches: [{ name: 'main', protection: 'ruleset' }],
        environments: ENVIRONMENTS.map((name) => ({
          name,
          branches: ['main'],
          ...(name !== 'dev' && { reviewers: ['octocat'] }),
        })),
      },
    },
  });
  workspace = renamedCopy();
});
afterAll(() => sandbox.close());

function renamedCopy(): string {
  const folder = workspaceOf({});
  for (const name of ['templates', 'services']) {
    cpSync(join(ROOT, name), join(folder, name), {
      recursive: true,
      filter: (path) => !path.includes('node_modules'),
    });
  }
  const text = readFileSync(join(ROOT, 'platform.yml'), 'utf8');
  const renamed = text.replace(/^project: platform$/m, `project: ${PROJECT}`);
  expect(renamed).not.toBe(text);
  const manifest = parseDocument(renamed);
  for (const name of ENVIRONMENTS) manifest.deleteIn(['environments', name, 'soak']);
  for (const service of servicesOf(renamed)) {
    manifest.setIn(['services', service, 'build'], { 'oci-layout': `images/${service}` });
    writeImage(folder, service, 'first');
  }
  writeFileSync(join(folder, 'platform.yml'), String(manifest));
  return folder;
}

function servicesOf(text: string): string[] {
  return Object.keys((parseDocument(text).toJS() as { services: object }).services);
}

function writeImage(folder: string, service: string, content: string): void {
  const path = join(folder, 'images', service);
  mkdirSync(path, { recursive: true });
  const layout = new LayoutWriter(path);
  layout.finish(layout.image([`${service}: ${content}`], 'arm64'));
}

/** The digest of a service's image. */
function digestIn(folder: string, service: string): string {
  const index = readFileSync(join(folder, 'images', service, 'index.json'), 'utf8');
  return (JSON.parse(index) as { manifests: { digest: string }[] }).manifests[0]?.digest ?? '';
}

/** Runs deploy-environment as an administrator of the account, outside of GitHub. */
async function bootstrap(environment: Environment, stacks: string): Promise<void> {
  const env = {
    ...sandbox.env(ACCOUNTS[environment]),
    INPUT_ENVIRONMENT: environment,
    INPUT_STACKS: stacks,
    PATH: `${dirname(node24())}:/usr/bin:/bin`,
  };
  await promisify(execFile)(node24(), [join(ROOT, 'dist/deploy-environment/index.js')], {
    cwd: workspace,
    env,
  });
}

function run(environment: Environment, inputs: Record<string, string> = {}): Promise<Run> {
  const env = { ...jobOf(sandbox, environment, inputs), GITHUB_SHA: commit };
  return deployEnvironment(sandbox, { environment, ...inputs }, { workspace, env, limitMs: LIMIT_MS });
}

function expectVerdict({ outputs }: Run, verdict: string): void {
  expect(`${outputs['verdict']}: ${outputs['reason']}`).toMatch(new RegExp(`^${verdict}: `));
}

test(
  'every stack of every environment is deployed and then planned without changes',
  async () => {
    for (const environment of ENVIRONMENTS) {
      await bootstrap(environment, 'bootstrap,bootstrap-execution');
      expectVerdict(await run(environment), 'deployed');
      expectVerdict(await run(environment, { command: 'plan' }), 'unchanged');
      expectVerdict(await run(environment, { command: 'status' }), 'reported');
    }
    expectVerdict(await run('dev', { command: 'drift' }), 'in-sync');
    expectVerdict(await run('dev', { command: 'doctor' }), 'ready');
  },
  LIMIT_MS,
);

test('a file with the old name is refused with its line before the first change', async () => {
  const file = join(workspace, 'templates/environments/dev.json');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('"Parameters": {', '"Parameters": {\n    "Project": "platform",'));
  const before = sandbox.calls.all.length;
  const contradiction = `templates/environments/dev.json:3: Project is "platform", but platform.yml:3 supplies "${PROJECT}" to every template that declares Project.`;
  for (const command of ['plan', 'deploy', 'destroy', 'drift', 'status']) {
    const refused = await run('dev', { command, confirm: 'dev' });
    expect(refused.outputs['reason']).toBe(contradiction);
    expect(refused.log).toMatch(/^::error .*file=templates\/environments\/dev\.json,line=3.*::/m);
    expect(refused.log).toContain('Fix: Remove Project from templates/environments/dev.json.');
  }
  const examined = await run('dev', { command: 'doctor' });
  expectVerdict(examined, 'not-ready');
  expect(examined.log).toContain(contradiction);
  writeFileSync(file, text);
  const made = sandbox.calls.all.slice(before).map(({ operation }) => operation);
  expect(
    made.filter((operation) => /^(?:Create|Execute|Delete|Put|Update|Register|Run)/.test(operation)),
  ).toEqual([]);
});

test('a release is promoted', async () => {
  writeImage(workspace, 'order-service', 'changed');
  commit = 'b'.repeat(40);
  expectVerdict(await run('dev'), 'deployed');
  for (const to of ['staging', 'prod']) {
    const inputs = { to, services: 'order-service' };
    expectVerdict(await promoteEnvironment({ sandbox }, workspace, inputs), 'promoted');
  }
});

test('a pull request has a preview', async () => {
  await bootstrap('dev', 'bootstrap-previews');
  const images = `frontend=${digestIn(workspace, 'frontend')}`;
  const role = (name: string): string => arnOf(ACCOUNTS.dev, `${PROJECT}-dev-${name}`);
  const preview = (command: string): Promise<Run> =>
    runAction('preview-environment', {
      token: sandbox.tokens.installation,
      workspace,
      node: [node24()],
      event: {
        action: 'opened',
        pull_request: { number: 7, head: { sha: SHA, repo: { full_name: 'org/platform' } } },
      },
      inputs: {
        command,
        'role-arn': role('preview-execution'),
        ...(command === 'deploy' && { images }),
      },
      env: {
        ...sessionOf(sandbox, role(command === 'deploy' ? 'preview' : 'preview-cleanup')),
        GITHUB_EVENT_NAME: 'pull_request',
      },
    });
  expectVerdict(await preview('deploy'), 'deployed');
  expectVerdict(await preview('remove'), 'removed');
});

test('nothing contains the old name', async () => {
  for (const account of Object.values(ACCOUNTS)) {
    const { Stacks = [] } = await clientOf(sandbox, CloudFormationClient, account).send(
      new DescribeStacksCommand({}),
    );
    const values = Stacks.flatMap(({ StackName, Parameters = [], Tags = [], Outputs = [] }) => [
      `name ${StackName}`,
      ...Parameters.map(({ ParameterKey, ParameterValue }) => `${ParameterKey} ${ParameterValue}`),
      ...Tags.map(({ Key, Value }) => `${Key} ${Value}`),
      ...Outputs.map(({ OutputKey, OutputValue }) => `${OutputKey} ${OutputValue}`),
    ]).filter((text) => !NOT_THE_PROJECT.includes(text));
    expect(values.length).toBeGreaterThan(200);
    expect(values.filter((text) => /(?<!x-)\bplatform\b/.test(text))).toEqual([]);
    const ecr = clientOf(sandbox, ECRClient, account);
    const { repositories = [] } = await ecr.send(new DescribeRepositoriesCommand({}));
    expect(repositories.map(({ repositoryName }) => repositoryName).sort()).toEqual(
      servicesOf(readFileSync(join(workspace, 'platform.yml'), 'utf8'))
        .map((service) => `${PROJECT}/${service}`)
        .sort(),
    );
  }
});

test(
  'an environment is destroyed',
  async () => {
    const inputs = { command: 'destroy', confirm: 'dev', 'allow-delete': 'all' };
    expectVerdict(await run('dev', inputs), 'destroyed');
  },
  LIMIT_MS,
);
