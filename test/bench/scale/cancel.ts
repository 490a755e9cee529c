import type { ChildProcess } from 'node:child_process';
import { GetParametersByPathCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { Sandbox } from '../../../sandbox/index.ts';
import { clientOf } from '../../support/aws-clients.ts';
import { ACCOUNTS } from '../../support/promotion.ts';
import { ScaleEnvironment } from '../../support/scale/environment.ts';
import type { MeasuredRun } from '../../support/scale/measure.ts';
import { promotionOf } from '../../support/scale/promotion.ts';
import { atLeast, atMost, type Row, sized } from './row.ts';

const STACKS = 100;
const ROLLOUTS = 80;
/** GitHub's runner kills a cancelled step 7.5 s after SIGINT; the actions stop half a second earlier. */
const LIMIT_S = 7;

/** What a cancelled job still does while 100 stacks are being created, and during 80 rollouts. */
export async function measureCancel(size: number): Promise<Row[]> {
  return [...(await cancelStacks(sized(STACKS, size))), ...(await cancelRollouts(sized(ROLLOUTS, size)))];
}

async function cancelStacks(stacks: number): Promise<Row[]> {
  const environment = await ScaleEnvironment.start({
    ...{ stacks, services: 0, chain: 0, readers: 0 },
    scenario: { resources: [{ match: { stack: 'dev-shop' }, on: 'create', seconds: 3_600_000 }] },
  });
  const { sandbox } = environment;
  try {
    const cancelled = await cancelAfter(sandbox, 'ExecuteChangeSet', stacks, (onStart) =>
      environment.run({}, { onStart, limitMs: 1_200_000 }),
    );
    return await rowsOf(sandbox, ACCOUNTS.dev, '/shop/dev', cancelled, {
      what: `${stacks} stacks`,
      operation: 'DeleteStack',
      wanted: stacks,
      told: entries(cancelled.run, 'parts'),
    });
  } finally {
    await environment.close();
  }
}

async function cancelRollouts(services: number): Promise<Row[]> {
  const promotion = await promotionOf(services, { bootSeconds: 10_000_000 });
  const { sandbox } = promotion.world;
  try {
    const cancelled = await cancelAfter(sandbox, 'UpdateService', services, (onStart) =>
      promotion.run({ onStart, limitMs: 1_200_000 }),
    );
    return await rowsOf(sandbox, ACCOUNTS.staging, '/shop/staging', cancelled, {
      what: `${services} rollouts`,
      operation: 'StopServiceDeployment',
      wanted: services,
      told: entries(cancelled.run, 'services'),
    });
  } finally {
    await promotion.close();
  }
}

interface Cancelled {
  run: MeasuredRun;
  /** From the signal to the end of the process. */
  seconds: number;
}

/** Sends SIGINT, like GitHub to a cancelled job, when the nth call of an operation arrives. */
async function cancelAfter(
  sandbox: Sandbox,
  operation: string,
  count: number,
  start: (onStart: (child: ChildProcess) => void) => Promise<MeasuredRun>,
): Promise<Cancelled> {
  const earlier = sandbox.calls.of(operation).length;
  let signalled = NaN;
  const run = await start((child) => {
    void sandbox.calls.arrival({ operation }, earlier + count).then(() => {
      signalled = performance.now();
      child.kill('SIGINT');
    });
  });
  return { run, seconds: (performance.now() - signalled) / 1000 };
}

async function rowsOf(
  sandbox: Sandbox,
  account: string,
  path: string,
  { seconds, run }: Cancelled,
  expected: { what: string; operation: string; wanted: number; told: number },
): Promise<Row[]> {
  const { what, operation, wanted, told } = expected;
  const name = `cancel with ${what}`;
  const calls = Object.entries(run.calls).find(([key]) => key.endsWith(`:${operation}`))?.[1] ?? 0;
  const locks = await countLocks(sandbox, account, path);
  return [
    atLeast(`${name}: ${operation}`, calls, wanted),
    atLeast(`${name}: listed in the result`, told, wanted),
    atMost(`${name}: locks left`, locks, 0),
    atMost(`${name}: from the signal to the end`, seconds, LIMIT_S, ' s'),
  ];
}

function entries({ result }: MeasuredRun, key: string): number {
  const found = result[key];
  return Array.isArray(found) ? found.length : 0;
}

/** The locks of an environment and its services that exist. */
async function countLocks(sandbox: Sandbox, account: string, path: string): Promise<number> {
  const client = clientOf(sandbox, SSMClient, account);
  let count = 0;
  let next: string | undefined;
  do {
    const command = new GetParametersByPathCommand({ Path: path, Recursive: true, NextToken: next });
    const { Parameters = [], NextToken } = await client.send(command);
    count += Parameters.filter(({ Name = '' }) => Name.endsWith('/lock')).length;
    next = NextToken;
  } while (next !== undefined);
  return count;
}
