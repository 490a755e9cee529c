import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Run } from '../../../sandbox/runner.ts';
import { useWorkspaces } from '../../support/action.ts';
import { pooled } from '../../support/pool.ts';
import { EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { IN_ACCESS } from './access.ts';
import { IN_INPUTS } from './inputs.ts';
import { annotationOf, make, type Mistake } from './mistake.ts';
import { IN_PLATFORM_FILE } from './platform-file.ts';

/** Typical mistakes, each with the committed bundle: what a newcomer reads, and that nothing was changed. */
const MISTAKES: readonly Mistake[] = [...IN_PLATFORM_FILE, ...IN_INPUTS, ...IN_ACCESS];
const AT_ONCE = 3;
const FEWEST = 45;
/** Read-only operations, and the lock of an environment, which a run acquires and releases. */
const READS = /^(?:Get|List|Describe|BatchGet|AssumeRole|actions\/get)/;
const LOCK = /\/lock$/;

jest.setTimeout(600_000);

const workspaceOf = useWorkspaces();
const runs = new Map<Mistake, Run>();
let ecs: EcsWorld;

beforeAll(async () => {
  ecs = await EcsWorld.withService();
  const before = ecs.sandbox.calls.all.length;
  await pooled(MISTAKES, AT_ONCE, async (mistake) => {
    runs.set(mistake, await make(mistake, ecs, workspaceOf(mistake.files ?? {})));
  });
  changed = ecs.sandbox.calls.all
    .slice(before)
    .filter(({ operation, status, input }) => {
      const isLock = LOCK.test(String((input as { Name?: unknown }).Name));
      return !READS.test(operation) && !isLock && (status ?? 0) < 400;
    })
    .map(({ operation }) => operation);
});
afterAll(() => ecs.sandbox.close());

let changed: string[] = [];

test.each(MISTAKES.map((mistake) => [mistake.action, mistake.what, mistake] as const))(
  '%s: %s',
  (_action, _what, mistake) => {
    const run = runs.get(mistake);
    const { code, says, fix } = mistake;
    const error = run?.result['error'] as { code?: string; fix?: string } | undefined;
    const log = withoutRequestIds(run?.log ?? '');
    expect(withoutRequestIds(run?.outputs['reason'] ?? '')).toBe(says);
    expect([run?.exitCode, run?.outputs['verdict'], error?.code, error?.fix]).toEqual([
      1,
      'failed',
      code,
      fix,
    ]);
    expect(log.split('\n').filter((line) => line.startsWith(annotationOf(mistake)))).toHaveLength(1);
    expect(log).not.toContain('    at ');
    const [, file = '', line = ''] = /^(.*):(\d+)$/.exec(mistake.marks ?? '') ?? [];
    if (file !== '') expect(log).toContain(`::error title=Template check,file=${file},line=${line}::`);
  },
);

test('no mistake changed anything', () => {
  console.log(`${runs.size} typical mistakes were made`);
  expect(runs.size).toBe(MISTAKES.length);
  expect(runs.size).toBeGreaterThanOrEqual(FEWEST);
  expect(new Set(MISTAKES.map(({ action, what }) => `${action}: ${what}`)).size).toBe(MISTAKES.length);
  expect(changed).toEqual([]);
});

test.each([
  [
    'a password',
    'DB_PASSWORD=correct-horse-battery',
    'environment: DB_PASSWORD is visible in the task definition to everyone with ecs:DescribeTaskDefinition.%0AFix: Store the value in Secrets Manager or SSM, and set its ARN in secrets.',
  ],
  [
    'the ARN of a secret',
    'DB_URL=arn:aws:secretsmanager:eu-west-1:111111111111:secret:shop/db-AbCdEf',
    "environment: DB_URL is set to the ARN of a secret, so the container gets the ARN instead of the secret's value.%0AFix: Move DB_URL to secrets if the application expects the value.",
  ],
])('update-service: %s in environment is a warning that names secrets', async (_what, environment, says) => {
  const mistake: Mistake = {
    what: '',
    action: 'update-service',
    inputs: { environment },
    code: 'internal',
    says: '',
  };
  const run = await make(mistake, ecs, workspaceOf({}));
  expect(run.outputs['reason']).not.toMatch(/^environment: /);
  expect(run.log).toContain(`::warning title=Secret in plain text::${says}`);
  expect(run.log.replace(/^::add-mask::.*$/gm, '')).not.toContain('correct-horse');
});

function withoutRequestIds(text: string): string {
  return text.replace(/request id [0-9a-f-]+/g, 'request id …');
}
