import type { AnnotationProperties } from '@actions/core';
import { isMaskable, Redactor, secretLines } from './redaction.ts';
import type { Runner } from './runner.ts';

type AnnotationLevel = 'error' | 'warning' | 'notice';

/** Where an annotation points to; lines and columns count from 1. */
interface AnnotationPlace {
  title?: string;
  file?: string;
  line?: number;
  endLine?: number;
  column?: number;
}

export interface Log {
  /** Shown only when the job runs with debug logging. */
  debug(message: string): void;
  info(message: string): void;
  notice(message: string, place?: AnnotationPlace): void;
  warning(message: string, place?: AnnotationPlace): void;
  error(message: string, place?: AnnotationPlace): void;
  group<T>(title: string, fn: () => Promise<T>): Promise<T>;
  /** Hides the value from here on: in our own text, and in all that the runner shows. See isMaskable for what is not. */
  secret(value: string): void;
  /** How many annotations of each type this log has written. */
  readonly annotated?: Readonly<Record<AnnotationLevel, number>>;
}

/**
 * The log of a step.
 *
 * @param options.debug false where nobody asked for debug logging.
 * @param options.mask false where no runner reads the text: `::add-mask::` would then show the secret.
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
      // The runner looks for a mask within a line, so a secret of several lines needs one for each.
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

/** The runner obeys any line that looks like a command, so text from AWS must not look like one. */
function withoutCommands(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1: ').replaceAll('##[', '# #[');
}

/** GitHub shows ten annotations of a type for a step and drops the rest without a word. */
const SHOWN_PER_TYPE = 10;
const LEVELS = ['error', 'warning', 'notice'] as const;

export interface Annotation extends AnnotationPlace {
  level: AnnotationLevel;
  message: string;
  /** Higher is kept first; 0 when absent. */
  priority?: number;
}

/** Collects annotations, so that the ten that GitHub shows of each type are the ones that matter. */
export class Annotations {
  #collected: Annotation[] = [];

  add(annotation: Annotation): void {
    this.#collected.push(annotation);
  }

  /**
   * Writes the best ten of each type as annotations, the others as lines of the log, and says how many.
   *
   * @param link the last line of each error.
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
 * The runner cuts the end of a longer message, and so the link: `_maxIssueMessageLength = 4096`.
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
  log.info(`${rest.length} more of type ${level}; GitHub shows ${SHOWN_PER_TYPE} a step:`);
  for (const { file, line, message } of rest) {
    const place = file === undefined ? '' : `${file}${line === undefined ? '' : `:${line}`}: `;
    log.info(`  ${place}${message}`);
  }
}

/** The highest priority first; sort is stable, so equals keep the order in which they came. */
function byPriority(a: Annotation, b: Annotation): number {
  return (b.priority ?? 0) - (a.priority ?? 0);
}
