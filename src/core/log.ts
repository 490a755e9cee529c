import type { AnnotationProperties } from '@actions/core';
import { isMaskable, Redactor, secretLines } from './redaction.ts';
import type { Runner } from './runner.ts';

type AnnotationLevel = 'error' | 'warning' | 'notice';

/** Where an annotation points to. Lines and columns are 1-based. */
interface AnnotationPlace {
  title?: string;
  file?: string;
  line?: number;
  endLine?: number;
  column?: number;
}

export interface Log {
  /** Only shown if debug logging is on. */
  debug(message: string): void;
  info(message: string): void;
  notice(message: string, place?: AnnotationPlace): void;
  warning(message: string, place?: AnnotationPlace): void;
  error(message: string, place?: AnnotationPlace): void;
  group<T>(title: string, fn: () => Promise<T>): Promise<T>;
  /** Masks the value from now on, in our own text and in everything that the runner shows. See isMaskable. */
  secret(value: string): void;
  /** Number of annotations of each level that this log has written. */
  readonly annotated?: Readonly<Record<AnnotationLevel, number>>;
}

/**
 * Creates the log of a step.
 *
 * @param options.debug false if debug logging is off.
 * @param options.mask false outside of a runner, where `::add-mask::` would print the secret.
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
 */
export function createLog(
  runner: Omit<Runner, 'getInput' | 'setOutput'>,
  redactor: Redactor = new Redactor(),
  options: { mask?: boolean; debug?: boolean } = {},
): Log {
  const annotated = { error: 0, warning: 0, notice: 0 };
  const annotate = (level: AnnotationLevel, message: string, place: AnnotationPlace = {}): void => {
    annotated[level] += 1;
    runner[level](redactor.redact(message), propertiesOf(place, redactor));
  };
  return {
    debug: (message) => {
      if (options.debug !== false) runner.debug(redactor.redact(message));
    },
    info: (message) => {
      runner.info(withoutCommands(redactor.redact(message)));
    },
    notice: (message, place) => {
      annotate('notice', message, place);
    },
    warning: (message, place) => {
      annotate('warning', message, place);
    },
    error: (message, place) => {
      annotate('error', message, place);
    },
    group: (title, fn) => runner.group(redactor.redact(title), fn),
    secret: (value) => {
      if (!isMaskable(value)) return;
      redactor.add(value);
      if (options.mask === false) return;
      // The runner matches masks line by line, so a multi-line secret needs one mask per line.
      for (const line of secretLines(value)) runner.setSecret(line);
    },
    annotated,
  };
}

function propertiesOf(
  { title, file, line, endLine, column }: AnnotationPlace,
  redactor: Redactor,
): AnnotationProperties {
  return {
    ...(title !== undefined && { title: redactor.redact(title) }),
    ...(file !== undefined && { file: redactor.redact(file) }),
    ...(line !== undefined && { startLine: line }),
    ...(endLine !== undefined && { endLine }),
    ...(column !== undefined && { startColumn: column }),
  };
}

/** The runner executes every line that looks like a workflow command, so text from AWS must not look like one. */
function withoutCommands(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1: ').replaceAll('##[', '# #[');
}

/** GitHub shows ten annotations of each level per step and silently drops the rest. */
const SHOWN_PER_TYPE = 10;
const LEVELS = ['error', 'warning', 'notice'] as const;

export interface Annotation extends AnnotationPlace {
  level: AnnotationLevel;
  message: string;
  /** Higher priorities are kept first. Default: 0. */
  priority?: number;
}

/** Collects annotations, so that the ten that GitHub shows of each level are the most important ones. */
export class Annotations {
  #collected: Annotation[] = [];

  add(annotation: Annotation): void {
    this.#collected.push(annotation);
  }

  /**
   * Writes the ten most important annotations of each level, and the rest as log lines after their number.
   *
   * @param link appended to each error as its last line.
   */
  flush(log: Log, link?: string): void {
    const all = this.#collected.map((annotation) => withLink(annotation, link));
    this.#collected = [];
    for (const level of LEVELS) {
      const ofLevel = all.filter((annotation) => annotation.level === level).sort(byPriority);
      const room = Math.max(0, SHOWN_PER_TYPE - (log.annotated?.[level] ?? 0));
      for (const annotation of ofLevel.slice(0, room)) log[level](annotation.message, annotation);
      writeRest(log, level, ofLevel.slice(room));
    }
  }
}

/**
 * The runner truncates longer messages, and with them the link: `_maxIssueMessageLength = 4096`.
 *
 * @see https://github.com/actions/runner/blob/main/src/Runner.Worker/ExecutionContext.cs
 */
const LONGEST_MESSAGE = 4096;

function withLink(annotation: Annotation, link: string | undefined): Annotation {
  const { level, message } = annotation;
  if (level !== 'error' || link === undefined) return annotation;
  const room = LONGEST_MESSAGE - link.length - 1;
  const text = message.length > room ? `${message.slice(0, room - 1)}…` : message;
  return { ...annotation, message: `${text}\n${link}` };
}

function writeRest(log: Log, level: AnnotationLevel, rest: readonly Annotation[]): void {
  if (rest.length === 0) return;
  log.info(`${rest.length} more of level ${level} (GitHub shows only ${SHOWN_PER_TYPE} per step):`);
  for (const { file, line, message } of rest) {
    const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `;
    log.info(`  ${place}${message}`);
  }
}

/** Highest priority first. The sort is stable, so equal priorities keep their order. */
function byPriority(a: Annotation, b: Annotation): number {
  return (b.priority ?? 0) - (a.priority ?? 0);
}
