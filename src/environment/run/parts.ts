import { stopsEnd } from '../../core/cancellation.ts';
import { runGraph, type GraphNode } from '../../core/concurrency.ts';
import {
  CancelledError,
  type ErrorInfo,
  errorInfo,
  reasonOf,
  stackOf,
  TimeoutError,
} from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { capitalize, sentence } from '../../core/text.ts';
import { type EnvironmentContext, withOverrides } from './context.ts';
import type { PartEnd, RunPart } from './result.ts';

/** A part of a run, and its work. */
export interface Part extends GraphNode {
  kind: RunPart['kind'];
  /** May throw, which is a failure of this part. The context's log adds the part's name. */
  work: (context: EnvironmentContext) => Promise<PartEnd>;
}

/** Runs all parts, each as soon as its dependencies are done. Returns the result of each. */
export async function runParts(context: EnvironmentContext, parts: readonly Part[]): Promise<RunPart[]> {
  const { clock, log, signal } = context;
  const width = Math.max(0, ...parts.map(({ name }) => name.length));
  const times = new Map<string, { startedAt: number; endedAt: number }>();
  const ends = await runGraph(parts, signal, async (part, urgency) => {
    const startedAt = clock.now();
    const own = withOverrides(context, { log: unitLog(log, part.name, width), urgency });
    const end = await beforeStopsEnd(part, own);
    // An image is in no parameter before its service is released.
    if (part.kind !== 'image' && end.verdict !== 'unchanged') context.listing.parameters.forget();
    times.set(part.name, { startedAt, endedAt: clock.now() });
    return { ok: end.ok, value: end };
  });
  return ends.map((end, index): RunPart => {
    const { kind = 'stack', after = [] } = parts[index] ?? {};
    const { name } = end;
    if ('blockedBy' in end) return { name, kind, after, ...notStarted(end.blockedBy, signal) };
    const { startedAt, endedAt } = times.get(name) ?? { startedAt: 0, endedAt: 0 };
    return { name, kind, after, startedAt, endedAt, ...end.value };
  });
}

/** @param blockedBy the failed part that it depends on; empty if the run was stopped. */
function notStarted(
  blockedBy: string,
  signal: AbortSignal,
): { verdict: 'not begun' | FailedVerdict; ok: false; reason: string; error?: ErrorInfo } {
  if (blockedBy !== '') {
    return { verdict: 'not begun', ok: false, reason: `It depends on ${blockedBy}, which failed.` };
  }
  return {
    verdict: verdictOf(signal.reason),
    ok: false,
    reason: `Not started: ${sentence(reasonOf(signal.reason))}`,
    error: errorInfo(signal.reason),
  };
}

/**
 * The result of a part. A part that is still running when the stop time is over is abandoned, so that the run can
 * report the results of all others.
 */
async function beforeStopsEnd(part: Part, own: EnvironmentContext): Promise<PartEnd> {
  const stops = stopsEnd();
  let onStopsEnd = (): void => undefined;
  const unfinished = new Promise<PartEnd>((resolve) => {
    onStopsEnd = () => {
      // The stop calls end at the same moment, and must report first what they could not stop.
      setImmediate(() => {
        resolve(unfinishedPart(own));
      });
    };
    stops.addEventListener('abort', onStopsEnd, { once: true });
  });
  try {
    const work = part.work(own).catch((error: unknown) => failedPart(error, own));
    return await Promise.race([work, unfinished]);
  } finally {
    stops.removeEventListener('abort', onStopsEnd);
  }
}

function unfinishedPart({ signal }: EnvironmentContext): PartEnd {
  const info = errorInfo(signal.reason);
  const reason = `${sentence(info.message)} It was still running when the time limit for stopping was reached. Check its state on AWS.`;
  return { verdict: verdictOf(signal.reason), ok: false, reason: capitalize(reason), error: info };
}

/** The result of a part that threw an error. If the whole run was stopped, it has the reason of the run. */
function failedPart(error: unknown, { log, signal }: EnvironmentContext): PartEnd {
  const cause: unknown = signal.aborted ? signal.reason : error;
  log.debug(stackOf(error));
  const info = errorInfo(cause);
  return { verdict: verdictOf(cause), ok: false, reason: info.message, error: info };
}

type FailedVerdict = 'cancelled' | 'timed-out' | 'failed';

function verdictOf(cause: unknown): FailedVerdict {
  if (cause instanceof CancelledError) return 'cancelled';
  return cause instanceof TimeoutError ? 'timed-out' : 'failed';
}

/**
 * A log that starts every line with a name, for parallel work. Groups would be interleaved, so a group is one line. A
 * notice is a line too, because GitHub shows only ten annotations per step.
 *
 * @param width length of the longest name.
 */
export function unitLog(log: Log, name: string, width: number): Log {
  const prefix = `${name.padEnd(width)} │ `;
  const logLines = (message: string): void => {
    log.info(
      message
        .split('\n')
        .map((line) => `${prefix}${line}`)
        .join('\n'),
    );
  };
  return {
    debug: (message) => {
      log.debug(`${name}: ${message}`);
    },
    info: logLines,
    notice: logLines,
    warning: (message, place) => {
      log.warning(`${name}: ${message}`, place);
    },
    error: (message, place) => {
      log.error(`${name}: ${message}`, place);
    },
    group: (title, fn) => {
      logLines(title);
      return fn();
    },
    secret: (value) => {
      log.secret(value);
    },
    ...(log.annotated && { annotated: log.annotated }),
  };
}
