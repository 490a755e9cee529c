import { errorText } from '../../aws/errors.ts';
import { inOrder, type Job } from '../../core/concurrency.ts';
import { CancelledError, InputError, TimeoutError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Section } from '../../core/markdown/sections.ts';
import type { ReportedPart } from '../../present/environment.ts';
import { derived, type EnvironmentContext } from './context.ts';

/** How one part went. */
export interface PartEnd {
  verdict: string;
  ok: boolean;
  reason: string;
  sections?: readonly Section[];
}

/** A part of a run, and what is to be done for it. */
export interface Part extends Job {
  kind: ReportedPart['kind'];
  /** May throw: that is a failure of this part. The context's log carries the part's name. */
  work: (context: EnvironmentContext) => Promise<PartEnd>;
}

/** Does all parts, each as soon as those that it waits for are done; answers how each one went. */
export async function runParts(context: EnvironmentContext, parts: readonly Part[]): Promise<ReportedPart[]> {
  const { clock, log, signal } = context;
  const width = Math.max(0, ...parts.map(({ name }) => name.length));
  const begunAt = new Map<string, { startedAt: number; endedAt: number }>();
  const ends = await inOrder(parts, signal, async (part) => {
    const startedAt = clock.now();
    const own = derived(context, { log: unitLog(log, part.name, width) });
    const end = await part.work(own).catch((error: unknown) => failure(error, own));
    begunAt.set(part.name, { startedAt, endedAt: clock.now() });
    return { ok: end.ok, value: end };
  });
  return ends.map((end, index): ReportedPart => {
    const { kind = 'stack', after = [] } = parts[index] ?? {};
    if ('keptBy' in end) {
      const stopped = end.keptBy === '' && failure(signal.reason, context);
      const reason = stopped ? `Not begun: ${stopped.reason}.` : `It waits for ${end.keptBy}, which failed.`;
      const verdict = stopped ? stopped.verdict : 'not begun';
      return { name: end.name, kind, after, verdict, ok: false, reason, sections: [] };
    }
    const { verdict, ok, reason, sections = [] } = end.value;
    return { name: end.name, kind, after, verdict, ok, reason, sections, ...begunAt.get(end.name) };
  });
}

function failure(error: unknown, { log, signal }: EnvironmentContext): PartEnd {
  const cause: unknown = signal.aborted ? signal.reason : error;
  log.debug(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const verdict =
    cause instanceof CancelledError ? 'cancelled' : cause instanceof TimeoutError ? 'timed-out' : 'failed';
  const own = cause instanceof Error && ['Error', 'LockTakenError'].includes(cause.name);
  const known =
    cause instanceof InputError || cause instanceof CancelledError || cause instanceof TimeoutError;
  const reason = known || own ? cause.message : errorText(cause);
  return { verdict, ok: false, reason };
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
