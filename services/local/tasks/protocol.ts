import { serviceNames } from '../service-process.ts';
import type { ServiceName } from '../service-process.ts';
import { isRelease, releaseNames } from './release.ts';
import type { Release } from './release.ts';

/** A line of standard input. */
export type Request = StartRequest | StopRequest;

export interface StartRequest {
  do: 'start';
  /** The caller's id of the task, which is part of every event about it. */
  id: string;
  service: ServiceName;
  /** Default: `current`. */
  release: Release;
  /** As in a task definition: `node` and a program of the image. Default: that of the image, `node dist/main.js`. */
  command: string[];
  /** The container's variables, including secrets. */
  environment: Record<string, string>;
}

export interface StopRequest {
  do: 'stop';
  id: string;
  /** Time from SIGTERM to SIGKILL. Default: 30, as in ECS. */
  timeoutSeconds: number;
}

/** A line of standard output. */
export type Event =
  /** The task is running. Once it listens, its health can be checked on 127.0.0.1 at this port. */
  | { event: 'started'; id: string; pid: number; port: number }
  /** A line of its standard output or standard error. */
  | { event: 'log'; id: string; line: string }
  /**
   * The task has exited, and its log is complete. As in ECS, the code for a signal is 128 plus its number; null if it
   * never started.
   */
  | { event: 'exited'; id: string; exitCode: number | null }
  /** The request was invalid or failed; nothing was started. */
  | { event: 'refused'; id: string | undefined; reason: string };

const STOP_TIMEOUT_SECONDS = 30;

/** @throws Error with the invalid field and the expected value. */
export function parseRequest(line: string): Request {
  const request = parseObject(line);
  const { id, do: what } = request;
  if (typeof id !== 'string' || id === '') throw new Error('id: expected a non-empty string');
  if (what === 'stop') return { do: what, id, timeoutSeconds: timeoutOf(request['timeoutSeconds']) };
  if (what !== 'start') throw new Error(`do: expected start or stop, got ${JSON.stringify(what)}`);
  return {
    do: what,
    id,
    service: serviceOf(request['service']),
    release: releaseOf(request['release'] ?? 'current'),
    command: commandOf(request['command'] ?? ['node', 'dist/main.js']),
    environment: environmentOf(request['environment'] ?? {}),
  };
}

/** The task that a line refers to, if it can be determined. */
export function idOf(line: string): string | undefined {
  try {
    const { id } = parseObject(line);
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw new Error('expected one JSON object per line', { cause: error });
  }
  if (!isObject(value)) throw new Error('expected one JSON object per line');
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function timeoutOf(value: unknown = STOP_TIMEOUT_SECONDS): number {
  if (typeof value === 'number' && value >= 0 && value <= 120) return value;
  throw new Error(`timeoutSeconds: expected 0 to 120, got ${JSON.stringify(value)}`);
}

function serviceOf(value: unknown): ServiceName {
  const service = serviceNames.find((name) => name === value);
  if (service !== undefined) return service;
  throw new Error(`service: expected one of ${serviceNames.join(', ')}, got ${JSON.stringify(value)}`);
}

function releaseOf(value: unknown): Release {
  if (isRelease(value)) return value;
  throw new Error(`release: expected one of ${releaseNames.join(', ')}, got ${JSON.stringify(value)}`);
}

function commandOf(value: unknown): string[] {
  const valid = Array.isArray(value) && value.length > 1 && value.every((part) => typeof part === 'string');
  if (valid && value[0] === 'node') return value;
  throw new Error(`command: expected a list of "node" and its arguments, got ${JSON.stringify(value)}`);
}

function environmentOf(value: unknown): Record<string, string> {
  if (isObject(value) && Object.values(value).every((entry) => typeof entry === 'string')) {
    return value as Record<string, string>;
  }
  // Without the values, which may contain a secret.
  throw new Error('environment: expected an object whose values are strings');
}
