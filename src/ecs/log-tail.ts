import { GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { send } from '../aws/send.ts';
import type { EcsContext } from './context.ts';
import type { TaskDefinition } from './task-definition.ts';

/** The end of what a container wrote. */
export interface LogTail {
  group: string;
  stream: string;
  lines: string[];
}

const LINES = 25;
const LINE_LENGTH = 500;

/** Where awslogs writes a container's lines; undefined for another driver, or without a prefix to know it by. */
export function logStream(
  definition: TaskDefinition,
  container: string,
  taskId: string,
): { group: string; stream: string } | undefined {
  const found = definition.containerDefinitions.find(({ name }) => name === container);
  const { logDriver, options = {} } = found?.logConfiguration ?? {};
  const group = options['awslogs-group'];
  const prefix = options['awslogs-stream-prefix'];
  if (logDriver !== 'awslogs' || group === undefined || prefix === undefined) return undefined;
  return { group, stream: `${prefix}/${container}/${taskId}` };
}

/** The last lines of a stream, each bounded, with what looks like a secret hidden. */
export async function logTail(
  context: EcsContext,
  { group, stream }: { group: string; stream: string },
): Promise<LogTail> {
  const command = new GetLogEventsCommand({
    logGroupName: group,
    logStreamName: stream,
    limit: LINES,
    startFromHead: false,
  });
  const { events = [] } = await send(await context.logs(), command, context);
  return { group, stream, lines: events.map(({ message = '' }) => shownLine(message)) };
}

/** A line as it may be shown: bounded, and without what looks like a secret. Known ones the log hides itself. */
export function shownLine(message: string): string {
  const line = message.trimEnd();
  const hidden = SECRETS.reduce(
    (text, [pattern, to]) => text.replace(pattern, to),
    line.slice(0, 4 * LINE_LENGTH),
  );
  return hidden.length > LINE_LENGTH ? `${hidden.slice(0, LINE_LENGTH)}…` : hidden;
}

/** What a program in trouble likes to print: its own configuration. */
const SECRETS: readonly (readonly [RegExp, string])[] = [
  [/([a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi, '$1:***@'],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, '$1 ***'],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, '***'],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{16}\b/g, '***'],
  [
    /((?:password|passwd|passphrase|secret|token|credentials?|api[_-]?key|private[_-]?key|access[_-]?key)\\?["']?\s*[:=]\s*\\?["']?)[^\s"',;&}\\]+/gi,
    '$1***',
  ],
];
