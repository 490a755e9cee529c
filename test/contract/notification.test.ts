import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import type { InputContract } from '../../src/core/inputs/contract.ts';
import { isNews } from '../../src/core/notification/notification.ts';
import type { Verdicts } from '../../src/core/outcome.ts';
import { presentPromotion } from '../../src/present/promotion.ts';
import { presentSupersede } from '../../src/present/supersede.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/guides/notifications.md'), 'utf8');

const contracts = await Promise.all(
  readdirSync(join(root, 'actions')).map(async (name) => {
    const { contract } = (await import(join(root, 'actions', name, 'contract.ts'))) as {
      contract: { inputs: InputContract; verdicts: Verdicts };
    };
    return { name, ...contract };
  }),
);
const notifying = contracts.filter(({ inputs }) => Object.hasOwn(inputs, 'notify'));

/** Red verdicts without a notification. All other red verdicts of these actions have one. */
const QUIET: Readonly<Record<string, string[]>> = {
  'deploy-environment': ['held', 'outdated'],
  'deploy-stack': [],
  'promote-environment': ['held', 'outdated'],
  'supersede-runs': ['outdated'],
  'update-service': ['held', 'outdated', 'superseded'],
};

test('actions that change an environment have the input notify as a secret', () => {
  expect(notifying.map(({ name }) => name).sort()).toEqual(Object.keys(QUIET).sort());
  for (const { inputs } of notifying) expect(inputs['notify']?.secret).toBe(true);
});

test.each(
  notifying.flatMap(({ name, verdicts }) =>
    Object.keys(verdicts).map((verdict) => ({ name, verdict, verdicts })),
  ),
)('$name: whether the verdict $verdict is posted', ({ name, verdict, verdicts }) => {
  const ok = verdicts[verdict]?.ok === true;
  const outcome = { verdict, ok, reason: '', outputs: {}, result: {} };
  expect(isNews(outcome, verdicts)).toBe(!ok && !QUIET[name]?.includes(verdict));
});

test('the page lists red verdicts that are not posted', () => {
  for (const verdict of new Set(Object.values(QUIET).flat())) expect(page).toContain(`\`${verdict}\``);
});

test.each([
  ['hold-set', true],
  ['hold-released', true],
  ['planned', false],
] as const)('a hold command with the verdict %s is posted: %s', (verdict, news) => {
  const hold = { reason: 'Load test', actor: 'octocat', at: '2026-11-27T12:00:00Z', run: '' };
  const outcome = presentPromotion({ kind: 'hold', ok: true, to: 'prod', reason: '', verdict, hold });
  expect(outcome.announcement !== undefined).toBe(news);
});

test('an approval is posted only if reviewers are required', () => {
  const result = {
    verdict: 'unchanged',
    environment: 'prod',
    reason: 'No other run is waiting for approval of prod.',
  } as const;
  expect(presentSupersede(result).announcement).toBeUndefined();
  expect(presentSupersede(result, { reviewers: ['lead', '@org/ops'], what: '' }).announcement?.text).toMatch(
    /^Reviewers: lead, @org\/ops\. /,
  );
});
