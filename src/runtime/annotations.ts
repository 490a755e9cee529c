import type { AnnotationLevel, AnnotationPlace, Log } from './log.ts';

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

  /** Writes the best ten of each type as annotations, the others as lines of the log, and says how many. */
  flush(log: Log): void {
    const all = this.#collected;
    this.#collected = [];
    for (const level of LEVELS) {
      const ofLevel = all.filter((annotation) => annotation.level === level).sort(byPriority);
      const room = Math.max(0, SHOWN_PER_TYPE - (log.annotated?.[level] ?? 0));
      for (const annotation of ofLevel.slice(0, room)) log[level](annotation.message, annotation);
      writeRest(log, level, ofLevel.slice(room));
    }
  }
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
