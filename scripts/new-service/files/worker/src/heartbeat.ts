import { statSync, utimesSync, writeFileSync } from 'node:fs';

/** `/tmp` is the only folder that a task can write to. */
const FILE = '/tmp/heartbeat';
/** Longer than a poll for messages and the processing of a message. */
const LIMIT_MS = 120_000;

/** Records that the worker is running. */
export function heartbeat(file = FILE): void {
  const now = new Date();
  writeFileSync(file, '');
  utimesSync(file, now, now);
}

/** Whether the last heartbeat is recent. */
export function isHealthy(nowMs: number, file = FILE): boolean {
  const time = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return time !== undefined && nowMs - time < LIMIT_MS;
}
