import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { runAction } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { useWorkspaces } from '../support/action.ts';
import { GitHubCli } from '../support/gh.ts';
import { deployRoles, ExistingShop } from '../support/existing.ts';
import { LayoutWriter } from '../support/oci.ts';
import { Rehearsal } from '../workflows/rehearsal/rehearsal.ts';
import type { Event } from '../workflows/rehearsal/run.ts';
import { LEAD, logOf, reviewer, verdictsOf } from '../workflows/scenarios/stage.ts';
import { workflowFile } from '../workflows/workflow.ts';

/**
 * Runs both paths of docs/start/platform.md from their first block to their last, and workflows/README.md, which has
 * the same steps. There are three differences: images come from prebuilt layouts, because Docker may not be installed
 * (the builds of the services have their own tests); nothing soaks, because that takes ten minutes; and `git push` only
 * adds a commit to the sandbox.
 */
const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
const ACCOUNTS: Record<string, string> = { dev: '111111111111', staging: '222222222222' };
const LIMIT_MS = 900_000;

interface Step {
  uses: string;
  with?: Record<string, string>;
}
interface Job {
  environment: string;
  steps: Step[];
}

/** The blocks of the section with a heading. */
function blocksOf(heading: string): { language: string; text: string }[] {
  const sections = readFileSync(join(ROOT, 'docs/start/platform.md'), 'utf8').split(/^## /m);
  const section = sections.find((text) => text.startsWith(`${heading}\n`)) ?? '';
  const found = section.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm);
  return [...found].map(([, language = '', text = '']) => ({ language, text }));
}

const blocks = blocksOf('An empty account');
const [manifestBlock, jobsBlock, ...others] = blocksOf('Existing services');

/** The sandbox and the workspace of jobs. */
interface Place {
  sandbox: Sandbox;
  workspace: string;
}

const workspaceOf = useWorkspaces();
let sandbox: Sandbox;
let workspace: string;
let cli: GitHubCli;
let commit = 'a'.repeat(40);
beforeAll(async () => {
  sandbox = await startSandbox({
    timeScale: 3000,
    accounts: Object.values(ACCOUNTS),
    scenario: {
      // Doctor reports the quotas that a new account lacks for staging. Here, AWS has raised them.
      quotas: { 'L-36FBB829': 100 },
      github: { tokens: { [LEAD]: 'lead' }, branches: [{ name: 'main', protection: 'ruleset' }] },
    },
  });
  workspace = copyOfTheFiles();
  cli = new GitHubCli(join(workspaceOf({}), 'bin'), sandbox, node24());
});
afterAll(() => sandbox.close());

function copyOfTheFiles(): string {
  const folder = workspaceOf({});
  for (const name of ['templates', 'workflows']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'dist'), join(folder, 'dist'));
  const manifest = parse(readFileSync(join(ROOT, 'platform.yml'), 'utf8')) as {
    environments: Record<string, { soak?: string }>;
    services: Record<string, { build?: object }>;
  };
  Reflect.deleteProperty(manifest.environments, 'prod');
  for (const environment of Object.values(manifest.environments)) delete environment.soak;
  for (const [name, service] of Object.entries(manifest.services)) {
    service.build = { 'oci-layout': `images/${name}` };
    writeImage(folder, name, 'first');
  }
  writeFileSync(join(folder, 'platform.yml'), stringify(manifest));
  return folder;
}

function writeImage(folder: string, service: string, content: string): void {
  const path = join(folder, 'images', service);
  mkdirSync(path, { recursive: true });
  const layout = new LayoutWriter(path);
  layout.finish(layout.image([`${service}: ${content}`], 'arm64'));
}

function without(env: Record<string, string>, ...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
}

/** Runs commands of the page in a shell, as the administrator of the account in them and of the repository. */
async function playShell(script: string): Promise<void> {
  const environment = /^env INPUT_ENVIRONMENT=(\w+)/m.exec(script)?.[1] ?? '';
  const administrator = without(sandbox.env(ACCOUNTS[environment]), 'AWS_REGION');
  const PATH = `${cli.folder}:${dirname(node24())}:/usr/bin:/bin`;
  await run('sh', ['-euc', script], { cwd: workspace, env: { ...administrator, ...cli.env, PATH } });
}

/** The verdicts of a workflow in the repository that the page created. */
async function playWorkflow(name: string, event: Event): Promise<string[]> {
  const path = `.github/workflows/${name}`;
  const lead = reviewer();
  const rehearsal = new Rehearsal({ sandbox, repository: workspace, node: [node24()], reviewer: lead });
  const file = workflowFile(path, readFileSync(join(workspace, path), 'utf8'));
  const report = await rehearsal.play(file, { sha: commit, ...event });
  if (report.result !== 'success') throw new Error(`${name}\n${logOf(report)}`);
  const verdicts = Object.entries(verdictsOf(report)).map(([job, verdict]) => `${job}: ${verdict}`);
  return [...verdicts.sort(), ...lead.asked.map((environment) => `approved: ${environment}`)];
}

/** Runs the commands of a block, then the runs that they started. */
async function playBlock(script: string): Promise<string[]> {
  if (script.trim() === 'git push') {
    writeImage(workspace, 'user-service', 'changed');
    commit = 'b'.repeat(40);
    return await playWorkflow('pipeline.yml', { name: 'push' });
  }
  await playShell(script);
  const verdicts: string[] = [];
  for (const { workflow, inputs } of cli.takeRuns()) {
    verdicts.push(...(await playWorkflow(workflow, { name: 'workflow_dispatch', inputs })));
  }
  return verdicts;
}

/** Runs the jobs of a block in order. Their permissions are those of their tokens and of the roles that trust them. */
async function playJobs(text: string, place: Place): Promise<string[]> {
  const { jobs } = parse(text) as { jobs: Record<string, Job> };
  const verdicts: string[] = [];
  for (const [name, { environment, steps }] of Object.entries(jobs)) {
    place.sandbox.claims['environment'] = environment;
    for (const step of steps) {
      const action = /^<OWNER>\/platform\/actions\/([\w-]+)@v1$/.exec(step.uses)?.[1];
      if (action !== undefined) verdicts.push(`${name}: ${await playStep(action, step, place)}`);
    }
  }
  return verdicts;
}

async function playStep(
  action: string,
  { with: inputs = {} }: Step,
  { sandbox: at, workspace: folder }: Place,
): Promise<string> {
  const env = without(at.env(), 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION');
  const done = await runAction(action, {
    inputs,
    workspace: folder,
    env: { ...env, GITHUB_SHA: commit },
    node: [node24()],
    token: at.tokens.installation,
    limitMs: LIMIT_MS,
  });
  if (done.exitCode !== 0) throw new Error(`${action}: ${done.outputs['reason'] ?? ''}\n${done.log}`);
  return done.outputs['verdict'] ?? '';
}

test('this test runs every block of the page', () => {
  expect(blocks.map(({ language }) => language)).toEqual(blocks.map(() => 'sh'));
  expect(blocks.length).toBeGreaterThan(8);
  expect(others).toEqual([]);
});

test('workflows/README.md links to the steps of the page in order', () => {
  const readme = readFileSync(join(ROOT, 'workflows/README.md'), 'utf8');
  const section = readme.split(/^## /m).find((text) => text.startsWith('From an empty account\n')) ?? '';
  const linked = [...section.matchAll(/platform\.md#(\d-[\w-]+)\)/g)].map(([, anchor]) => anchor);
  const page = readFileSync(join(ROOT, 'docs/start/platform.md'), 'utf8');
  const headings = [...page.matchAll(/^### (\d\. .+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  expect(linked).toEqual(headings.slice(0, linked.length));
  expect(linked.length).toBe(headings.length - 1);
  expect(section).not.toContain('```');
});

test(
  'one file and three jobs deploy and promote existing services',
  async () => {
    const accounts = Object.values(ACCOUNTS);
    const github = { environments: [{ name: 'dev', branches: ['main'] }, { name: 'staging' }] };
    const place = await startSandbox({
      timeScale: 1000,
      accounts,
      scenario: { github, roles: deployRoles(['dev', 'staging']) },
    });
    try {
      const shop = await ExistingShop.create(place, workspaceOf({}), ['dev', 'staging']);
      const digest = shop.commit('v1');
      const manifest = parse(manifestBlock?.text ?? '') as { services: { api: { build?: object } } };
      manifest.services.api.build = { 'oci-layout': 'image' };
      writeFileSync(join(shop.folder, 'platform.yml'), stringify(manifest));
      const verdicts = await playJobs(jobsBlock?.text ?? '', { sandbox: place, workspace: shop.folder });
      expect(verdicts).toEqual(['doctor: ready', 'dev: deployed', 'staging: promoted']);
      expect([await shop.runs('dev'), await shop.runs('staging')]).toEqual([[digest], [digest]]);
    } finally {
      await place.close();
    }
  },
  LIMIT_MS,
);

test(
  'the steps of the page lead from empty accounts to a promoted release',
  async () => {
    const verdicts: string[] = [];
    for (const { text } of blocks) verdicts.push(...(await playBlock(text)));
    expect(verdicts).toEqual([
      'doctor / doctor (dev): ready',
      'doctor / doctor (staging): ready',
      'deploy / apply: deployed',
      'deploy / plan: planned, unchanged',
      'deploy / apply: deployed',
      'deploy / plan: planned, unchanged',
      'approved: staging',
      'pipeline / dev / apply: deployed',
      'pipeline / dev / plan: planned, unchanged',
      'pipeline / prod: skipped',
      'pipeline / staging / apply: planned, unchanged, promoted',
      'pipeline / staging / plan: unchanged, planned, unchanged',
      'approved: staging',
      'status / status (dev): reported',
      'status / status (staging): reported',
    ]);
  },
  LIMIT_MS,
);
