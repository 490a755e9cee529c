import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Sandbox } from '../../../sandbox/index.ts';
import { runAction, type Run, type RunOptions } from '../../../sandbox/runner.ts';
import { node24 } from '../../runtime/node24.js';

const USAGE = join(import.meta.dirname, 'usage.ts');

/** The services of AWS in the sandbox's log. GitHub, Slack and the registry's protocol are not counted. */
const AWS: ReadonlySet<string> = new Set([
  ...['cloudformation', 'ecs', 'ecr', 'ssm', 's3', 'sts', 'iam', 'logs', 'monitoring'],
  ...['elasticloadbalancing', 'secretsmanager', 'servicequotas'],
]);

/** Numbers of calls by `service:Operation`, most frequent first. */
type CallCounts = Readonly<Record<string, number>>;

/** A run of a bundle with its measurements. */
export interface MeasuredRun extends Run {
  /** Calls to AWS. */
  calls: CallCounts;
  /** Their sum. */
  totalCalls: number;
  /** Calls that were refused by a rate limit or a fault of the kind `throttle`. */
  throttled: number;
  /** User and system time of the process. NaN if a signal ended it. */
  cpuMs: number;
  /** The largest resident set of the process, in MiB. NaN if a signal ended it. */
  peakMb: number;
}

/** Runs a bundle and counts the calls to the sandbox. Runs in one sandbox must not overlap. */
export async function measuredRun(
  sandbox: Sandbox,
  action: string,
  options: RunOptions,
): Promise<MeasuredRun> {
  const folder = mkdtempSync(join(tmpdir(), 'usage-'));
  const usage = join(folder, 'usage.json');
  const from = sandbox.calls.all.length;
  try {
    const run = await runAction(action, {
      token: sandbox.tokens.installation,
      ...options,
      node: options.node ?? [node24(), '--import', USAGE],
      env: { ...options.env, SCALE_USAGE: usage },
    });
    const calls = countCalls(sandbox, from);
    return {
      ...run,
      calls,
      totalCalls: Object.values(calls).reduce((sum, count) => sum + count, 0),
      throttled: sandbox.calls.all.slice(from).filter(isThrottled).length,
      ...readUsage(usage),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The calls to AWS since the log had `from` entries. */
function countCalls(sandbox: Sandbox, from = 0): CallCounts {
  const counts = new Map<string, number>();
  for (const { service, operation } of sandbox.calls.all.slice(from)) {
    if (!AWS.has(service)) continue;
    const key = `${service}:${operation}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

function isThrottled({ code = '' }: { code?: string }): boolean {
  return /^(?:Throttling|ThrottlingException|TooManyRequestsException|RequestLimitExceeded|SlowDown)$/.test(
    code,
  );
}

function readUsage(file: string): { cpuMs: number; peakMb: number } {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { cpuMs: number; peakMb: number };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return { cpuMs: NaN, peakMb: NaN };
  }
}
