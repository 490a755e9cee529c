import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { reasonOf } from '../../core/errors.ts';
import { plural } from '../../core/text.ts';
import type { Check, Finding } from '../run/result.ts';

const FOLDER = '.github/workflows';

/** The reusable workflows that deploy or promote, and for each the one whose job assumes the environment's deploy role. */
const DEPLOYING: Readonly<Record<string, string>> = {
  deploy: 'deploy',
  pipeline: 'deploy',
  promote: 'promote',
  rollback: 'rollback',
};

/** A `uses:` of a workflow in the checkout. */
interface Reference {
  file: string;
  uses: string;
}

/** The check of the workflows in the checkout, and the claims of the jobs that deploy. */
interface Callers {
  check: Check;
  /** The `job_workflow_ref` of each reusable workflow that deploys. */
  workflowRefs: readonly string[];
}

/**
 * Checks whether the workflows that call this repository were edited after they were copied, and whether they use a version
 * instead of a branch, which can change with every push.
 *
 * @param actionRepository GITHUB_ACTION_REPOSITORY; may be empty.
 */
export function checkCallers(workspace: string, actionRepository: string): Callers {
  const name = `callers in ${FOLDER}`;
  try {
    const references = readReferences(join(workspace, FOLDER));
    const ours = references.filter(({ uses }) => isOurs(uses, actionRepository));
    return { check: { name, ...judge(ours) }, workflowRefs: deployingRefs(ours) };
  } catch (error) {
    return { check: { name, state: 'unknown', says: reasonOf(error) }, workflowRefs: [] };
  }
}

function readReferences(folder: string): Reference[] {
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => /\.ya?ml$/.test(file));
  return files.flatMap((file) =>
    referencesIn(parse(readFileSync(join(folder, file), 'utf8'))).map((uses) => ({ file, uses })),
  );
}

/** The `uses` of jobs and their steps. */
function referencesIn(workflow: unknown): string[] {
  const jobs = Object.values((workflow as { jobs?: Record<string, unknown> } | null)?.jobs ?? {});
  return jobs.flatMap((job) => {
    const { uses, steps } = (job ?? {}) as { uses?: unknown; steps?: unknown };
    const ofSteps = (Array.isArray(steps) ? steps : []) as ({ uses?: unknown } | null)[];
    return [uses, ...ofSteps.map((step) => step?.uses)].filter((one) => typeof one === 'string');
  });
}

/** Whether it is the placeholder, a repository named `platform`, or the repository of this action. */
function isOurs(uses: string, actionRepository: string): boolean {
  const [path = ''] = uses.split('@');
  if (path.startsWith('.') || path.startsWith('$')) return false;
  const repository = path.split('/').slice(0, 2).join('/');
  return isPlaceholder(uses) || repository === actionRepository || repository.endsWith('/platform');
}

/** An account's name has letters, digits and dashes, or `_` before an enterprise's short code. */
function isPlaceholder(uses: string): boolean {
  const [owner = ''] = uses.split('/');
  return owner === 'OWNER' || !/^[\w-]+$/.test(owner);
}

function judge(references: readonly Reference[]): Finding {
  const copied = references.filter(({ uses }) => isPlaceholder(uses));
  if (copied.length > 0) {
    const fix = "Replace <OWNER> with the owner of your organization's copy of the repository.";
    return { state: 'problem', says: `they still have the placeholder: ${listed(copied)}`, fix };
  }
  const moving = references.filter(({ uses }) => !/@(?:v\d[\w.-]*|[0-9a-f]{40})$/.test(uses));
  if (moving.length > 0) {
    const fix = 'Use a version tag such as @v1, or a commit.';
    return { state: 'warning', says: `they use a branch: ${listed(moving)}`, fix };
  }
  if (references.length === 0)
    return { state: 'ok', says: 'no workflow in the checkout calls the platform repository' };
  const sources = new Set(references.map(({ uses }) => uses.split('/').slice(0, 2).join('/')));
  return { state: 'ok', says: `${plural(references.length, 'call')} of ${[...sources].join(', ')}` };
}

function listed(references: readonly Reference[]): string {
  return [...new Set(references.map(({ file, uses }) => `${uses} (${file})`))].join(', ');
}

/**
 * The `job_workflow_ref` in the tokens of the called jobs: the workflow that was called last, with the ref of the call.
 *
 * @see https://docs.github.com/actions/how-tos/secure-your-work/security-harden-deployments/oidc-with-reusable-workflows
 */
function deployingRefs(references: readonly Reference[]): string[] {
  const refs = references.flatMap(({ uses }) => {
    const [, repository, name = '', ref = ''] =
      /^([^/]+\/[^/]+)\/\.github\/workflows\/([\w-]+)\.ya?ml@(.+)$/.exec(uses) ?? [];
    const last = DEPLOYING[name];
    if (last === undefined || isPlaceholder(uses)) return [];
    const full = /^[0-9a-f]{40}$/.test(ref) ? ref : `refs/tags/${ref}`;
    return [`${repository ?? ''}/.github/workflows/${last}.yml@${full}`];
  });
  return [...new Set(refs)];
}
