import { describe, expect, test } from '@jest/globals';
import { fitSections } from '../../../src/core/markdown/markdown.ts';
import { duration } from '../../../src/core/text.ts';
import { type StackReport, stackSections } from '../../../src/present/stack.ts';

const T0 = Date.UTC(2026, 0, 1);

function reportOf(values: Partial<StackReport> = {}): StackReport {
  return {
    stackName: 'dev-shop-vpc',
    region: 'eu-west-1',
    command: 'deploy',
    verdict: 'updated',
    ok: true,
    reason: 'Stack dev-shop-vpc was updated in 9s: 1 changed.',
    durationMs: 12_000,
    notes: [],
    alsoFailed: [],
    rollbackFailures: [],
    timeline: [],
    retained: [],
    outputs: {},
    ...values,
  };
}

const markdown = (values: Partial<StackReport> = {}): string =>
  fitSections(stackSections(reportOf(values)), 1_000_000);

describe('the summary of a run', () => {
  test('of a success is short', () => {
    expect(markdown({ outputs: { VpcId: 'vpc-1' } })).toBe(
      [
        '### ✅ dev-shop-vpc: updated',
        '',
        'Stack dev-shop-vpc was updated in 9s: 1 changed.',
        '',
        '`deploy` · eu-west-1 · 12s',
        '',
        '### Outputs',
        '',
        '| Output | Value |',
        '| --- | --- |',
        '| `VpcId` | vpc-1 |',
      ].join('\n'),
    );
  });

  test('of a failure says why before all else', () => {
    const rootCause = {
      path: 'Network/Subnet',
      type: 'AWS::EC2::Subnet',
      reason: 'The CIDR `x` | conflicts',
      code: 'InvalidRequest',
      hint: 'Give it another one.',
      file: 'templates/vpc.yml',
      line: 12,
    };
    const text = markdown({ verdict: 'rolled-back', ok: false, rootCause, outputs: { A: 'b' } });
    expect(text).toContain('### ❌ dev-shop-vpc: rolled-back');
    expect(text).toContain(
      '**Network/Subnet** (`AWS::EC2::Subnet`, `templates/vpc.yml:12`) `InvalidRequest`',
    );
    expect(text).toContain('```\nThe CIDR `x` | conflicts\n```');
    expect(text).toContain('**What to do:** Give it another one.');
    expect(text.indexOf('### Root cause')).toBeLessThan(text.indexOf('### Outputs'));
  });

  test('names ten of what else failed', () => {
    const alsoFailed = Array.from({ length: 12 }, (_, index) => ({
      path: `R${index}`,
      type: 'A::B::C',
      reason: 'bad',
    }));
    const text = markdown({ alsoFailed });
    expect(text).toContain('`R9`');
    expect(text).not.toContain('`R10`');
    expect(text).toContain('… and 2 more.');
  });

  test('draws the timeline in order, rollback told', () => {
    const step = { type: 'A::B::C', status: 'CREATE_COMPLETE', rollback: false };
    const text = markdown({
      timeline: [
        { ...step, path: 'Late', startedAt: T0 + 6000, endedAt: T0 + 12_000 },
        { ...step, path: 'Early', startedAt: T0, endedAt: T0 + 6000 },
        { ...step, path: 'Running', startedAt: T0 },
        {
          ...step,
          path: 'Back',
          status: 'DELETE_COMPLETE',
          startedAt: T0 + 12_000,
          endedAt: T0 + 12_000,
          rollback: true,
        },
      ],
    });
    expect(text).toContain('<summary>Timeline: 3 steps in 12s</summary>');
    const rows = text.split('\n').filter((line) => line.includes('A::B::C'));
    expect(rows).toEqual([
      '| `Early` | `A::B::C` | CREATE_COMPLETE | 6s | `████████████············` |',
      '| `Late` | `A::B::C` | CREATE_COMPLETE | 6s | `············████████████` |',
      '| `Back` | `A::B::C` | DELETE_COMPLETE (rollback) | <1s | `·······················█` |',
    ]);
  });

  test('no text from AWS breaks a table or a fence', () => {
    const nasty = '```\n| a | b |\n@everyone <script>';
    const rootCause = { path: 'X|Y', type: 'A::B::C', reason: nasty };
    const text = markdown({
      reason: nasty,
      notes: [nasty],
      rootCause,
      alsoFailed: [rootCause],
      outputs: { K: nasty },
    });
    expect(text).toContain('````\n```');
    expect(text.replace(/^````\n[^]*?^````$/m, '')).not.toMatch(/@everyone|<script>/);
    for (const row of text.split('\n').filter((line) => line.startsWith('| `'))) {
      expect(row.replaceAll('\\|', '').match(/\|/g)?.length).toBeLessThanOrEqual(4);
    }
  });

  test('of 5,000 resources keeps the cause within a comment', () => {
    const timeline = Array.from({ length: 5000 }, (_, index) => ({
      path: `Resource${index}`,
      type: 'AWS::SNS::Topic',
      status: 'CREATE_COMPLETE',
      startedAt: T0,
      endedAt: T0 + index,
      rollback: false,
    }));
    const rootCause = { path: 'Vpc', type: 'AWS::EC2::VPC', reason: 'bad' };
    const text = fitSections(stackSections(reportOf({ timeline, rootCause })), 20_000, 'characters');
    expect(text.length).toBeLessThanOrEqual(20_000);
    expect(text).toContain('### Root cause');
  });
});

test.each([
  [0, '<1s'],
  [499, '<1s'],
  [1000, '1s'],
  [59_400, '59s'],
  [106_000, '1m 46s'],
  [3_720_000, '1h 02m'],
])('%i ms is %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});
