import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ScaleEnvironment } from '../../support/scale/environment.ts';
import type { MeasuredRun } from '../../support/scale/measure.ts';
import { previewsOf } from '../../support/scale/previews.ts';
import { promotionOf } from '../../support/scale/promotion.ts';

/**
 * The maximum calls of each operation of AWS for 20 stacks and 10 services: a call in a new loop exceeds the budget.
 * `BUDGETS=write node test/runtime/jest.js test/acceptance/scale/budgets` writes the counts to budgets.json.
 */
const FILE = join(import.meta.dirname, 'budgets.json');
const isWritten = process.env['BUDGETS'] === 'write';
type Budgets = Record<string, Record<string, number>>;
const budgets: Budgets = isWritten ? {} : (JSON.parse(readFileSync(FILE, 'utf8')) as Budgets);

/**
 * Operations that are polled, or that batch reads, whose counts also depend on the machine. One more call for each
 * stack or service would still exceed the budget.
 */
const VARYING = new Set([
  ...['DescribeStacks', 'DescribeStackEvents', 'DescribeEvents', 'DescribeChangeSet'],
  ...['DescribeStackDriftDetectionStatus', 'DescribeServices', 'DescribeServiceDeployments'],
  ...['DescribeServiceRevisions', 'ListServiceDeployments', 'ListTasks', 'DescribeTasks'],
  ...['DescribeRepositories', 'GetParameter', 'GetParameters'],
]);

function headroom(operation: string, count: number): number {
  return VARYING.has(operation.slice(operation.indexOf(':') + 1)) ? count + 7 + Math.ceil(count / 5) : count;
}

/** Compares a run with the budget of that name. */
function expectWithin(name: string, { calls, totalCalls }: MeasuredRun): void {
  if (isWritten) {
    budgets[name] = Object.fromEntries(
      Object.entries(calls)
        .map(([operation, count]): [string, number] => [operation, headroom(operation, count)])
        .sort(([one], [other]) => (one < other ? -1 : 1)),
    );
    return;
  }
  const budget = budgets[name] ?? {};
  const most = (operation: string): number => budget[operation] ?? headroom(operation, 0);
  const over = Object.entries(calls).filter(([operation, count]) => count > most(operation));
  const under = Object.entries(budget).filter(
    ([operation, count]) => headroom(operation, calls[operation] ?? 0) < count,
  );
  const told = under.map(([operation, count]) => `${operation} ${calls[operation] ?? 0} of ${count}`);
  console.log(
    `${name}: ${totalCalls} calls${told.length > 0 ? `; less than planned: ${told.join(', ')}` : ''}`,
  );
  expect(over.map(([operation, count]) => `${operation}: ${count} of ${most(operation)}`)).toEqual([]);
}

afterAll(() => {
  if (isWritten) writeFileSync(FILE, `${JSON.stringify(budgets, null, 2)}\n`);
});

describe('20 stacks and 10 services', () => {
  let environment: ScaleEnvironment;
  beforeAll(async () => {
    environment = await ScaleEnvironment.start({ stacks: 20, services: 10 });
  });
  afterAll(() => environment.close());

  const steps: [string, string, (last: MeasuredRun | undefined) => Promise<MeasuredRun>][] = [
    ['first deployment', 'deployed', () => environment.run()],
    ['unchanged deployment', 'unchanged', () => environment.run()],
    ['unchanged plan', 'unchanged', () => environment.run({ command: 'plan' })],
    ['status', 'reported', () => environment.run({ command: 'status' })],
    ['drift', 'in-sync', () => environment.run({ command: 'drift' })],
    [
      'plan of a change',
      'planned',
      () => {
        environment.recolour('green');
        return environment.run({ command: 'plan' });
      },
    ],
    ['apply', 'deployed', (plan) => environment.apply(plan ?? { outputs: {} })],
    [
      'deployment of a change',
      'deployed',
      () => {
        environment.recolour('red');
        return environment.run();
      },
    ],
  ];
  let last: MeasuredRun | undefined;
  test.each(steps)('%s', async (name, verdict, command) => {
    last = await command(last);
    expect(last.outputs['verdict']).toBe(verdict);
    expectWithin(name, last);
  });
});

test('a promotion of 10 services', async () => {
  const promotion = await promotionOf(10);
  try {
    const run = await promotion.run();
    expect(run.outputs['verdict']).toBe('promoted');
    expectWithin('promotion', run);
  } finally {
    await promotion.close();
  }
});

test('a sweep of 20 previews, 10 of them closed', async () => {
  const previews = await previewsOf(20);
  try {
    const run = await previews.sweep();
    expect(run.outputs['verdict']).toBe('swept');
    expectWithin('sweep', run);
  } finally {
    await previews.close();
  }
});
