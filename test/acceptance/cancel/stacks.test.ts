import { afterEach, describe, expect, test } from '@jest/globals';
import type { Scenario } from '../../../sandbox/index.ts';
import { DEV } from '../../support/aws-clients.ts';
import { ScaleEnvironment } from '../../support/scale/environment.ts';
import { cancelled, type CancelledRun, isLocked, stacksTold } from './cancelled.ts';

const open: ScaleEnvironment[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((environment) => environment.close()));
});

/** An environment of independent stacks whose operations of this kind do not end. */
async function environmentOf(
  stacks: number,
  endless: 'create' | 'update' | 'delete' | 'none',
  scenario: Scenario = {},
): Promise<ScaleEnvironment> {
  const rule = { match: { type: 'AWS::SNS::Topic' }, on: 'create' as const, seconds: 1e7 };
  const resources = endless === 'none' ? [] : [{ ...rule, on: endless }];
  const environment = await ScaleEnvironment.start({
    ...{ stacks, services: 0, chain: 0 },
    scenario: { ...scenario, resources },
  });
  open.push(environment);
  const files = namesOf(stacks).map((name) => `templates/${name.replace('dev-shop-', '')}.yml`);
  environment.write(Object.fromEntries(files.map((file) => [file, TOPIC])));
  return environment;
}

const TOPIC = `
Parameters: { Colour: { Type: String } }
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref Colour } }
`;

function namesOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `dev-shop-plain-${String(index + 1).padStart(3, '0')}`);
}

/** The stack in a sentence or a command. */
function stackIn(text: string): string {
  return /dev-shop-plain-\d+/.exec(text)?.[0] ?? text;
}

function expectCancelled({ run }: CancelledRun): void {
  expect({ exitCode: run.exitCode, verdict: run.outputs['verdict'], log: run.log }).toEqual({
    exitCode: 1,
    verdict: 'cancelled',
    log: run.log,
  });
}

interface InFlight {
  count: number;
  does: 'create' | 'update';
  tells: string;
  says: RegExp;
}

const CREATING = {
  does: 'create',
  tells: 'DeleteStack',
  says: /Its deletion was requested and continues on AWS/,
} as const;
const UPDATING = {
  does: 'update',
  tells: 'CancelUpdateStack',
  says: /was cancelled, and CloudFormation is rolling it back/,
} as const;
const IN_FLIGHT: readonly InFlight[] = [
  { count: 30, ...CREATING },
  { count: 100, ...CREATING },
  { count: 30, ...UPDATING },
];

describe.each(IN_FLIGHT)('$count stacks that $does', ({ count, does, tells, says }) => {
  test('are all stopped after one listing, and the lock is released', async () => {
    const environment = await environmentOf(count, does);
    const { sandbox } = environment;
    if (does === 'update') {
      await environment.run();
      environment.recolour('green');
    }
    const ended = await cancelled(sandbox, (options) => environment.run({}, options), {
      operation: 'ExecuteChangeSet',
      times: count,
    });
    expectCancelled(ended);
    expect(stacksTold(ended, tells).sort()).toEqual(namesOf(count));
    expect(ended.after.filter(({ operation }) => operation === 'DescribeStacks').length).toBeLessThanOrEqual(
      Math.ceil(count / 50) + 1,
    );
    const parts = ended.run.result['parts'] as { name: string; verdict: string; reason: string }[];
    expect(parts).toHaveLength(count);
    // On a busy machine, a response may arrive too late. Then the stack is listed.
    const listed = ended.unstopped.map(({ what }) => stackIn(what));
    for (const { name, reason } of parts) {
      expect(reason).toMatch(listed.includes(`dev-shop-${name}`) ? /could not be stopped/ : says);
    }
    expect(await isLocked(sandbox, DEV)).toBe(false);
  });
});

test('a cancelled plan of 100 stacks lists every change set that it leaves', async () => {
  const count = 100;
  const environment = await environmentOf(count, 'none');
  const { sandbox } = environment;
  const ended = await cancelled(sandbox, (options) => environment.run({ command: 'plan' }, options), {
    operation: 'CreateChangeSet',
    times: count,
  });
  expectCancelled(ended);
  const deleted = stacksTold(ended, 'DeleteChangeSet');
  const listed = ended.unstopped.map(({ what }) => stackIn(what));
  expect([...new Set([...deleted, ...listed])].sort()).toEqual(namesOf(count));
  // The empty stacks come last, and have no resources.
  for (const { what } of ended.unstopped) expect(what).toMatch(/^The empty stack dev-shop-plain-\d+$/);
  expect(ended.run.summary).not.toContain('aws cloudformation delete-change-set');
});
