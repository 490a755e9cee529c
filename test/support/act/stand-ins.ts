import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { REUSABLE, ownPath, stepsOf, workflowsOf } from '../../workflows/workflow.ts';

/**
 * The files of a commit, with a `.git` whose HEAD is detached at it. A repository with a history is checked out as it
 * is. The environment variable CHECKOUT contains the folder of each ref.
 *
 * @see https://github.com/actions/checkout#usage: an empty `ref` is the commit of the event.
 */
const CHECKOUT = `
const { cpSync, existsSync, mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { CHECKOUT, GITHUB_SHA, GITHUB_WORKSPACE: workspace, INPUT_REF: ref = '' } = process.env;
const { repository, refs } = JSON.parse(CHECKOUT);
const named = refs[ref];
if (ref !== '' && !named && !/^[0-9a-f]{40}$/.test(ref)) throw new Error('the repository has no ref ' + ref);
const commit = named?.sha ?? (ref || GITHUB_SHA);
const source = (named ?? Object.values(refs).find(({ sha }) => sha === commit))?.repository ?? repository;
cpSync(source, workspace, { recursive: true });
if (!existsSync(join(source, '.git'))) {
  for (const part of ['objects', 'refs']) mkdirSync(join(workspace, '.git', part), { recursive: true });
  writeFileSync(join(workspace, '.git', 'HEAD'), commit + '\\n');
  writeFileSync(join(workspace, '.git', 'config'), '');
}
`;

/** Replacements for third-party actions, as far as a run against the sandbox depends on them: scripts for Node.js. */
const SCRIPTS: Readonly<Record<string, string>> = {
  'actions/checkout': CHECKOUT,
  // The images are prebuilt, so nothing is built.
  'docker/setup-buildx-action': '',
  'docker/setup-qemu-action': '',
};

/**
 * Writes a replacement for each third-party action in the reusable workflows. Returns their folders by
 * `owner/name@version`.
 *
 * @throws Error for an action that has no stand-in.
 */
export function writeStandIns(folder: string): Map<string, string> {
  const uses = workflowsOf(REUSABLE)
    .filter(({ workflow }) => 'workflow_call' in workflow.on)
    .flatMap(({ workflow }) => Object.values(workflow.jobs).flatMap(stepsOf))
    .flatMap((step) => (step.uses !== undefined && ownPath(step.uses) === undefined ? step.uses : []));
  return new Map([...new Set(uses)].map((name) => [name, writeStandIn(folder, name)]));
}

function writeStandIn(folder: string, uses: string): string {
  const [name = ''] = uses.split('@');
  const script = SCRIPTS[name];
  if (script === undefined) throw new Error(`test/support/act/stand-ins.ts has no replacement for ${name}`);
  const path = join(folder, name.replaceAll('/', '-'));
  mkdirSync(path, { recursive: true });
  const action = { name, description: 'A stand-in', runs: { using: 'node24', main: 'main.js' } };
  writeFileSync(join(path, 'action.yml'), JSON.stringify(action));
  writeFileSync(join(path, 'main.js'), script);
  return path;
}
