import { describe, expect, test } from '@jest/globals';
import type { StackResult } from '../../../src/cloudformation/commands/result.ts';
import type { EnvironmentResult, RunPart } from '../../../src/environment/run/result.ts';
import { presentEnvironment } from '../../../src/present/environment.ts';

const T0 = Date.UTC(2026, 0, 1);
const ABOUT = { environment: 'dev', region: 'eu-west-1', reason: 'why' };
const RUN = { ...ABOUT, durationMs: 61_000 };

const failedStack: StackResult = {
  verdict: 'failed',
  reason: 'Role arn:aws:iam::111111111111:role/deploy may not create it.',
  stackName: 'dev-shop-vpc',
  region: 'eu-west-1',
  command: 'deploy',
  durationMs: 1000,
  notes: [],
  diagnosis: {
    rootCause: {
      logicalId: 'Vpc',
      nesting: [],
      type: 'AWS::EC2::VPC',
      reason: 'Access denied',
      hint: 'Allow it.',
    },
    alsoFailed: [],
    rollbackFailures: [],
    rolledBack: false,
  },
};

const PARTS: readonly RunPart[] = [
  {
    name: 'vpc',
    kind: 'stack',
    after: [],
    verdict: 'failed',
    ok: false,
    reason: failedStack.reason,
    startedAt: T0,
    endedAt: T0 + 2000,
    work: { kind: 'stack', result: failedStack },
  },
  {
    name: 'cluster',
    kind: 'stack',
    after: ['vpc'],
    verdict: 'not begun',
    ok: false,
    reason: 'It depends on vpc, which failed.',
  },
];

const titles = (result: EnvironmentResult): (string | undefined)[] =>
  (presentEnvironment(result).summary ?? []).map(({ title }) => title);

describe('a deployment', () => {
  const result: EnvironmentResult = {
    ...RUN,
    command: 'deploy',
    verdict: 'failed',
    parts: PARTS,
    images: { user: 'sha256:1' },
  };

  test('has its stacks and services in the result, without account ids', () => {
    expect(presentEnvironment(result).result).toEqual({
      environment: 'dev',
      region: 'eu-west-1',
      command: 'deploy',
      durationSeconds: 61,
      parts: [
        {
          name: 'vpc',
          kind: 'stack',
          verdict: 'failed',
          ok: false,
          reason: 'Role arn:aws:iam::…:role/deploy may not create it.',
          after: [],
          startedAt: '2026-01-01T00:00:00.000Z',
          milliseconds: 2000,
        },
        {
          name: 'cluster',
          kind: 'stack',
          verdict: 'not begun',
          ok: false,
          reason: 'It depends on vpc, which failed.',
          after: ['vpc'],
        },
      ],
      notes: [],
    });
  });

  test('shows a failed stack like deploy-stack and annotates the failed resource', () => {
    expect(presentEnvironment(result).fix).toBe('Allow it.');
    expect(titles(result)).toEqual(['❌ dev: failed', undefined, '❌ dev-shop-vpc: failed', 'Root cause']);
    expect(presentEnvironment(result).annotations).toEqual([
      expect.objectContaining({ level: 'error', title: 'Root cause: Vpc' }),
    ]);
  });

  test('has the digests of the images among its outputs', () => {
    expect(presentEnvironment(result).outputs).toEqual({ environment: 'dev', images: '{"user":"sha256:1"}' });
  });
});

describe('a plan', () => {
  const plan = { environment: 'dev', stacks: { vpc: { kind: 'unchanged' as const } } };
  const base = { ...RUN, command: 'plan' as const, parts: [], plan, fingerprint: 'v1:abc' };

  test('that is complete can be applied', () => {
    const { outputs } = presentEnvironment({ ...base, verdict: 'unchanged', complete: true });
    expect(outputs).toEqual({
      environment: 'dev',
      'awaits-approval': 'false',
      plan: JSON.stringify(plan),
      fingerprint: 'v1:abc',
      'has-changes': 'false',
    });
  });

  test('that waits for an approver is marked', () => {
    const awaitsApproval = 'One of ada starts the workflow.';
    const { outputs, summary } = presentEnvironment({
      ...base,
      verdict: 'planned',
      complete: true,
      awaitsApproval,
    });
    expect(outputs['awaits-approval']).toBe('true');
    expect(summary?.[0]?.body).toContain(
      `This run does not change dev, which has approvers. ${awaitsApproval}`,
    );
  });

  test('that is incomplete cannot', () => {
    const { outputs, result } = presentEnvironment({ ...base, verdict: 'failed', complete: false });
    expect(outputs).toEqual({ environment: 'dev', 'awaits-approval': 'false', 'has-changes': 'false' });
    expect(result).toMatchObject({ fingerprint: 'v1:abc', notes: [] });
  });
});

test('lists each possible data loss in a note', () => {
  const losses = ['data/Table (AWS::DynamoDB::Table)'];
  const { ok, result } = presentEnvironment({ ...RUN, command: 'destroy', verdict: 'blocked', losses });
  expect(ok).toBe(false);
  expect(result).toMatchObject({ notes: ['Would be deleted: data/Table (AWS::DynamoDB::Table)'] });
});

test('shows the differences of a changed plan', () => {
  const difference = ['vpc: its change set has different changes.'];
  const { result } = presentEnvironment({ ...RUN, command: 'apply', verdict: 'plan-changed', difference });
  expect(result).toMatchObject({ parts: [], notes: difference, difference });
});

test('shows the worst checks first, then the fixes', () => {
  const result: EnvironmentResult = {
    ...ABOUT,
    command: 'doctor',
    verdict: 'not-ready',
    policies: [],
    checks: [
      { name: 'the role deploy', state: 'ok', says: 'fine' },
      { name: 'the stack dev-shop-vpc', state: 'problem', says: 'stuck', fix: 'Delete the stack.' },
    ],
  };
  expect(titles(result)).toEqual(['Readiness of `dev`', 'Fix: the stack dev-shop-vpc']);
  const body = presentEnvironment(result).summary?.[0]?.body ?? '';
  expect(body.indexOf('dev-shop-vpc')).toBeLessThan(body.indexOf('the role deploy'));
});

test('shows the differences of a drifted stack; a stack in sync is only in the table', () => {
  const compared = { region: 'eu-west-1', command: 'drift' as const, durationMs: 0, notes: [] };
  const result: EnvironmentResult = {
    ...ABOUT,
    command: 'drift',
    verdict: 'drifted',
    stacks: [
      { stackName: 'dev-shop-gone', state: 'missing', reason: 'There is no stack dev-shop-gone.' },
      {
        stackName: 'dev-shop-vpc',
        state: 'unknown',
        reason: 'x',
        result: { ...compared, stackName: 'dev-shop-vpc', verdict: 'failed', reason: 'x' },
      },
      {
        stackName: 'dev-shop-ok',
        state: 'in-sync',
        reason: 'y',
        result: { ...compared, stackName: 'dev-shop-ok', verdict: 'unchanged', reason: 'y' },
      },
    ],
  };
  expect(titles(result)).toEqual(['Drift of dev', '❌ dev-shop-vpc: failed']);
  expect(presentEnvironment(result).outputs).toEqual({ environment: 'dev', issue: '' });
});
