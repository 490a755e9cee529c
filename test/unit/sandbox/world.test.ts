import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { SandboxClosed } from '../../../sandbox/clock.ts';
import { World } from '../../../sandbox/world.ts';

describe('the clock', () => {
  test('sleeps simulated seconds', async () => {
    const { clock } = new World({ timeScale: 100 });
    const before = performance.now();
    await clock.sleep(10);
    expect(performance.now() - before).toBeGreaterThanOrEqual(99);
  });

  test('returns the real time', () => {
    const before = Date.now();
    expect(new World({ timeScale: 1000 }).clock.now().getTime()).toBeGreaterThanOrEqual(before);
  });

  test('stops sleeping on abort, with its reason, and when the world closes', async () => {
    const world = new World({ timeScale: 1 });
    const controller = new AbortController();
    const aborted = world.clock.sleep(1000, controller.signal);
    const closed = world.clock.sleep(1000);
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await expect(world.clock.sleep(1, controller.signal)).rejects.toThrow('enough');
    const ended = expect(closed).rejects.toThrow(SandboxClosed);
    await world.close();
    await ended;
  });
});

// In a separate process, because jest's `process` receives no warnings.
test('hundreds can sleep on one signal without a warning', async () => {
  const script = `
    import { World } from './sandbox/world.ts';
    const world = new World();
    const { signal } = new AbortController();
    await Promise.all(Array.from({ length: 300 }, () => world.clock.sleep(1, signal)));`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  expect(await promisify(execFile)(process.execPath, args)).toEqual({ stdout: '', stderr: '' });
});

describe('background work', () => {
  test('ends silently with the world', async () => {
    const world = new World();
    let ended = false;
    world.run(async () => {
      await world.clock.sleep(1e6).finally(() => {
        ended = true;
      });
    });
    await world.close();
    expect(ended).toBe(true);
  });

  test('that fails makes close fail', async () => {
    const world = new World();
    world.run(() => Promise.reject(new Error('a defect')));
    await expect(world.close()).rejects.toThrow('a defect');
  });
});

test('stores are separate by account and region', () => {
  const world = new World();
  const listOf = (account: string, region: string) => world.store<string[]>(account, region, 'x', () => []);
  listOf('1', 'a').push('one');
  expect([listOf('1', 'a'), listOf('1', 'b'), listOf('2', 'a')]).toEqual([['one'], [], []]);
});

test('ids are derived from the seed', () => {
  const ids = (seed: number) => {
    const world = new World({ scenario: { seed } });
    return [world.newId('vpc'), world.newId('vpc'), world.newUuid()];
  };
  const [first, second, uuid] = ids(1);
  expect(ids(1)).toEqual([first, second, uuid]);
  expect(ids(2)).not.toContain(first);
  expect(first).toMatch(/^vpc-0[0-9a-f]{16}$/);
  expect(second).not.toBe(first);
  expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
