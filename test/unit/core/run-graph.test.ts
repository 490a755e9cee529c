import { expect, test } from '@jest/globals';
import { runGraph, type GraphNode } from '../../../src/core/concurrency.ts';

const jobs: GraphNode[] = [
  { name: 'vpc', after: [] },
  { name: 'registry', after: ['elsewhere'] },
  { name: 'security', after: ['vpc'] },
  { name: 'cluster', after: ['security'] },
  { name: 'service', after: ['cluster', 'registry'] },
];

/** The test decides when each job ends. */
function stand(signal = new AbortController().signal) {
  const begun: string[] = [];
  const finish = new Map<string, (ok: boolean) => void>();
  const ends = runGraph(jobs, signal, async ({ name }) => {
    begun.push(name);
    const ok = await new Promise<boolean>((done) => finish.set(name, done));
    return { ok, value: name };
  });
  const end = async (name: string, ok = true) => {
    finish.get(name)?.(ok);
    await new Promise(setImmediate);
  };
  return { begun, ends, end, settle: () => new Promise(setImmediate) };
}

test('a job starts as soon as its dependencies have completed', async () => {
  const { begun, ends, end, settle } = stand();
  await settle();
  expect(begun).toEqual(['vpc', 'registry']);
  await end('vpc');
  expect(begun).toEqual(['vpc', 'registry', 'security']);
  await end('security');
  await end('cluster');
  expect(begun).not.toContain('service');
  await end('registry');
  expect(begun).toContain('service');
  await end('service');
  expect((await ends).every(({ ok }) => ok)).toBe(true);
});

test('jobs that depend on a failed one are not started and name it; all others continue', async () => {
  const { begun, ends, end, settle } = stand();
  await settle();
  await end('vpc', false);
  await end('registry');
  expect(begun).toEqual(['vpc', 'registry']);
  expect(await ends).toEqual([
    { name: 'vpc', ok: false, value: 'vpc' },
    { name: 'registry', ok: true, value: 'registry' },
    { name: 'security', ok: false, blockedBy: 'vpc' },
    { name: 'cluster', ok: false, blockedBy: 'vpc' },
    { name: 'service', ok: false, blockedBy: 'vpc' },
  ]);
});

test('nothing starts after a cancellation', async () => {
  const controller = new AbortController();
  const { begun, ends, end, settle } = stand(controller.signal);
  await settle();
  controller.abort();
  await end('vpc');
  await end('registry');
  expect(begun).toEqual(['vpc', 'registry']);
  expect((await ends).filter((job) => 'blockedBy' in job).map(({ name }) => name)).toEqual([
    'security',
    'cluster',
    'service',
  ]);
});

test('the priority of a job is the length of the longest chain that depends on it', async () => {
  const urgencies: Record<string, number> = {};
  await runGraph(jobs, new AbortController().signal, ({ name }, urgency) => {
    urgencies[name] = urgency;
    return Promise.resolve({ ok: true, value: name });
  });
  const rounded = Object.entries(urgencies).map(([name, urgency]) => [name, Math.floor(urgency)]);
  expect(Object.fromEntries(rounded)).toEqual({ vpc: 3, registry: 1, security: 2, cluster: 1, service: 0 });
  // Of equal ones, the one that had to wait longer.
  expect(urgencies['cluster']).toBeGreaterThan(urgencies['registry'] ?? 0);
  expect(urgencies['registry']).toBe(1);
});
