import { page } from '../services/page.ts';
import type { Input, Operation, Service } from '../service.ts';
import { AwsError, listOf, textOf } from '../service.ts';
import type { World } from '../world.ts';
import { eventsOf, filterEvents } from './events.ts';
import type { LogGroup, LogGroups, LogStream } from './log-groups.ts';
import { logGroupsOf } from './log-groups.ts';

type LogsOperation = (groups: LogGroups, input: Input) => object;

const MOST_A_PAGE = 50;

const OPERATIONS: Record<string, LogsOperation> = {
  CreateLogGroup(groups, input) {
    const name = textOf(input.logGroupName) ?? '';
    if (groups.find(name)) {
      throw new AwsError('ResourceAlreadyExistsException', 'The specified log group already exists');
    }
    const kmsKeyId = textOf(input.kmsKeyId);
    groups.put(name, kmsKeyId === undefined ? {} : { kmsKeyId });
    return {};
  },

  DescribeLogGroups(groups, input) {
    const prefix = textOf(input.logGroupNamePrefix) ?? '';
    const pattern = textOf(input.logGroupNamePattern)?.toLowerCase() ?? '';
    const found = [...groups.all.values()]
      .filter(({ name }) => name.startsWith(prefix) && name.toLowerCase().includes(pattern))
      .sort((a, b) => a.name.localeCompare(b.name));
    const { items, nextToken } = page(found, {
      token: input.nextToken,
      limit: input.limit,
      most: MOST_A_PAGE,
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
    const { items, nextToken } = page(found, {
      token: input.nextToken,
      limit: input.limit,
      most: MOST_A_PAGE,
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

/** CloudWatch Logs: what the containers of ECS write. */
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
