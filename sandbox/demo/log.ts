/** A log line as GitHub shows it. */
export interface LogLine {
  kind: 'text' | 'group' | 'notice' | 'warning' | 'error';
  text: string;
  /** The lines of a group. */
  lines?: LogLine[];
}

const ANNOTATIONS = ['notice', 'warning', 'error'] as const;

/**
 * Reads a step's log as GitHub's log view does: annotations and groups are rendered, and no workflow command is shown.
 * GitHub also hides secrets: the lines that register them are commands, so they disappear here too.
 *
 * @see https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands "Workflow commands"
 */
export function readLog(log: string): LogLine[] {
  const lines: LogLine[] = [];
  let group: LogLine[] | undefined;
  for (const line of log.trimEnd().split('\n')) {
    const [, command, properties = '', message = ''] = /^::([a-z-]+)(?: (.*?))?::(.*)$/s.exec(line) ?? [];
    if (command === 'group') {
      group = [];
      lines.push({ kind: 'group', text: unescape(message), lines: group });
    } else if (command === 'endgroup') {
      group = undefined;
    } else if (command === undefined) {
      (group ?? lines).push({ kind: 'text', text: line });
    } else {
      const kind = ANNOTATIONS.find((each) => each === command);
      if (kind) (group ?? lines).push({ kind, text: annotation(kind, properties, message) });
    }
  }
  return lines;
}

/** The log as plain text: annotations start with their level, and the lines of a group are indented. */
export function logText(lines: readonly LogLine[], indent = ''): string {
  return lines.map((line) => `${indent}${line.text}\n${logText(line.lines ?? [], `${indent}  `)}`).join('');
}

/** The annotations of one level, each as GitHub shows it. */
export function annotationsOf(log: string, level: 'notice' | 'warning' | 'error'): string[] {
  return readLog(log)
    .flatMap((line) => [line, ...(line.lines ?? [])])
    .filter(({ kind }) => kind === level)
    .map(({ text }) => text);
}

function annotation(kind: (typeof ANNOTATIONS)[number], properties: string, message: string): string {
  const values = new Map(
    properties.split(',').map((each) => {
      const [name = '', value = ''] = each.split(/=(.*)/s);
      return [name, unescape(value)];
    }),
  );
  const [file, line] = [values.get('file'), values.get('line')];
  const place = file ? `${file}${line ? `:${line}` : ''}` : undefined;
  const level = `${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  return [level, place, values.get('title'), unescape(message)].filter(Boolean).join(': ');
}

/**
 * Undoes the escaping of @actions/core.
 *
 * @see https://github.com/actions/toolkit/blob/main/packages/core/src/command.ts "escapeData", "escapeProperty"
 */
function unescape(text: string): string {
  const characters: Readonly<Record<string, string>> = {
    '0D': '\r',
    '0A': '\n',
    '3A': ':',
    '2C': ',',
    '25': '%',
  };
  return text.replaceAll(/%(0D|0A|3A|2C|25)/g, (whole, code: string) => characters[code] ?? whole);
}
