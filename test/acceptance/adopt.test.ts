import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { startSandbox, type Sandbox } from '../../sandbox/index.ts';
import { runAction } from '../../sandbox/runner.ts';
import { node24 } from '../runtime/node24.js';
import { useWorkspaces } from '../support/action.ts';
import { deployRoles, ExistingShop } from '../support/existing.ts';

/**
 * Runs the jobs of the section "Existing services" in docs/start/platform.md, and compares the steps of the section "An
 * empty account" with those in workflows/README.md. test/acceptance/hour/two-accounts.test.ts runs these steps.
 */
const ROOT = resolve(import.meta.dirname, '../..');
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

const [manifestBlock, jobsBlock, ...others] = blocksOf('Existing services');

/** The sandbox and the workspace of jobs. */
interface Place {
  sandbox: Sandbox;
  workspace: string;
}

const workspaceOf = useWorkspaces();

function without(env: Record<string, string>, ...names: string[]): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)));
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
    env: { ...env, GITHUB_SHA: 'a'.repeat(40) },
    node: [node24()],
    token: at.tokens.installation,
    limitMs: LIMIT_MS,
  });
  if (done.exitCode !== 0) throw new Error(`${action}: ${done.outputs['reason'] ?? ''}\n${done.log}`);
  return done.outputs['verdict'] ?? '';
}

test('this test plays every block of the section', () => {
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
    const github = { environments: [{ name: 'dev', branches: ['main'] }, { name: 'staging' }] };
    const place = await startSandbox({
      timeScale: 1000,
      accounts: ['111111111111', '222222222222'],
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
