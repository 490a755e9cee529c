import { GetParametersByPathCommand, PutParameterCommand } from '@aws-sdk/client-ssm';
import { afterEach, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { ssmClient } from '../../../src/aws/clients.ts';
import { type Host, stopOnSignals } from '../../../src/core/cancellation.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import { withLock } from '../../../src/delivery/lock.ts';
import { recordingLog } from '../core/fakes.ts';
import { configOf, sandboxOf, ssmOf } from '../sandbox/clients.ts';

const COUNT = 25;

afterEach(() => {
  delete process.env['AWS_ENDPOINT_URL'];
});

/** Acquires the locks of services, and cancels the run when it holds all of them. */
async function cancelledWith(
  sandbox: Sandbox,
  { before, hangs = false }: { before?: () => void | Promise<void>; hangs?: boolean } = {},
): Promise<{ calls: Record<string, number>; lines: string[]; left: string[] }> {
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const limiter = new RateLimiter({ clock: systemClock, perSecond: 1000, burst: 1000 });
  const client = await ssmClient(configOf(sandbox), { clock: systemClock, limiter });
  const cancel = new AbortController();
  const { log, lines } = recordingLog();
  const context = { clock: systemClock, log, signal: cancel.signal, ssm: () => Promise.resolve(client) };
  let held = 0;
  let hold = (): void => undefined;
  const holding = new Promise<void>((resolve) => (hold = resolve));
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => (end = resolve));
  const works = Array.from({ length: COUNT }, (_, index) => {
    const request = {
      parameter: `/shop/dev/s${index}/lock`,
      what: 'The service',
      who: 'ada',
      run: 'r',
      waitMs: 0,
    };
    return withLock(context, request, async () => {
      held += 1;
      if (held === COUNT) hold();
      await ended;
    });
  });
  await holding;
  await before?.();
  const from = sandbox.calls.all.length;
  const handlers: (() => void)[] = [];
  const host = { on: (_: string, handler: () => void) => handlers.push(handler), off: () => undefined };
  const over = stopOnSignals(host as unknown as Host, { begin: () => undefined, force: () => undefined });
  cancel.abort(new Error('cancelled'));
  if (hangs) {
    // A second signal ends the stops while the work continues.
    handlers[0]?.();
    handlers[0]?.();
    await sandbox.calls.arrival({ operation: 'DeleteParameters' }, Math.ceil(COUNT / 10));
  }
  end();
  await Promise.all(works);
  over();
  const calls: Record<string, number> = {};
  for (const { operation } of sandbox.calls.all.slice(from)) calls[operation] = (calls[operation] ?? 0) + 1;
  const kept = await ssmOf(sandbox).send(new GetParametersByPathCommand({ Path: '/shop', Recursive: true }));
  return { calls, lines, left: (kept.Parameters ?? []).map(({ Name = '' }) => Name) };
}

test.each([false, true])(
  'the locks of a cancelled run are released in batches of ten (its work hangs: %s)',
  async (hangs) => {
    const { calls, left, lines } = await cancelledWith(await sandboxOf(), { hangs });
    expect(calls).toEqual({ GetParameters: 3, DeleteParameters: 3 });
    expect({ left, lines }).toEqual({ left: [], lines: [] });
  },
);

test.each([
  ['read locks', 'GetParameters', { GetParameters: 3, GetParameterHistory: COUNT }],
  ['delete them', 'DeleteParameters', { GetParameters: 3, DeleteParameters: 3, DeleteParameter: COUNT }],
])('a role that may not %s together releases each by itself', async (_, operation, expected) => {
  const sandbox = await sandboxOf();
  const denied = { kind: 'error' as const, code: 'AccessDeniedException', status: 400, times: 99 };
  const { calls, left } = await cancelledWith(sandbox, {
    before: () => {
      sandbox.addFault({ ...denied, operation });
    },
  });
  expect(calls).toMatchObject(expected);
  expect(left).toEqual([]);
});

test('a lock taken by another run is kept, the others are released', async () => {
  const sandbox = await sandboxOf();
  const taken = '/shop/dev/s7/lock';
  const { left, calls } = await cancelledWith(sandbox, {
    before: async () => {
      const client = ssmOf(sandbox);
      const claim = sandbox.calls.of('PutParameter').find(({ input }) => input['Name'] === taken);
      const { token } = JSON.parse(String(claim?.input['Value'])) as { token: string };
      const expires = Date.now() + 60_000;
      const over = { version: 1, token };
      const Value = JSON.stringify({ token: 'x', who: 'bob', run: 'r', since: 1, expires, over });
      await client.send(new PutParameterCommand({ Name: taken, Value, Type: 'String', Overwrite: true }));
    },
  });
  expect(left).toEqual([taken]);
  expect(calls).toMatchObject({ GetParameters: 3, GetParameterHistory: 1 });
});
