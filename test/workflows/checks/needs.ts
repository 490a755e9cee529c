import { toText } from '../rehearsal/expressions.ts';
import { ownPath, readWorkflow, stepsOf } from '../workflow.ts';
import type { Job, Permissions, Step, WorkflowFile } from '../workflow.ts';

/** The permissions that a step needs of the job's token. This is their only definition. */
type Need = (step: Step) => Permissions;

const given = (step: Step, input: string): string => toText(step.with?.[input]);
const when = (condition: boolean, permissions: Permissions): Permissions => (condition ? permissions : {});

/** Whether promote-environment promotes or rolls back, and therefore reads who approved. */
function changesImages(step: Step): boolean {
  return ['', 'promote', 'rollback'].includes(given(step, 'command')) && given(step, 'dry-run') !== 'true';
}

/** By the path in this repository, or in a third-party action. */
const ACTION_NEEDS: Record<string, Need> = {
  'actions/deploy-environment': (step) => ({
    'id-token': 'write',
    // Who started the run, and who approved it.
    ...when(['', 'deploy', 'apply', 'destroy'].includes(given(step, 'command')), { actions: 'read' }),
    ...when(given(step, 'command') === 'plan' && given(step, 'comment') !== 'false', {
      'pull-requests': 'write',
    }),
    ...when(given(step, 'command') === 'drift' && given(step, 'issue') !== 'false', { issues: 'write' }),
    // It reads the environment's protection, and the branches of the repository.
    ...when(given(step, 'command') === 'doctor', { actions: 'read', contents: 'read' }),
  }),
  'actions/deploy-stack': (step) => ({
    'id-token': 'write',
    ...when(given(step, 'command') === 'plan' && given(step, 'comment') !== 'false', {
      'pull-requests': 'write',
    }),
  }),
  'actions/build-push-image': () => ({ 'id-token': 'write' }),
  'actions/update-service': () => ({ 'id-token': 'write' }),
  // It reads the commits between two releases.
  'actions/promote-environment': (step) => ({
    'id-token': 'write',
    contents: 'read',
    ...when(changesImages(step), { actions: 'read' }),
    ...when(given(step, 'github-deployment') !== 'false', { deployments: 'write' }),
  }),
  'actions/preview-environment': () => ({
    'id-token': 'write',
    deployments: 'write',
    'pull-requests': 'write',
  }),
  'actions/rehearse': (step) => ({
    contents: 'read',
    ...when(given(step, 'comment') !== 'false', { 'pull-requests': 'write' }),
  }),
  'actions/supersede-runs': () => ({ actions: 'write' }),
  'actions/checkout': () => ({ contents: 'read' }),
  'actions/setup-node': () => ({}),
  'actions/setup-go': () => ({}),
  'docker/setup-buildx-action': () => ({}),
  'docker/setup-qemu-action': () => ({}),
  'actions/upload-pages-artifact': () => ({}),
  // @see https://github.com/actions/deploy-pages#usage
  'actions/deploy-pages': () => ({ pages: 'write', 'id-token': 'write' }),
  'actions/attest-build-provenance': () => ({ 'id-token': 'write', attestations: 'write' }),
};

/** What scripts call with the job's token. */
const SCRIPT_NEEDS: readonly [RegExp, Permissions][] = [
  [/\bgh release create\b/, { contents: 'write' }],
  [/\bgh api .*\/git\/refs/, { contents: 'write' }],
  [/\bgit push\b/, { contents: 'write' }],
];

/** The permissions that a job's steps, or its called workflow, need of its token, combined. */
function needsOf(job: Job): Permissions {
  if (job.uses !== undefined) return calledNeeds(job.uses);
  return stepsOf(job).map(stepNeeds).reduce(both, {});
}

function stepNeeds(step: Step): Permissions {
  const { uses, run = '' } = step;
  if (uses === undefined) {
    return SCRIPT_NEEDS.filter(([pattern]) => pattern.test(run))
      .map(([, permissions]) => permissions)
      .reduce(both, {});
  }
  const name = ownPath(uses) ?? uses.split('@')[0] ?? '';
  const need = ACTION_NEEDS[name];
  if (!need) throw new Error(`needs.ts does not say what ${uses} needs`);
  return need(step);
}

function calledNeeds(uses: string): Permissions {
  const path = ownPath(uses);
  if (path === undefined) throw new Error(`${uses} is a third-party workflow`);
  return Object.values(readWorkflow(path).workflow.jobs).map(needsOf).reduce(both, {});
}

/** The union of two grants; `write` includes `read`. */
function both(one: Permissions, other: Permissions): Permissions {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries(
    [...names].map((name) => [name, [one[name], other[name]].includes('write') ? 'write' : 'read']),
  );
}

/** Jobs whose permissions differ from what their steps need, and workflows whose default is not "none". */
export function permissionProblems({ workflow }: WorkflowFile): string[] {
  const top = JSON.stringify(workflow.permissions) === '{}' ? [] : ['permissions: {} is missing at the top'];
  const jobs = Object.entries(workflow.jobs).flatMap(([name, job]) => {
    const has = describe(job.permissions ?? {});
    const needs = describe(needsOf(job));
    return has === needs ? [] : [`${name} has {${has}} and needs {${needs}}`];
  });
  return [...top, ...jobs];
}

function describe(permissions: Permissions): string {
  const entries = Object.entries(permissions).filter(([, access]) => access !== 'none');
  return entries
    .map(([name, access]) => `${name}: ${access ?? ''}`)
    .sort()
    .join(', ');
}
