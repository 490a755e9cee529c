import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { CloudFormationContext } from '../../../../src/cloudformation/context.ts';
import { Timeline } from '../../../../src/cloudformation/execution/events.ts';
import { Progress } from '../../../../src/cloudformation/execution/progress.ts';
import { FollowedServices } from '../../../../src/cloudformation/execution/services.ts';
import {
  type Execution,
  type Operation,
  watchOperation,
} from '../../../../src/cloudformation/execution/watch.ts';
import { limitRate } from '../../../../src/aws/middleware.ts';
import { Annotations } from '../../../../src/core/log.ts';
import { Unstopped } from '../../../../src/core/cancellation.ts';
import { RateLimiter } from '../../../../src/core/network/rate-limiter.ts';
import { recordingLog } from '../../core/fakes.ts';
import { VirtualClock } from '../../core/virtual-clock.ts';
import { awsError, fail, type Input } from '../aws.ts';

const STACK_TYPE = 'AWS::CloudFormation::Stack';
const PAGE = 100;
const CALL_MS = 100;

/** An event of a stack, by ms after the start of its operation. Without an id, it is the stack's own event. */
export interface FleetEvent {
  atMs: number;
  status: string;
  id?: string;
  /** The nested stack of the event's resource. */
  nested?: FleetStack;
}

export interface FleetStack {
  name: string;
  id: string;
  beganAt: number;
  before: string;
  updatedBefore: number;
  events: FleetEvent[];
  parent?: FleetStack;
}

interface FleetOptions {
  /** Other stacks of the account, which are listed first. */
  others?: number;
  /** The delay until events are visible; statuses are visible immediately. */
  eventDelayMs?: number;
  /** The delay until a status is visible after its event. */
  statusDelayMs?: number;
  /** Called before each call; throws to fail the call. `name` is undefined for the listing. */
  refuse?: (operation: string, name: string | undefined, nth: number) => void;
}

interface FakeCommand {
  input: Input;
  constructor: { name: string };
}

export interface Watched {
  execution: Execution;
  /** Between the end in AWS and the end of the watch. */
  lagMs: number;
}

/** Many stacks of an account, with a client that has latency and a rate limit, all in virtual time. */
export class Fleet {
  readonly clock = new VirtualClock();
  readonly calls: { operation: string; name: string | undefined; at: number }[] = [];
  readonly lines: string[];
  readonly #options: FleetOptions;
  readonly #stacks: FleetStack[] = [];
  readonly #others: readonly { StackId: string; StackName: string; StackStatus: string }[];
  readonly #client: CloudFormationClient;
  readonly #base: Omit<CloudFormationContext, 'signal'>;

  constructor(options: FleetOptions = {}) {
    this.#options = options;
    this.#others = Array.from({ length: options.others ?? 0 }, (_, index) => ({
      StackId: `arn:aws:cloudformation:eu-west-1:111111111111:stack/other-${index}/1`,
      StackName: `other-${index}`,
      StackStatus: 'UPDATE_COMPLETE',
    }));
    const { log, lines, redactor } = recordingLog();
    this.lines = lines;
    const { clock } = this;
    const limiter = new RateLimiter({ clock });
    const send = async (command: FakeCommand, { abortSignal }: { abortSignal: AbortSignal }) => {
      const commandName = command.constructor.name;
      const answer = async (): Promise<object> => {
        await clock.sleep(CALL_MS / 2, abortSignal);
        const output = this.#answer(commandName.replace(/Command$/, ''), command.input);
        await clock.sleep(CALL_MS / 2, abortSignal);
        return output;
      };
      const call = { abortSignal, commandInstance: command };
      return await limited(answer, {
        clientName: 'CloudFormationClient',
        commandName,
        __smithy_context: call,
      })();
    };
    let limited: (next: () => Promise<object>, context: object) => () => Promise<object>;
    const stack = {
      addRelativeTo: (middleware: typeof limited) => {
        limited = middleware;
      },
    };
    limitRate(stack, limiter, { region: 'eu-west-1' });
    this.#client = { send } as unknown as CloudFormationClient;
    const session = { region: 'eu-west-1', accountId: () => Promise.resolve('111111111111') };
    this.#base = {
      client: this.#client,
      session,
      log,
      clock,
      redactor,
      limiter,
      annotations: new Annotations(),
      unstopped: new Unstopped(),
    };
  }

  /** An existing stack. */
  add(name: string, before = 'CREATE_COMPLETE', parent?: FleetStack): FleetStack {
    const id = `arn:aws:cloudformation:eu-west-1:111111111111:stack/${name}/1`;
    const now = this.clock.now();
    const stack = {
      name,
      id,
      beganAt: Infinity,
      before,
      updatedBefore: now,
      events: [],
      ...(parent && { parent }),
    };
    this.#stacks.push(stack);
    return stack;
  }

  begin(stack: FleetStack, events: FleetEvent[]): void {
    stack.beganAt = this.clock.now();
    stack.events = events;
  }

  /** Starts an operation on a stack and watches it. */
  async watch(
    stack: FleetStack,
    kind: Operation['kind'],
    events: FleetEvent[],
    options: { signal?: AbortSignal; urgency?: number } = {},
  ): Promise<Watched> {
    this.begin(stack, events);
    const { signal = new AbortController().signal, urgency = 0 } = options;
    const context = { ...this.#base, signal, urgency };
    const operation: Operation = {
      stackName: stack.name,
      stackId: stack.id,
      kind,
      token: tokenOf(stack),
      ...(kind === 'update' && { updatedBefore: new Date(stack.updatedBefore) }),
    };
    const execution = await watchOperation(context, operation, {
      deadlineMs: this.clock.now() + 3_600_000,
      progress: new Progress(context.log, [], this.clock.now()),
      timeline: new Timeline(stack.id),
      services: new FollowedServices(undefined),
    });
    const endMs = Math.max(...events.map(({ atMs }) => atMs));
    return { execution, lagMs: this.clock.now() - stack.beganAt - endMs };
  }

  /** The number of calls of an operation; `all` for the listing's pages. */
  count(operation: string, named?: 'all' | 'one'): number {
    return this.calls.filter(
      (call) =>
        call.operation === operation &&
        (named === undefined || (named === 'all') === (call.name === undefined)),
    ).length;
  }

  #answer(operation: string, input: Input): object {
    const name = input['StackName'] as string | undefined;
    this.calls.push({ operation, name, at: this.clock.now() });
    this.#options.refuse?.(operation, name, this.count(operation, name === undefined ? 'all' : 'one'));
    if (operation === 'DescribeStackEvents') return { StackEvents: this.#eventsOf(this.#find(name)) };
    if (operation !== 'DescribeStacks') return fail(awsError('InvalidAction', operation));
    if (name !== undefined) return { Stacks: [this.#describe(this.#find(name))] };
    return this.#page(Number(input['NextToken'] ?? 0));
  }

  #page(from: number): object {
    const own = this.#stacks.map((stack) => this.#describe(stack));
    const all = [...this.#others, ...own].filter(({ StackStatus }) => StackStatus !== 'DELETE_COMPLETE');
    const more = all.length > from + PAGE ? { NextToken: String(from + PAGE) } : {};
    return { Stacks: all.slice(from, from + PAGE), ...more };
  }

  #find(name: string | undefined): FleetStack {
    return (
      this.#stacks.find(({ id }) => id === name) ??
      fail(awsError('ValidationError', `Stack [${name}] does not exist`))
    );
  }

  #describe(stack: FleetStack) {
    const now = this.clock.now() - (this.#options.statusDelayMs ?? 0);
    const own = stack.events.filter((event) => isOwn(event) && stack.beganAt + event.atMs <= now);
    return {
      StackId: stack.id,
      StackName: stack.name,
      StackStatus: own.at(-1)?.status ?? stack.before,
      LastUpdatedTime: new Date(own.length > 0 ? stack.beganAt + 1 : stack.updatedBefore),
      Outputs: [{ OutputKey: 'At', OutputValue: String(own.length) }],
      ...(stack.parent && { ParentId: stack.parent.id }),
    };
  }

  #eventsOf(stack: FleetStack): object[] {
    const now = this.clock.now() - (this.#options.eventDelayMs ?? 0);
    return stack.events
      .filter((event) => stack.beganAt + event.atMs <= now)
      .map((event, index) => ({
        EventId: `${stack.name}-${index}`,
        StackId: stack.id,
        StackName: stack.name,
        LogicalResourceId: event.id ?? stack.name,
        PhysicalResourceId: event.nested?.id ?? (event.id === undefined ? stack.id : `${event.id}-id`),
        ResourceType: isOwn(event) || event.nested ? STACK_TYPE : 'AWS::SNS::Topic',
        ResourceStatus: event.status,
        ClientRequestToken: tokenOf(stack),
        Timestamp: new Date(stack.beganAt + event.atMs),
      }))
      .reverse();
  }
}

function tokenOf(stack: FleetStack): string {
  return stack.parent ? tokenOf(stack.parent) : `token-${stack.name}`;
}

function isOwn({ id }: FleetEvent): boolean {
  return id === undefined;
}

/** The events of an operation with one resource. */
export function eventsFor(kind: 'CREATE' | 'UPDATE' | 'DELETE', lastsMs: number): FleetEvent[] {
  return [
    { atMs: 0, status: `${kind}_IN_PROGRESS` },
    { atMs: Math.min(500, lastsMs / 3), id: 'Topic', status: `${kind}_IN_PROGRESS` },
    { atMs: lastsMs - 200, id: 'Topic', status: `${kind}_COMPLETE` },
    { atMs: lastsMs, status: `${kind}_COMPLETE` },
  ];
}
