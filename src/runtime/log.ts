import { Redactor, secretLines } from './redaction.ts';

export type AnnotationLevel = 'error' | 'warning' | 'notice';

/** Where an annotation points to; lines and columns count from 1. */
export interface AnnotationPlace {
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
  /** Hides the value from here on: in our own text, and in all that the runner shows. */
  secret(value: string): void;
  /** How many annotations of each type this log has written. */
  readonly annotated?: Readonly<Record<AnnotationLevel, number>>;
}

/**
 * A log of GitHub's workflow commands.
 *
 * @param options.debug false where nobody asked for debug logging.
 * @param options.mask false where no runner reads the text: `::add-mask::` would then show the secret.
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
 */
export function createLog(
  write: (line: string) => void = (line) => process.stdout.write(`${line}\n`),
  redactor: Redactor = new Redactor(),
  options: { mask?: boolean; debug?: boolean } = {},
): Log {
  const annotated = { error: 0, warning: 0, notice: 0 };
  const command = (name: string, message: string, properties = ''): void => {
    write(`::${name}${properties && ` ${properties}`}::${escapeData(redactor.redact(message))}`);
  };
  const annotate = (level: AnnotationLevel, message: string, place: AnnotationPlace = {}): void => {
    annotated[level] += 1;
    command(level, message, placeProperties(place, redactor));
  };
  return {
    debug: (message) => {
      if (options.debug !== false) command('debug', message);
    },
    info: (message) => {
      write(withoutCommands(redactor.redact(message)));
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
    group: async (title, fn) => {
      command('group', title);
      try {
        return await fn();
      } finally {
        write('::endgroup::');
      }
    },
    secret: (value) => {
      redactor.add(value);
      if (options.mask === false) return;
      for (const line of secretLines(value)) write(`::add-mask::${escapeData(line)}`);
    },
    annotated,
  };
}

function placeProperties(place: AnnotationPlace, redactor: Redactor): string {
  const named = {
    file: place.file,
    line: place.line,
    endLine: place.endLine,
    col: place.column,
    title: place.title,
  };
  return Object.entries(named)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([key, value]) => `${key}=${escapeProperty(redactor.redact(String(value)))}`)
    .join(',');
}

/** @see https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts */
function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}

/** The runner obeys any line that looks like a command, so text from AWS must not look like one. */
function withoutCommands(text: string): string {
  return text.replace(/^(\s*):(?=:)/gm, '$1: ').replaceAll('##[', '# #[');
}
