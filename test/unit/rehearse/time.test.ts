import { createServer } from 'node:http';
import { once } from 'node:events';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { RehearsalClock } from '../../../src/rehearse/time.ts';

let clock: RehearsalClock;
beforeEach(() => {
  clock = new RehearsalClock();
});
afterEach(() => {
  clock.close();
});

const HOUR_MS = 3_600_000;

test('hours pass as soon as everything waits for them, in their order', async () => {
  const started = clock.now();
  const woken: number[] = [];
  await Promise.all(
    [3, 1, 2].map(async (hours) => {
      await clock.sleep(hours * HOUR_MS);
      woken.push(hours);
      expect(clock.now() - started).toBe(hours * HOUR_MS);
    }),
  );
  expect(woken).toEqual([1, 2, 3]);
});

test('no time passes while a request is open', async () => {
  let answer: () => void = () => undefined;
  const server = createServer((_request, response) => {
    answer = () => response.end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const started = clock.now();
    const response = new Promise<void>((done) => {
      request({ port, host: '127.0.0.1' }, (incoming) => {
        incoming.resume().on('end', done);
      }).end();
    });
    await once(server, 'request');
    const slept = clock.sleep(HOUR_MS);
    for (let turn = 0; turn < 20; turn++) await new Promise((done) => setTimeout(done, 1));
    expect(clock.now()).toBe(started);
    answer();
    await response;
    await slept;
    expect(clock.now()).toBe(started + HOUR_MS);
  } finally {
    server.close();
  }
});

test('a sleep ends with the reason of its signal, before and while it sleeps', async () => {
  const reason = new Error('cancelled');
  await expect(clock.sleep(HOUR_MS, AbortSignal.abort(reason))).rejects.toBe(reason);
  const controller = new AbortController();
  const sleeping = clock.sleep(2 ** 30, controller.signal);
  controller.abort(reason);
  await expect(sleeping).rejects.toBe(reason);
});

test('what waits forever does not advance the clock', async () => {
  const started = clock.now();
  let woken = false;
  clock.after(2 ** 31 - 1, () => {
    woken = true;
  });
  await clock.sleep(1000);
  expect(clock.now()).toBe(started + 1000);
  expect(woken).toBe(false);
});
