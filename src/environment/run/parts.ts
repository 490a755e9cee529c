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

/** A part of a run, and what is to be done for it. */
export interface Part extends GraphNode {
  kind: RunPart['kind'];
  /** May throw: that is a failure of this part. The context's log carries the part's name. */
  work: (context: EnvironmentContext) => Promise<PartEnd>;
}

/** Does all parts, each as soon as those that it waits for are done; answers how each one went. */
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

/** @param blockedBy the part that failed before it; empty where the run was stopped. */
function notStarted(
  blockedBy: string,
  signal: AbortSignal,
): { verdict: 'not begun' | FailedVerdict; ok: false; reason: string; error?: ErrorInfo } {
  if (blockedBy !== '') {
    return { verdict: 'not begun', ok: false, reason: `It waits for ${blockedBy}, which failed.` };
  }
  return {
    verdict: verdictOf(signal.reason),
    ok: false,
    reason: `Not started: ${sentence(reasonOf(signal.reason))}`,
    error: errorInfo(signal.reason),
  };
}

/**
 * The end of a part. Of one that has not ended when the time to stop is over, only that is known: it is left behind, so
 * that the run can say how all others ended.
 */
async function beforeStopsEnd(part: Part, own: EnvironmentContext): Promise<PartEnd> {
  const stops = stopsEnd();
  let onStopsEnd = (): void => undefined;
  const unended = new Promise<PartEnd>((resolve) => {
    onStopsEnd = () => {
      // Calls that stop something end at the same moment, and say what they could not stop.
      setImmediate(() => {
        resolve(unendedPart(own));
      });
    };
    stops.addEventListener('abort', onStopsEnd, { once: true });
  });
  try {
    const work = part.work(own).catch((error: unknown) => failedPart(error, own));
    return await Promise.race([work, unended]);
  } finally {
    stops.removeEventListener('abort', onStopsEnd);
  }
}

function unendedPart({ signal }: EnvironmentContext): PartEnd {
  const info = errorInfo(signal.reason);
  const reason = `${sentence(info.message)} It had not ended when the time to stop was over. Check its state on AWS.`;
  return { verdict: verdictOf(signal.reason), ok: false, reason: capitalize(reason), error: info };
}

/** A part that an error ended. Where the whole run is stopped, the reason is why it was. */
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
 * A log whose every line begins with a name, for work that runs beside other work. Groups would tear each other
 * apart, so a group is a line; a notice is a line too, as GitHub shows ten annotations of a step.
 *
 * @param width of the longest name.
 */
export function unitLog(log: Log, name: string, width: number): Log {
  const prefix = `${name.padEnd(width)} │ `;
  const say = (message: string): void => {
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
    info: say,
    notice: say,
    warning: (message, place) => {
      log.warning(`${name}: ${message}`, place);
    },
    error: (message, place) => {
      log.error(`${name}: ${message}`, place);
    },
    group: (title, fn) => {
      say(title);
      return fn();
    },
    secret: (value) => {
      log.secret(value);
    },
    ...(log.annotated && { annotated: log.annotated }),
  };
}
