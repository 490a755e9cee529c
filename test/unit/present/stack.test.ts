import { describe, expect, test } from '@jest/globals';
import type { StackResult } from '../../../src/cloudformation/commands/result.ts';
import type { Cause } from '../../../src/cloudformation/diagnosis/diagnosis.ts';
import type { ResourceStep } from '../../../src/cloudformation/execution/events.ts';
import { fitSections } from '../../../src/core/markdown/sections.ts';
import { duration } from '../../../src/core/text.ts';
import type { Plan } from '../../../src/cloudformation/change-set/changes.ts';
import { presentStack } from '../../../src/present/stack.ts';
import { stackOf } from '../cloudformation/aws.ts';

const T0 = Date.UTC(2026, 0, 1);

interface Values {
  verdict?: 'updated' | 'failed';
  reason?: string;
  notes?: string[];
  rootCause?: Cause;
  alsoFailed?: Cause[];
  timeline?: ResourceStep[];
  outputs?: Record<string, string>;
}

function resultOf(values: Values): StackResult {
  const {
    verdict = 'updated',
    reason = 'Stack dev-shop-vpc was updated in 9s: 1 changed.',
    rootCause,
  } = values;
  const run = {
    stackName: 'dev-shop-vpc',
    region: 'eu-west-1',
    command: 'deploy' as const,
    reason,
    durationMs: 12_000,
    notes: values.notes ?? [],
    stack: stackOf({ outputs: values.outputs ?? {} }),
  };
  if (verdict === 'updated') return { ...run, verdict };
  const timeline = {
    steps: values.timeline ?? [],
    failures: [],
    rolledBack: true,
    rollbackReason: undefined,
  };
  const diagnosis = {
    alsoFailed: values.alsoFailed ?? [],
    rollbackFailures: [],
    rolledBack: true,
    ...(rootCause && { rootCause }),
  };
  return { ...run, verdict, timeline, diagnosis };
}

const markdown = (values: Values, limit = 1_000_000): string =>
  fitSections(presentStack(resultOf(values)).summary ?? [], limit, 'characters');

const failed = (logicalId: string, type: string, reason: string): Cause => ({
  logicalId,
  nesting: [],
  type,
  reason,
});

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

  test('of a failure shows the cause first', () => {
    const rootCause = {
      logicalId: 'Subnet',
      nesting: ['Network'],
      type: 'AWS::EC2::Subnet',
      reason: 'The CIDR `x` | conflicts',
      code: 'InvalidRequest',
      hint: 'Give it another one.',
      file: 'templates/vpc.yml',
      line: 12,
    };
    const text = markdown({ verdict: 'failed', rootCause, outputs: { A: 'b' } });
    expect(text).toContain('### ❌ dev-shop-vpc: failed');
    expect(text).toContain(
      '**Network/Subnet** (`AWS::EC2::Subnet`, `templates/vpc.yml:12`) `InvalidRequest`',
    );
    expect(text).toContain('```\nThe CIDR `x` | conflicts\n```');
    expect(text).toContain('**Fix:** Give it another one.');
    expect(text.indexOf('### Root cause')).toBeLessThan(text.indexOf('### Outputs'));
  });

  test('lists ten of the other failures', () => {
    const alsoFailed = Array.from({ length: 12 }, (_, index) => failed(`R${index}`, 'A::B::C', 'bad'));
    const text = markdown({ verdict: 'failed', alsoFailed });
    expect(text).toContain('`R9`');
    expect(text).not.toContain('`R10`');
    expect(text).toContain('… and 2 more.');
  });

  test('draws the timeline in order, with the rollback', () => {
    const step = {
      nesting: [],
      type: 'A::B::C',
      physicalId: 'c-1',
      action: 'create' as const,
      status: 'CREATE_COMPLETE',
      rollback: false,
    };
    const text = markdown({
      verdict: 'failed',
      timeline: [
        { ...step, logicalId: 'Late', startedAt: T0 + 6000, endedAt: T0 + 12_000 },
        { ...step, logicalId: 'Early', startedAt: T0, endedAt: T0 + 6000 },
        { ...step, logicalId: 'Running', startedAt: T0 },
        {
          ...step,
          logicalId: 'Back',
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
    const rootCause = failed('X|Y', 'A::B::C', nasty);
    const text = markdown({
      verdict: 'failed',
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
      logicalId: `Resource${index}`,
      nesting: [],
      physicalId: 'topic-1',
      action: 'create' as const,
      type: 'AWS::SNS::Topic',
      status: 'CREATE_COMPLETE',
      startedAt: T0,
      endedAt: T0 + index,
      rollback: false,
    }));
    const rootCause = failed('Vpc', 'AWS::EC2::VPC', 'bad');
    const text = markdown({ verdict: 'failed', timeline, rootCause }, 20_000);
    expect(text.length).toBeLessThanOrEqual(20_000);
    expect(text).toContain('### Root cause');
  });
});

describe('the annotations of a run', () => {
  const run = {
    stackName: 'app',
    region: 'eu-west-1',
    command: 'deploy' as const,
    reason: 'no matter',
    template: 'app.yml',
    durationMs: 0,
    notes: [],
  };

  test('put each cause on its line, the root cause first', () => {
    const rootCause = { ...failed('Vpc', 'AWS::EC2::VPC', 'bad'), file: 'app.yml', line: 2 };
    const also = { ...failed('Subnet', 'AWS::EC2::Subnet', 'worse'), nesting: ['Network'], hint: 'Mend it.' };
    const diagnosis = { rootCause, alsoFailed: [also], rollbackFailures: [also], rolledBack: true };
    expect(presentStack({ ...run, verdict: 'failed', diagnosis }).annotations).toEqual([
      {
        level: 'error',
        title: 'Root cause: Vpc',
        message: 'AWS::EC2::VPC failed: bad',
        priority: 100,
        file: 'app.yml',
        line: 2,
      },
      {
        level: 'error',
        title: 'Rollback failed: Network/Subnet',
        message: 'AWS::EC2::Subnet failed: worse\nFix: Mend it.',
        priority: 90,
      },
      expect.objectContaining({ title: 'Also failed: Network/Subnet', priority: 10 }),
    ]);
  });

  test("put CloudFormation's refusals on the line of the template", () => {
    const message = 'Property DBInstanceClass of resource Db is wrong';
    const finding = { level: 'error' as const, message, logicalId: 'Db', file: 'app.yml', line: 5 };
    const general = { level: 'warning' as const, message };
    const findings = [finding, general];
    expect(presentStack({ ...run, verdict: 'failed', findings }).annotations).toEqual([
      { level: 'error', title: 'Db', message, priority: 10, file: 'app.yml', line: 5 },
      { level: 'warning', title: 'CloudFormation warning', message, priority: 0 },
    ]);
  });

  test.each([
    ['blocked', 'error'],
    ['planned', 'warning'],
  ] as const)('of a plan that is %s show possible losses as %s', (verdict, level) => {
    const guard = [
      {
        logicalId: 'Table',
        nesting: [],
        type: 'AWS::DynamoDB::Table',
        harm: 'delete' as const,
        message: 'Table would be deleted',
        allow: { input: 'allow-delete' as const, value: 'Table' },
        line: 3,
      },
    ];
    const plan = {
      stackName: 'app',
      stackId: 'x',
      changeSetName: 'plan-1',
      changeSetId: 'y',
      kind: 'update' as const,
      hasChanges: true,
      changes: [],
      fingerprint: 'v1:0',
    };
    expect(presentStack({ ...run, verdict, plan, guard }).annotations).toEqual([
      {
        level,
        title: 'Data would be lost',
        message: 'Table would be deleted',
        priority: 80,
        file: 'app.yml',
        line: 3,
      },
    ]);
  });

  test('warn about resources that a complete update could not delete', () => {
    const failure = {
      ...failed('Old', 'AWS::EC2::VPC', 'in use'),
      physicalId: 'vpc-1',
      status: 'DELETE_FAILED',
      at: T0,
      rollback: false,
    };
    const timeline = { steps: [], failures: [failure], rolledBack: false, rollbackReason: undefined };
    const execution = { status: 'UPDATE_COMPLETE', timeline, durationMs: 1 };
    expect(presentStack({ ...run, verdict: 'updated', execution }).annotations).toEqual([
      {
        level: 'warning',
        title: 'Left behind',
        message: 'The old Old (AWS::EC2::VPC) could not be deleted and still exists: in use',
        priority: 50,
      },
    ]);
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

test.each([
  ['with changes', true, 'plan-1'],
  ['without', false, ''],
])('the plan %s has the same name in the output and in the result', (_, hasChanges, name) => {
  const plan: Plan = {
    kind: 'update',
    stackName: 'dev-shop-vpc',
    stackId: 'arn:aws:cloudformation:eu-west-1:111111111111:stack/dev-shop-vpc/1',
    changeSetName: 'plan-1',
    changeSetId: 'arn:aws:cloudformation:eu-west-1:111111111111:changeSet/plan-1/1',
    fingerprint: 'abc',
    hasChanges,
    changes: [],
  };
  const shown = presentStack({ ...resultOf({}), plan });
  expect(shown.outputs['plan']).toBe(name);
  expect(shown.result['plan']).toBe(name);
});
