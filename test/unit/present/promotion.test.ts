import { describe, expect, test } from '@jest/globals';
import { fitSections } from '../../../src/core/markdown/sections.ts';
import type { PromotionResult, ReleaseResult } from '../../../src/delivery/promotion/result.ts';
import { presentPromotion } from '../../../src/present/promotion.ts';

const [OLD, NEW] = [`sha256:${'1'.repeat(64)}`, `sha256:${'2'.repeat(64)}`];

const PROMOTED: ReleaseResult = {
  kind: 'release',
  verdict: 'promoted',
  ok: true,
  reason: '1 service runs in staging what runs in dev.',
  report: {
    from: 'dev',
    to: 'staging',
    dryRun: false,
    services: [
      {
        service: 'user-service',
        action: 'promote',
        digest: NEW,
        before: OLD,
        findings: [],
        end: {
          ok: true,
          verdict: 'deployed',
          reason: 'user-service:2 serves with 2 tasks.',
          durationMs: 1000,
          runs: 'the new image',
        },
      },
      { service: 'worker', action: 'none', digest: OLD, before: OLD, findings: [] },
    ],
    commits: [],
    notes: [],
    durationMs: 2000,
  },
};

const summaryOf = (result: PromotionResult): string =>
  fitSections(presentPromotion(result).summary ?? [], 1_000_000);

describe('a promotion', () => {
  test('has its outputs, and its report as the result', () => {
    const { report } = PROMOTED;
    expect(presentPromotion(PROMOTED)).toMatchObject({
      verdict: 'promoted',
      ok: true,
      outputs: {
        from: 'dev',
        to: 'staging',
        images: JSON.stringify({ 'user-service': NEW, worker: OLD }),
        'has-changes': 'true',
        promoted: '["user-service"]',
        skipped: '["worker"]',
      },
      result: { ...report },
    });
    expect(summaryOf(PROMOTED)).toContain('### ✅ dev → staging: promoted');
    expect(summaryOf(PROMOTED)).toContain('`sha256:111111111111` → `sha256:222222222222`');
  });

  test('that restored everything reports no change', () => {
    const [promoted, ...others] = PROMOTED.report.services;
    const end = { ...promoted!.end!, ok: false, verdict: 'rolled-back', runs: 'what it ran before' } as const;
    const report = { ...PROMOTED.report, services: [{ ...promoted!, end }, ...others] };
    const result: PromotionResult = { ...PROMOTED, verdict: 'rolled-back', ok: false, report };
    expect(presentPromotion(result).outputs).toMatchObject({ 'has-changes': 'false', promoted: '[]' });
    expect(presentPromotion(result).fix).toBeUndefined();
  });

  test('that failed has the fix of the first failed service', () => {
    const [promoted, ...others] = PROMOTED.report.services;
    const failure = { cause: 'The container ended', fix: 'Read its log.', log: [] };
    const end = { ...promoted!.end!, ok: false, verdict: 'rolled-back', failure } as const;
    const report = { ...PROMOTED.report, services: [{ ...promoted!, end }, ...others] };
    expect(presentPromotion({ ...PROMOTED, verdict: 'rolled-back', ok: false, report }).fix).toBe(
      'Read its log.',
    );
  });

  test('that failed shows its cause once, with the log above the services', () => {
    const [promoted, ...others] = PROMOTED.report.services;
    const failure = {
      cause: 'The container api exited with code 1 right after it started',
      fix: 'Read its log.',
      awsMessage: 'Essential container in task exited',
      log: ['error: column orders.currency does not exist'],
    };
    const why = `${failure.cause}. The service was rolled back to api:1.`;
    const end = { ...promoted!.end!, ok: false, verdict: 'rolled-back', reason: why, failure } as const;
    const report = { ...PROMOTED.report, services: [{ ...promoted!, end }, ...others] };
    const reason = `user-service: ${why} All services run what they ran before.`;
    const text = summaryOf({ ...PROMOTED, verdict: 'rolled-back', ok: false, reason, report });
    expect(text.split(failure.cause)).toHaveLength(2);
    expect(text.indexOf(failure.log[0]!)).toBeGreaterThan(0);
    expect(text.indexOf(failure.log[0]!)).toBeLessThan(text.indexOf('### Services'));
    expect(text).not.toContain('<summary>The last lines');

    // A second failure is not in the headline.
    const alone = summaryOf({
      ...PROMOTED,
      verdict: 'rolled-back',
      ok: false,
      reason: 'orders: It failed.',
      report,
    });
    expect(alone).toContain(why);
  });

  test('that is blocked shows the findings and has the error', () => {
    const finding = { gate: 'soak', message: 'It runs for 2 min', fix: 'Wait.', bypassed: false } as const;
    const services = [{ service: 'user-service', action: 'blocked', findings: [finding] } as const].map(
      (one) => ({ ...one, findings: [...one.findings] }),
    );
    const error = { code: 'lock-held', message: 'The environment is locked by ada' } as const;
    const report = { ...PROMOTED.report, services };
    const result: PromotionResult = { ...PROMOTED, verdict: 'blocked', ok: false, error, report };
    expect(summaryOf(result)).toContain('| `user-service` | ⛔ soak | It runs for 2 min | Wait. |');
    expect(presentPromotion(result)).toMatchObject({ error, fix: 'Wait.' });
  });
});

describe('a hold', () => {
  const hold = { reason: 'Load test', actor: 'ada', at: '2026-11-25T09:00:00Z', run: '' };
  const HELD: PromotionResult = {
    kind: 'hold',
    verdict: 'hold-set',
    ok: true,
    reason: 'staging is on hold.',
    to: 'staging',
    hold,
  };

  test('that was set is a change', () => {
    const { outputs, result } = presentPromotion(HELD);
    expect(outputs).toEqual({ to: 'staging', from: '', 'has-changes': 'true' });
    expect(result).toEqual({ to: 'staging', hold });
    expect(summaryOf(HELD)).toContain('| 2026-11-25T09:00:00Z | ada | Load test |');
  });

  test('that was only planned, or did not exist, is not a change', () => {
    const planned: PromotionResult = { ...HELD, verdict: 'planned' };
    expect(presentPromotion(planned).outputs).toMatchObject({ 'has-changes': 'false' });
    const { kind, ok, to, reason } = HELD;
    const none: PromotionResult = { kind, ok, to, reason, verdict: 'unchanged' };
    expect(presentPromotion(none).result).toEqual({ to: 'staging' });
  });
});

describe('a status', () => {
  test('is a matrix of services and environments', () => {
    const now = Date.UTC(2026, 10, 25, 12);
    const state = { health: 'healthy', detail: '', digest: NEW, strayed: false, drift: 'none' } as const;
    const released = { ...state, commit: 'abcdef0123', releasedAt: '2026-11-25T09:00:00Z' };
    const result: PromotionResult = {
      kind: 'status',
      verdict: 'failed',
      ok: false,
      reason: 'staging could not be read.',
      report: {
        services: ['user-service'],
        environments: [
          { name: 'dev', from: '', services: { 'user-service': released } },
          { name: 'staging', from: 'dev', services: {}, error: 'AccessDenied' },
        ],
      },
      readAt: now,
    };
    expect(presentPromotion(result)).toMatchObject({
      verdict: 'failed',
      outputs: { 'has-changes': 'false' },
      result: { ...result.report },
    });
    const text = summaryOf(result);
    expect(text).toContain('🟢 `sha256:222222222222`');
    expect(text).toContain('`abcdef0`, 3 h');
    expect(text).toContain('staging cannot be read: AccessDenied');
  });
});
