import {
  AwsError,
  type Input,
  listOf,
  type Operation,
  paginate,
  type Service,
  textOf,
} from '../protocols/service.ts';
import type { World } from '../world.ts';
import {
  checkLogGroupName,
  type LogEvent,
  type LogGroup,
  type LogGroups,
  logGroupsOf,
  type LogStream,
} from './log-groups.ts';

type LogsOperation = (groups: LogGroups, input: Input) => object;

const MAX_PER_PAGE = 50;
/** "Possible values are" (CloudWatch Logs API, PutRetentionPolicy). */
const RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
];

const OPERATIONS: Record<string, LogsOperation> = {
  CreateLogGroup(groups, input) {
    const name = textOf(input.logGroupName) ?? '';
    checkLogGroupName(name);
    if (groups.find(name)) {
      throw new AwsError('ResourceAlreadyExistsException', 'The specified log group already exists');
    }
    const kmsKeyId = textOf(input.kmsKeyId);
    groups.put(name, kmsKeyId === undefined ? {} : { kmsKeyId });
    return {};
  },

  DeleteLogGroup(groups, input) {
    groups.delete(groupOf(groups, input).name);
    return {};
  },

  PutRetentionPolicy(groups, input) {
    const { name } = groupOf(groups, input);
    const days = Number(input.retentionInDays);
    if (!RETENTION_DAYS.includes(days)) {
      throw new AwsError('InvalidParameterException', `Invalid retention value: ${String(days)}`);
    }
    groups.put(name, { retentionInDays: days });
    return {};
  },

  DescribeLogGroups(groups, input) {
    const prefix = textOf(input.logGroupNamePrefix) ?? '';
    const pattern = textOf(input.logGroupNamePattern)?.toLowerCase() ?? '';
    const found = [...groups.all.values()]
      .filter(({ name }) => name.startsWith(prefix) && name.toLowerCase().includes(pattern))
      .sort((a, b) => a.name.localeCompare(b.name));
    const { items, nextToken } = paginate(found, {
      token: input.nextToken,
      limit: input.limit,
      most: MAX_PER_PAGE,
    });
    return { logGroups: items.map(shownGroup), nextToken };
  },

  DescribeLogStreams(groups, input) {
    const group = groupOf(groups, input);
    const prefix = textOf(input.logStreamNamePrefix) ?? '';
    const found = [...group.streams.values()].filter(({ name }) => name.startsWith(prefix));
    const byTime = input.orderBy === 'LastEventTime';
    found.sort((a, b) => (byTime ? lastEvent(a) - lastEvent(b) : a.name.localeCompare(b.name)));
    if (input.descending === true) found.reverse();
    const { items, nextToken } = paginate(found, {
      token: input.nextToken,
      limit: input.limit,
      most: MAX_PER_PAGE,
    });
    return { logStreams: items.map((stream) => shownStream(group, stream)), nextToken };
  },

  GetLogEvents(groups, input) {
    const stream = groupOf(groups, input).streams.get(textOf(input.logStreamName) ?? '');
    if (!stream) throw notFound('log stream');
    return eventsOf(stream, input);
  },

  FilterLogEvents(groups, input) {
    const group = groupOf(groups, input);
    const names = listOf(input.logStreamNames).map(String);
    const unknown = names.find((name) => !group.streams.has(name));
    if (unknown !== undefined) throw notFound('log stream');
    const prefix = textOf(input.logStreamNamePrefix) ?? '';
    const streams = [...group.streams.values()].filter(
      ({ name }) => name.startsWith(prefix) && (names.length === 0 || names.includes(name)),
    );
    return filterEvents(streams, input);
  },
};

/** CloudWatch Logs, for the output of ECS containers. */
export function logs(world: World): Service {
  const bound = Object.entries(OPERATIONS).map(([name, operation]): [string, Operation] => [
    name,
    (input, call) => operation(logGroupsOf(world, call.account, call.region), input),
  ]);
  return { name: 'logs', protocol: 'json', operations: Object.fromEntries(bound) };
}

function groupOf(groups: LogGroups, input: Input): LogGroup {
  const identifier = (textOf(input.logGroupIdentifier) ?? '')
    .replace(/^arn:.*:log-group:/, '')
    .replace(/:\*$/, '');
  const group = groups.find(textOf(input.logGroupName) ?? identifier);
  if (group) return group;
  throw notFound('log group');
}

function notFound(what: string): AwsError {
  return new AwsError('ResourceNotFoundException', `The specified ${what} does not exist.`);
}

function lastEvent({ events, createdAt }: LogStream): number {
  return events.at(-1)?.timestamp ?? createdAt;
}

function shownGroup({ name, arn, createdAt, retentionInDays, kmsKeyId }: LogGroup): object {
  return {
    logGroupName: name,
    arn: `${arn}:*`,
    logGroupArn: arn,
    creationTime: createdAt,
    retentionInDays,
    kmsKeyId,
    storedBytes: 0,
    logGroupClass: 'STANDARD',
  };
}

function shownStream(group: LogGroup, stream: LogStream): object {
  return {
    logStreamName: stream.name,
    arn: `${group.arn}:log-stream:${stream.name}`,
    creationTime: stream.createdAt,
    firstEventTimestamp: stream.events[0]?.timestamp,
    lastEventTimestamp: stream.events.at(-1)?.timestamp,
    lastIngestionTime: stream.events.at(-1)?.ingestionTime,
  };
}

const MAX_EVENTS = 10_000;

/** One page of a stream. The tokens are positions in it and stay the same at its ends, as in AWS. */
function eventsOf(stream: LogStream, input: Input): object {
  const limit = Number(input.limit ?? MAX_EVENTS);
  const events = within(stream.events, input);
  const token = textOf(input.nextToken);
  const { start, end } =
    token === undefined ? firstPage(events, limit, input) : placeOf(token, events, limit);
  return {
    events: events
      .slice(start, end)
      .map(({ timestamp, ingestionTime, message }) => ({ timestamp, ingestionTime, message })),
    nextForwardToken: `f/${String(end)}`,
    nextBackwardToken: `b/${String(start)}`,
  };
}

function firstPage(events: readonly LogEvent[], limit: number, input: Input): { start: number; end: number } {
  if (input.startFromHead === true) return { start: 0, end: Math.min(limit, events.length) };
  return { start: Math.max(0, events.length - limit), end: events.length };
}

function placeOf(token: string, events: readonly LogEvent[], limit: number): { start: number; end: number } {
  const [, direction, text] = /^([fb])\/(\d+)$/.exec(token) ?? [];
  if (text === undefined) {
    throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.');
  }
  const place = Math.min(Number(text), events.length);
  return direction === 'f'
    ? { start: place, end: Math.min(place + limit, events.length) }
    : { start: Math.max(0, place - limit), end: place };
}

/** One page of the events of several streams, by time. The pattern is one text, or several that must all occur. */
function filterEvents(streams: readonly LogStream[], input: Input): object {
  const terms = (textOf(input.filterPattern) ?? '').match(/"[^"]*"|\S+/g) ?? [];
  const wanted = terms.map((term) => term.replace(/^"|"$/g, ''));
  const found = streams
    .flatMap(({ name, events }) => within(events, input).map((event) => ({ name, event })))
    .filter(({ event }) => wanted.every((term) => event.message.includes(term)))
    .sort((a, b) => a.event.timestamp - b.event.timestamp || a.event.id.localeCompare(b.event.id));
  const { items, nextToken } = paginate(found, {
    token: input.nextToken,
    limit: input.limit,
    most: MAX_EVENTS,
  });
  return {
    events: items.map(({ name, event }) => {
      const { id, timestamp, ingestionTime, message } = event;
      return { logStreamName: name, timestamp, message, ingestionTime, eventId: id };
    }),
    searchedLogStreams: [],
    nextToken,
  };
}

function within(events: readonly LogEvent[], { startTime, endTime }: Input): LogEvent[] {
  return events.filter(
    ({ timestamp }) =>
      (startTime === undefined || timestamp >= Number(startTime)) &&
      (endTime === undefined || timestamp < Number(endTime)),
  );
}
