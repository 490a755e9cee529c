import { GetParameterCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import type { SSMClient } from '@aws-sdk/client-ssm';
import { describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { ssmClient } from '../../../src/aws/clients.ts';
import {
  environmentLock,
  holderOf,
  type LockContext,
  type LockRequest,
  lockVersion,
  serviceLock,
  withLock,
} from '../../../src/delivery/lock.ts';
import { ledgerNames } from '../../../src/delivery/ledger.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { CancelledError } from '../../../src/core/errors.ts';
import { RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import { recordingLog } from '../core/fakes.ts';
import { configOf, refusal, sandboxOf, ssmOf } from '../sandbox/clients.ts';

const NAME = '/shop/prod/lock';

function requestOf(who: string, waitMs = 0): LockRequest {
  return {
    ...environmentLock({ project: 'shop', environment: 'prod' }),
    who,
    run: `https://runs/${who}`,
    waitMs,
  };
}

test('a service has its own lock next to its ledger', () => {
  const names = ledgerNames({ project: 'shop', environment: 'prod', service: 'user-service' });
  expect(serviceLock(names).parameter).toBe('/shop/prod/user-service/lock');
  expect(environmentLock({ project: 'shop', environment: 'prod' }).parameter).toBe(NAME);
});

function contextOf(sandbox: Sandbox, clock = systemClock): LockContext & { lines: string[] } {
  const { log, lines } = recordingLog();
  const limiter = new RateLimiter({ perSecond: 1000, burst: 1000, clock: systemClock });
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const ssm = () => ssmClient(configOf(sandbox), { clock: systemClock, limiter });
  return { log, lines, clock, signal: new AbortController().signal, ssm };
}

const read = async (ssm: SSMClient): Promise<Record<string, unknown>> => {
  const { Parameter } = await ssm.send(new GetParameterCommand({ Name: NAME }));
  return JSON.parse(Parameter?.Value ?? '') as Record<string, unknown>;
};
const write = (ssm: SSMClient, value: string, Overwrite = false) =>
  ssm.send(new PutParameterCommand({ Name: NAME, Type: 'String', Value: value, Overwrite }));
const record = (who: string, expires: number, over?: object): string =>
  JSON.stringify({ token: who, who, run: 'https://runs/old', since: 1_764_000_000_000, expires, over });

/** A clock whose minutes pass when the test decides. */
function steppedClock(): { clock: typeof systemClock; step: () => void } {
  let wake: () => void = () => undefined;
  const sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    ms < 60_000
      ? systemClock.sleep(ms, signal)
      : new Promise((resolve, reject) => {
          wake = resolve;
          signal?.addEventListener('abort', () => {
            reject(signal.reason as Error);
          });
        });
  return {
    clock: { now: () => systemClock.now(), sleep },
    step: () => {
      wake();
    },
  };
}

describe('the lock of an environment', () => {
  test('records who holds it, in which run, since when and until when, and is deleted afterwards', async () => {
    const sandbox = await sandboxOf();
    const ssm = ssmOf(sandbox);
    const before = Date.now();
    const held = await withLock(contextOf(sandbox), requestOf('ada'), () => read(ssm));
    expect(held).toMatchObject({ who: 'ada', run: 'https://runs/ada' });
    expect(held['since']).toBeGreaterThanOrEqual(before);
    expect(held['expires']).toBeGreaterThan(Date.now());
    expect((await refusal(read(ssm))).name).toBe('ParameterNotFound');
  });

  test('is released if the work fails, and the failure is thrown', async () => {
    const sandbox = await sandboxOf();
    const work = withLock(contextOf(sandbox), requestOf('ada'), () => Promise.reject(new Error('no image')));
    await expect(work).rejects.toThrow('no image');
    expect((await refusal(read(ssmOf(sandbox)))).name).toBe('ParameterNotFound');
  });

  test('held by another run is an error that names the holder and the time', async () => {
    const sandbox = await sandboxOf();
    await write(ssmOf(sandbox), record('ada', Date.now() + 60_000));
    const work = withLock(contextOf(sandbox), requestOf('bob'), () => Promise.resolve());
    await expect(work).rejects.toThrow(
      'The environment is locked by ada since 2025-11-24T16:00:00Z (https://runs/old). The lock is the parameter /shop/prod/lock',
    );
  });

  test('is awaited and acquired once it is released', async () => {
    const sandbox = await sandboxOf();
    const waiting = contextOf(sandbox);
    const order: string[] = [];
    let second: Promise<void> | undefined;
    await withLock(contextOf(sandbox), requestOf('ada'), async () => {
      second = withLock(waiting, requestOf('bob', 60_000), () => {
        order.push('bob');
        return Promise.resolve();
      });
      await sandbox.calls.arrival({ operation: 'GetParameterHistory' });
      order.push('ada');
    });
    await second;
    expect(order).toEqual(['ada', 'bob']);
    expect(waiting.lines.join('\n')).toContain('The environment is locked by ada since');
  });

  test('of a lost holder is taken over', async () => {
    const sandbox = await sandboxOf();
    const ssm = ssmOf(sandbox);
    await write(ssm, record('ada', Date.now() - 1));
    const context = contextOf(sandbox);
    const held = await withLock(context, requestOf('bob'), () => read(ssm));
    expect(held).toMatchObject({ who: 'bob', over: { version: 1, token: 'ada' } });
    expect(context.lines.join('\n')).toContain('was not renewed in time. Taking it over');
  });

  test('is acquired by only one of several runs', async () => {
    const sandbox = await sandboxOf();
    await write(ssmOf(sandbox), record('ada', Date.now() - 1));
    let refusals = 0;
    let most = 0;
    let inside = 0;
    let rest: () => void;
    const othersRefused = new Promise<void>((resolve) => (rest = resolve));
    const attempts = ['b', 'c', 'd', 'e'].map(async (who) => {
      const work = async (): Promise<void> => {
        most = Math.max(most, ++inside);
        await othersRefused;
        inside--;
      };
      await withLock(contextOf(sandbox), requestOf(who), work).catch((error: unknown) => {
        if (++refusals === 3) rest();
        throw error;
      });
    });
    const ends = await Promise.allSettled(attempts);
    expect(most).toBe(1);
    const refused = ends.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
    expect(refused).toHaveLength(3);
    for (const { reason } of refused) expect(String(reason)).toMatch(/locked by [bcde] since/);
  });

  test('is ours even if the response to the claim was lost', async () => {
    const sandbox = await sandboxOf();
    sandbox.addFault({ kind: 'reset', operation: 'PutParameter', after: true });
    const work = withLock(contextOf(sandbox), requestOf('ada'), () => Promise.resolve('done'));
    await expect(work).resolves.toBe('done');
  });

  test('is released if the job is cancelled before the response to the claim', async () => {
    const sandbox = await sandboxOf();
    const cancel = new AbortController();
    const context = contextOf(sandbox);
    const client = await context.ssm();
    const send = client.send.bind(client) as (command: object) => Promise<unknown>;
    client.send = (async (command: object) => {
      const answer = await send(command);
      if (!(command instanceof PutParameterCommand)) return answer;
      cancel.abort(new Error('cancelled'));
      throw new Error('the answer did not come');
    }) as typeof client.send;
    const cancelled = { ...context, signal: cancel.signal, ssm: () => Promise.resolve(client) };
    const work = withLock(cancelled, requestOf('ada'), () => Promise.resolve());
    await expect(work).rejects.toThrow('cancelled');
    expect((await refusal(read(ssmOf(sandbox)))).name).toBe('ParameterNotFound');
  });

  test('that was never acquired is not released', async () => {
    const sandbox = await sandboxOf();
    await write(ssmOf(sandbox), record('ada', Date.now() + 60_000));
    const cancel = new AbortController();
    const context = contextOf(sandbox);
    let waits = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (waits = resolve));
    const log = { ...context.log, info: waits };
    const work = withLock({ ...context, log, signal: cancel.signal }, requestOf('bob', 60_000), () => {
      throw new Error('it is ada’s');
    });
    await waiting;
    // From here on nothing is answered: a release would be reported.
    const denied = { kind: 'error' as const, code: 'AccessDeniedException', status: 400, times: 9 };
    sandbox.addFault({ ...denied, operation: 'GetParameterHistory' });
    cancel.abort(new Error('cancelled'));
    await expect(work).rejects.toThrow('cancelled');
    expect(context.lines.join('\n')).not.toMatch(/release|1970/);
  });

  test('with a lost claim reports when it expires', async () => {
    const sandbox = await sandboxOf();
    sandbox.addFault({ kind: 'status', operation: 'PutParameter', status: 503, times: 99 });
    const operation = 'GetParameterHistory';
    sandbox.addFault({ kind: 'error', operation, code: 'AccessDeniedException', status: 400, times: 9 });
    const context = contextOf(sandbox);
    const work = withLock(context, requestOf('bob'), () => Promise.resolve());
    await expect(work).rejects.toThrow('503');
    expect(context.lines.join('\n')).toMatch(
      /Failed to check whether this run still holds the lock \/shop\/prod\/lock: .* expires at 20[2-9]\d-/,
    );
  });

  test('whose claim was refused was not left behind', async () => {
    const sandbox = await sandboxOf();
    for (const operation of ['PutParameter', 'GetParameterHistory'])
      sandbox.addFault({ kind: 'error', operation, code: 'AccessDeniedException', status: 400, times: 9 });
    const context = contextOf(sandbox);
    const work = withLock(context, requestOf('bob'), () => Promise.resolve());
    await expect(work).rejects.toThrow('AccessDenied');
    expect(context.lines.join('\n')).not.toContain('/shop/prod/lock');
  });

  test('is renewed even after a late write by another run', async () => {
    const sandbox = await sandboxOf();
    const ssm = ssmOf(sandbox);
    const { clock, step } = steppedClock();
    await withLock(contextOf(sandbox, clock), requestOf('ada'), async (signal) => {
      await write(ssm, record('bob', Date.now() + 60_000, { version: 7, token: 'x' }), true);
      step();
      await sandbox.calls.arrival({ operation: 'PutParameter' }, 4);
      // The next answered call comes after that one.
      const { over } = await read(ssm);
      expect(over).toMatchObject({ version: 3 });
      expect(signal.aborted).toBe(false);
    });
    expect((await refusal(read(ssm))).name).toBe('ParameterNotFound');
  });

  test('ends the work if it is lost', async () => {
    const sandbox = await sandboxOf();
    const ssm = ssmOf(sandbox);
    const { clock, step } = steppedClock();
    const work = withLock(contextOf(sandbox, clock), requestOf('ada'), async (signal) => {
      const { token } = await read(ssm);
      await write(ssm, record('bob', Date.now() + 60_000, { version: 1, token }), true);
      step();
      await new Promise<void>((resolve) => {
        signal.addEventListener('abort', () => {
          resolve();
        });
      });
      throw signal.reason;
    });
    await expect(work).rejects.toThrow('locked by bob');
    // It belongs to bob and remains.
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: NAME }));
    expect(Parameter?.Value).toContain('ada');
  });

  describe('with a stop request', () => {
    const STOP = '/shop/prod/lock-stop';
    const quick = {
      now: () => systemClock.now(),
      sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(ms <= 10_000 ? 20 : ms, signal),
    };
    const stopped = (signal: AbortSignal): Promise<never> =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => {
          reject(signal.reason as Error);
        });
      });

    test('is released to the requester with the reason', async () => {
      const sandbox = await sandboxOf();
      const [holder, asking] = [contextOf(sandbox, quick), contextOf(sandbox, quick)];
      const held = withLock(holder, requestOf('ada'), stopped).catch((error: unknown) => error);
      await sandbox.calls.arrival({ operation: 'PutParameter' });
      const request = { ...requestOf('bob', 60_000), stopHolder: 'Orders fail' };
      expect(await withLock(asking, request, () => Promise.resolve('done'))).toBe('done');
      const reason = await held;
      expect(reason).toBeInstanceOf(CancelledError);
      expect((reason as Error).message).toBe(
        'cancelled by bob for a rollback (https://runs/bob): Orders fail',
      );
      expect(asking.lines.join('\n')).toContain(
        'Requested the run that holds the lock (https://runs/ada) to stop.',
      );
      // Nothing is left behind.
      for (const Name of [NAME, STOP])
        expect((await refusal(ssmOf(sandbox).send(new GetParameterCommand({ Name })))).name).toBe(
          'ParameterNotFound',
        );
    });

    test('is kept by a rollback, which is awaited', async () => {
      const sandbox = await sandboxOf();
      const rollback = (who: string) => ({ ...requestOf(who, 60_000), stopHolder: 'Orders fail' });
      const order: string[] = [];
      let second: Promise<void> | undefined;
      await withLock(contextOf(sandbox, quick), rollback('ada'), async (signal) => {
        second = withLock(contextOf(sandbox, quick), rollback('bob'), () => {
          order.push('bob');
          return Promise.resolve();
        });
        await sandbox.calls.arrival({ operation: 'GetParameterHistory' }, 4);
        expect(signal.aborted).toBe(false);
        order.push('ada');
      });
      await second;
      expect(order).toEqual(['ada', 'bob']);
    });

    test('is kept if the request was for an earlier holder or cannot be read', async () => {
      const sandbox = await sandboxOf();
      const ssm = ssmOf(sandbox);
      const Value = JSON.stringify({ token: 'earlier', who: 'bob', run: '', reason: 'Orders fail' });
      await ssm.send(new PutParameterCommand({ Name: STOP, Type: 'String', Value }));
      const work = async (signal: AbortSignal): Promise<boolean> => {
        const reads = sandbox.calls.of('GetParameters').length;
        await sandbox.calls.arrival({ operation: 'GetParameters' }, reads + 2);
        return signal.aborted;
      };
      expect(await withLock(contextOf(sandbox, quick), requestOf('ada'), work)).toBe(false);
      const denied = { kind: 'error' as const, code: 'AccessDeniedException', status: 400, times: 9 };
      for (const operation of ['GetParameters', 'GetParameter']) sandbox.addFault({ ...denied, operation });
      const held = await withLock(contextOf(sandbox, quick), requestOf('ada'), async (signal) => {
        await sandbox.calls.arrival(
          { operation: 'GetParameter' },
          sandbox.calls.of('GetParameter').length + 1,
        );
        return signal.aborted;
      });
      expect(held).toBe(false);
    });
  });

  test('written manually is a lock', async () => {
    const sandbox = await sandboxOf();
    await write(ssmOf(sandbox), 'frozen until Monday');
    const work = withLock(contextOf(sandbox), requestOf('bob'), () => Promise.resolve());
    await expect(work).rejects.toThrow('The environment is locked: frozen until Monday');
  });
});

describe('who holds it', () => {
  const version = (number: number, token: string, over?: { version: number; token: string }) =>
    lockVersion(number, JSON.stringify({ token, who: token, run: '', since: 0, expires: 0, over }));

  test('is the newest run whose write directly follows the version it read', () => {
    const history = [
      version(1, 'a'),
      version(2, 'b', { version: 1, token: 'a' }),
      version(3, 'c', { version: 1, token: 'a' }),
    ];
    expect(holderOf(history)?.record?.token).toBe('b');
  });

  test('is none if all writes follow a deleted lock', () => {
    const history = [
      version(1, 'b', { version: 1, token: 'a' }),
      version(2, 'c', { version: 1, token: 'a' }),
    ];
    expect(holderOf(history)).toBeUndefined();
  });

  test('is determined even if the oldest versions no longer exist', () => {
    expect(holderOf([version(101, 'a', { version: 100, token: 'a' })])?.record?.token).toBe('a');
  });
});
