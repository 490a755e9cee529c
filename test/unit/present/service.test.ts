import { describe, expect, test } from '@jest/globals';
import { fitSections } from '../../../src/core/markdown/sections.ts';
import type { ServiceResult } from '../../../src/delivery/release/result.ts';
import { presentRollback, presentService } from '../../../src/present/service.ts';

const T0 = Date.UTC(2026, 0, 1);
const DIGEST = `sha256:${'1'.repeat(64)}`;

const DEPLOYED: ServiceResult = {
  verdict: 'deployed',
  ok: true,
  reason: 'user-service:2 serves with 2 tasks.',
  cluster: 'dev-shop',
  service: 'user-service',
  region: 'eu-west-1',
  strategy: 'ROLLING',
  deployment: 'abc',
  taskDefinition: 'user-service:2',
  previousTaskDefinition: 'user-service:1',
  digests: { 'user-service': DIGEST },
  changes: [{ path: 'user-service.image', before: 'a', after: 'b' }],
  findings: [],
  timeline: [
    { at: T0, text: 'Registered user-service:2.' },
    { at: T0 + 61_000, text: 'user-service:2 serves with 2 tasks.' },
  ],
  durationMs: 61_400,
  notes: [],
};

const FAILED: ServiceResult = {
  ...DEPLOYED,
  verdict: 'rolled-back',
  ok: false,
  reason: 'The container exited with code 1. The service was rolled back to user-service:1.',
  rollback: { to: 'user-service:1', state: 'complete' },
  failure: {
    cause: 'The container exited with code 1',
    fix: 'Read its log.',
    awsMessage: 'Essential container in task exited',
    groups: [{ cause: 'The container exited with code 1', count: 2, task: '0123', exitCode: 1 }],
    log: { stream: 'ecs/app/0123', lines: Array.from({ length: 12 }, (_, index) => `line ${index}`) },
  },
  findings: [{ level: 'warning', message: 'The images cannot be checked.', fix: 'Allow it.' }],
};

const summaryOf = (result: ServiceResult): string =>
  fitSections(presentService(result).summary ?? [], 1_000_000);

test('a failure has its fix, and a rollback by command is posted', () => {
  expect(presentService(FAILED).fix).toBe('Read its log.');
  expect(presentService(DEPLOYED)).not.toHaveProperty('fix');
  expect(presentRollback(DEPLOYED).announcement).toEqual({
    icon: '↩️',
    title: 'update-service: rolled back',
  });
  expect(presentRollback(FAILED).announcement).toBeUndefined();
});

describe('a successful release', () => {
  test('has its outputs, and its report as the result', () => {
    const { verdict, ok, reason, ...report } = DEPLOYED;
    expect(presentService(DEPLOYED)).toMatchObject({
      verdict,
      ok,
      reason,
      outputs: {
        deployment: 'abc',
        'task-definition': 'user-service:2',
        'previous-task-definition': 'user-service:1',
        digests: JSON.stringify({ 'user-service': DIGEST }),
        'duration-seconds': '61',
      },
      result: report,
      annotations: [],
    });
  });

  test('shows what is running, what changed and when', () => {
    const text = summaryOf(DEPLOYED);
    expect(text).toContain('### ✅ user-service: deployed');
    expect(text).toContain('`user-service:1 → user-service:2`');
    expect(text).toContain('| `user-service.image` | `a` | `b` |');
    expect(text).toContain('+1m 01s');
  });
});

describe('a failed release', () => {
  test('is annotated with the cause, the fix and the end of the log, before the findings', () => {
    const [why, before] = presentService(FAILED).annotations ?? [];
    expect(why).toMatchObject({ level: 'error', title: 'Root cause: user-service', priority: 500 });
    expect(why?.message).toMatch(
      /^The container exited with code 1\nAWS reported: "Essential container in task exited"\nFix: Read its log\.\nLog:\nline 2\n/,
    );
    expect(why?.message).toMatch(/line 11$/);
    expect(before).toEqual({
      level: 'warning',
      title: 'user-service, before the deployment',
      message: 'The images cannot be checked.\nFix: Allow it.',
    });
  });

  test('notes and findings without a fix are shown without one', () => {
    const findings = [
      { level: 'note', message: 'The role cannot be checked.' },
      { level: 'warning', message: 'The images cannot be checked.' },
    ] as const;
    const shown = presentService({ ...DEPLOYED, findings });
    expect(shown.annotations?.map(({ message }) => message)).toEqual(['The images cannot be checked.']);
    expect(summaryOf({ ...DEPLOYED, findings })).toContain('| ℹ️ | The role cannot be checked. |  |');
  });

  test('shows the cause before the changes', () => {
    const text = summaryOf(FAILED);
    expect(text.indexOf('### Root cause')).toBeGreaterThan(0);
    expect(text.indexOf('### Root cause')).toBeLessThan(text.indexOf('### Rollback'));
    expect(text).toContain('To `user-service:1`: **complete**.');
  });

  test('has the error of the run', () => {
    const error = { code: 'timed-out', message: 'the release did not finish' } as const;
    const result: ServiceResult = { ...FAILED, verdict: 'timed-out', error };
    expect(presentService(result).error).toEqual(error);
    expect(presentService(FAILED)).not.toHaveProperty('error');
  });
});
