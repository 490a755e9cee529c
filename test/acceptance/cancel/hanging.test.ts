import { afterEach, describe, expect, test } from '@jest/globals';
import type { FaultRule } from '../../../sandbox/index.ts';
import { DEV } from '../../support/aws-clients.ts';
import { ScaleEnvironment } from '../../support/scale/environment.ts';
import { cancelled, isLocked } from './cancelled.ts';

const open: ScaleEnvironment[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((environment) => environment.close()));
});

const COUNT = 8;

interface Hanging {
  name: string;
  fault: FaultRule;
  signal?: NodeJS.Signals;
  again?: { operation: string; signal: NodeJS.Signals };
  /** The maximum number of stacks that may be stopped before AWS no longer responds. */
  told: number;
}

const HANGING: readonly Hanging[] = [
  {
    name: 'AWS does not respond',
    fault: { kind: 'delay', operation: 'DeleteStack', delayMs: 60_000 },
    told: 0,
  },
  {
    name: 'AWS refuses every call to stop, on SIGTERM',
    fault: { kind: 'throttle', operation: 'DeleteStack' },
    signal: 'SIGTERM',
    told: 0,
  },
  {
    name: 'AWS refuses all but three calls to stop',
    fault: { kind: 'throttle', operation: 'DeleteStack', nth: 4 },
    told: 3,
  },
  {
    name: 'a second signal arrives while AWS does not respond',
    fault: { kind: 'delay', operation: 'DeleteStack', delayMs: 60_000 },
    again: { operation: 'DeleteStack', signal: 'SIGTERM' },
    told: 0,
  },
];

describe.each(HANGING)('$name', ({ fault, signal = 'SIGINT', again, told }) => {
  test('lists the operations that could not be stopped with their commands, and releases the lock', async () => {
    const endless = { match: { type: 'AWS::SNS::Topic' }, on: 'create' as const, seconds: 1e7 };
    const environment = await ScaleEnvironment.start({
      ...{ stacks: COUNT, services: 0, chain: 0, readers: COUNT },
      scenario: { resources: [endless] },
    });
    open.push(environment);
    environment.write(
      Object.fromEntries(
        Array.from({ length: COUNT }, (_, index) => [`templates/plain-00${index + 1}.yml`, TOPIC]),
      ),
    );
    const { sandbox } = environment;
    const { run, unstopped } = await cancelled(sandbox, (options) => environment.run({}, options), {
      operation: 'ExecuteChangeSet',
      times: COUNT,
      signal,
      before: () => {
        sandbox.addFault({ times: 1000, ...fault });
      },
      ...(again && { again }),
    });
    expect({ exitCode: run.exitCode, verdict: run.outputs['verdict'], log: run.log }).toEqual({
      exitCode: 1,
      verdict: 'cancelled',
      log: run.log,
    });
    expect(unstopped).toHaveLength(COUNT - told);
    for (const { what, command } of unstopped) {
      const name = /^The creation of stack (dev-shop-plain-00\d)$/.exec(what)?.[1] ?? '';
      expect(command).toBe(`aws cloudformation delete-stack --stack-name ${name} --region eu-west-1`);
      expect(run.summary).toContain(`# ${what}\n${command}\n`);
    }
    const parts = run.result['parts'] as { reason: string }[];
    expect(parts.filter(({ reason }) => reason.includes('could not be stopped'))).toHaveLength(COUNT - told);
    expect(await isLocked(sandbox, DEV)).toBe(false);
  });
});

const TOPIC = `
Parameters: { Colour: { Type: String } }
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref Colour } }
`;
