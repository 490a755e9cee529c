import type { Log } from '../runtime/log.ts';

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
