import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { handle } from '../src/handle.ts';
import { heartbeat, isHealthy } from '../src/heartbeat.ts';
import { work, type Message } from '../src/worker.ts';

/** Processes all messages once, then stops. Returns the remaining messages. */
async function processed(
  bodies: readonly string[],
): Promise<{ queue: string[]; log: string[]; beats: number }> {
  const stop = new AbortController();
  const queue = new Map(
    bodies.map((body, index): [string, Message] => [`${index}`, { body, receipt: `${index}` }]),
  );
  const log: string[] = [];
  let beats = 0;
  let rounds = 0;
  await work({
    queue: {
      receive: (signal) => {
        rounds += 1;
        if (rounds === 1) return Promise.resolve([...queue.values()]);
        stop.abort();
        return Promise.reject(signal.reason as Error);
      },
      remove: (receipt) => {
        queue.delete(receipt);
        return Promise.resolve();
      },
    },
    handle,
    heartbeat: () => {
      beats += 1;
    },
    log: (message) => {
      log.push(message);
    },
    signal: stop.signal,
  });
  return { queue: [...queue.values()].map(({ body }) => body), log, beats };
}

test('removes a processed message', async () => {
  const { queue, log, beats } = await processed(['{ "id": "1" }', '{ "id": "2" }']);
  assert.deepEqual(queue, []);
  assert.deepEqual(log, []);
  assert.equal(beats, 4);
});

test('leaves a failed message in the queue and continues', async () => {
  const { queue, log } = await processed(['no JSON', '{ "id": "2" }', '{}']);
  assert.deepEqual(queue, ['no JSON', '{}']);
  assert.deepEqual(log, ['message failed', 'message failed']);
});

test('is healthy for two minutes after its last iteration', () => {
  const folder = mkdtempSync(join(tmpdir(), 'heartbeat-'));
  const file = join(folder, 'heartbeat');
  assert.equal(isHealthy(Date.now(), file), false);
  heartbeat(file);
  assert.equal(isHealthy(Date.now(), file), true);
  assert.equal(isHealthy(Date.now() + 121_000, file), false);
  rmSync(folder, { recursive: true });
});
