import { AwsError } from '../protocols/service.ts';
import { partitionOf, type World } from '../world.ts';

export interface LogEvent {
  id: string;
  timestamp: number;
  ingestionTime: number;
  message: string;
}

export interface LogStream {
  name: string;
  createdAt: number;
  events: LogEvent[];
}

export interface LogGroup {
  name: string;
  /** Without the `:*` that some responses add. */
  arn: string;
  createdAt: number;
  retentionInDays?: number;
  kmsKeyId?: string;
  streams: Map<string, LogStream>;
}

const NAME = String.raw`[\.\-_/#A-Za-z0-9]+`;
const MAX_NAME_LENGTH = 512;

/**
 * Throws InvalidParameterException for an invalid name.
 *
 * @see https://github.com/awslabs/aws-embedded-metrics-java/issues/65 for the message
 */
export function checkLogGroupName(name: string): void {
  const constraint =
    name.length > MAX_NAME_LENGTH
      ? `Member must have length less than or equal to ${MAX_NAME_LENGTH}`
      : new RegExp(`^${NAME}$`).test(name)
        ? undefined
        : `Member must satisfy regular expression pattern: ${NAME}`;
  if (constraint === undefined) return;
  throw new AwsError(
    'InvalidParameterException',
    `1 validation error detected: Value '${name}' at 'logGroupName' failed to satisfy constraint: ${constraint}`,
  );
}

/** The log groups of an account and region. */
export class LogGroups {
  readonly #world: World;
  readonly #place: string;
  readonly all = new Map<string, LogGroup>();
  #events = 0;

  constructor(world: World, account: string, region: string) {
    this.#world = world;
    this.#place = `arn:${partitionOf(region).id}:logs:${region}:${account}`;
  }

  find(name: string): LogGroup | undefined {
    return this.all.get(name);
  }

  put(name: string, settings: Pick<LogGroup, 'retentionInDays' | 'kmsKeyId'> = {}): LogGroup {
    const group: LogGroup = {
      name,
      arn: `${this.#place}:log-group:${name}`,
      createdAt: this.#world.clock.now().getTime(),
      streams: new Map(),
      ...this.all.get(name),
      ...settings,
    };
    this.all.set(name, group);
    return group;
  }

  delete(name: string): void {
    this.all.delete(name);
  }

  /** Appends a line. The stream is created with its first line. */
  write(group: LogGroup, streamName: string, message: string): void {
    const now = this.#world.clock.now().getTime();
    const stream = group.streams.get(streamName) ?? { name: streamName, createdAt: now, events: [] };
    group.streams.set(streamName, stream);
    this.#events += 1;
    const id = String(this.#events).padStart(56, '0');
    stream.events.push({ id, timestamp: now, ingestionTime: now, message });
  }
}

export function logGroupsOf(world: World, account: string, region: string): LogGroups {
  return world.store(account, region, 'logs', () => new LogGroups(world, account, region));
}
