import { waitUntilServicesStable } from '@aws-sdk/client-ecs';
import { detectionStage, type Stage } from './detection-stage.ts';
import type { Measured } from './measured.ts';
import { median } from './statistics.ts';

/** The delay of each in seconds. */
interface Lag {
  rolloutSeconds: number;
  ours: number;
  sdk: number;
}

const MEAN_LIMIT = 2;
const P90_LIMIT = 3;
/** After this time, the SDK's waiter is aborted; its delay is then at least this. */
const WAITER_SECONDS = 240;

/**
 * The delay in seconds with which the end of a rollout is detected: by update-service, from the end in ECS to the end
 * of its process, and by the SDK's `waitUntilServicesStable` with its defaults, on the same rollouts. They run in
 * parallel, and differ in how long the new tasks take to start.
 */
export async function benchDetection(): Promise<Measured> {
  const boots = process.argv.includes('--check') ? [0, 6, 12, 18] : [0, 11, 22, 33, 44, 55];
  const stage = await detectionStage(boots);
  try {
    const lags = await Promise.all(boots.map((_, index) => measure(stage, index)));
    return told(lags);
  } finally {
    await stage.close();
  }
}

async function measure(stage: Stage, index: number): Promise<Lag> {
  const asked = stage.asked(index);
  const action = stage.deploy(index).then((run) => ({ run, at: Date.now() }));
  const startedAt = await asked;
  const waiter = waitUntilServicesStable(
    { client: stage.client, maxWaitTime: WAITER_SECONDS },
    { cluster: stage.cluster, services: [stage.service(index)] },
  ).then(
    () => Date.now(),
    () => Date.now(),
  );
  const [{ run, at }, waitedUntil] = await Promise.all([action, waiter]);
  if (run.outputs['verdict'] !== 'deployed') throw new Error(`the rollout was not deployed:\n${run.log}`);
  const endedAt = await stage.endOf(index);
  return {
    rolloutSeconds: (endedAt - startedAt) / 1000,
    ours: (at - endedAt) / 1000,
    sdk: (waitedUntil - endedAt) / 1000,
  };
}

function told(lags: readonly Lag[]): Measured {
  const ours = lags.map((lag) => lag.ours);
  const sdk = lags.map((lag) => lag.sdk);
  const lengths = lags.map(({ rolloutSeconds }) => rolloutSeconds);
  const mean = average(ours);
  const late = p90(ours);
  return {
    lines: [
      `detection: ${lags.length} rollouts of ${Math.min(...lengths).toFixed(0)} to ${Math.max(...lengths).toFixed(0)} s; seconds from their end in ECS until it is known:`,
      row('update-service', ours),
      row('the SDK waiter', sdk),
    ],
    broken: [
      ...(mean > MEAN_LIMIT ? [`detection: ${mean.toFixed(1)} s on average, more than ${MEAN_LIMIT}`] : []),
      ...(late > P90_LIMIT ? [`detection: p90 is ${late.toFixed(1)} s, more than ${P90_LIMIT}`] : []),
    ],
  };
}

function row(name: string, seconds: readonly number[]): string {
  const numbers = [average(seconds), median(seconds), p90(seconds), Math.max(...seconds)];
  const [mean, middle, late, most] = numbers.map((value) => value.toFixed(1).padStart(6));
  return `  ${name.padEnd(15)} mean ${mean ?? ''}  median ${middle ?? ''}  p90 ${late ?? ''}  most ${most ?? ''}`;
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function p90(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.9) - 1] ?? 0;
}
