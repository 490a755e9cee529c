import { setTimeout as delay } from 'node:timers/promises';

export interface Measurement {
  perSecond: number;
  p50: number;
  p95: number;
  p99: number;
  errors: number;
}

const WARM_UP_MS = 2_000;
const MEASURED_MS = 8_000;
const CONCURRENCY = 8;

/** Runs eight concurrent requests for eight seconds, after two seconds of warm-up. Times are in milliseconds. */
export async function measureLoad(send: () => Promise<Response>): Promise<Measurement> {
  await keepSending(send, WARM_UP_MS);
  const { durations, errors } = await keepSending(send, MEASURED_MS);
  durations.sort((a, b) => a - b);
  const percentile = (share: number) => durations[Math.floor((durations.length - 1) * share)] ?? Number.NaN;
  const perSecond = durations.length / (MEASURED_MS / 1000);
  return { perSecond, p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99), errors };
}

async function keepSending(send: () => Promise<Response>, milliseconds: number) {
  const over = new AbortController();
  const durations: number[] = [];
  let errors = 0;
  const work = Array.from({ length: CONCURRENCY }, async () => {
    while (!over.signal.aborted) {
      const started = performance.now();
      const response = await send();
      await response.arrayBuffer();
      durations.push(performance.now() - started);
      if (!response.ok) errors += 1;
    }
  });
  await delay(milliseconds);
  over.abort();
  await Promise.all(work);
  return { durations, errors };
}
