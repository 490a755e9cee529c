import type { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import type { CloudFormationContext } from '../../../src/cloudformation/context.ts';
import type { StackSnapshot } from '../../../src/cloudformation/stack.ts';
import type { Template } from '../../../src/cloudformation/template/template.ts';
import { locate } from '../../../src/cloudformation/template/locate.ts';
import { readTemplateDocument } from '../../../src/cloudformation/template/document.ts';
import { Annotations } from '../../../src/core/log.ts';
import { RateLimiter } from '../../../src/core/network/rate-limiter.ts';
import { Unstopped } from '../../../src/core/cancellation.ts';
import { FakeClock, recordingLog } from '../core/fakes.ts';

export type Input = Record<string, unknown>;
/** Responds to a call; `nth` counts the calls of that operation from 1. */
export type Handlers = Record<string, (input: Input, nth: number) => object>;

export interface FakeAws {
  context: CloudFormationContext;
  calls: { operation: string; input: Input }[];
  /** The inputs of an operation. */
  inputs: (operation: string) => Input[];
  lines: string[];
  clock: FakeClock;
  abort: (reason: Error) => void;
}

/** A context whose client uses handlers. A call without a handler fails the test. */
export function fakeAws(handlers: Handlers): FakeAws {
  const calls: FakeAws['calls'] = [];
  const clock = new FakeClock();
  const { log, lines, redactor } = recordingLog();
  const controller = new AbortController();
  const inputs = (operation: string): Input[] =>
    calls.filter((call) => call.operation === operation).map((call) => call.input);
  const client = {
    async send(command: { input: Input; constructor: { name: string } }): Promise<object> {
      await Promise.resolve();
      const operation = command.constructor.name.replace(/Command$/, '');
      calls.push({ operation, input: command.input });
      const handler = handlers[operation];
      if (!handler) throw awsError('InvalidAction', `no answer for ${operation}`);
      return handler(command.input, inputs(operation).length);
    },
  };
  const context = {
    client: client as unknown as CloudFormationClient,
    session: { region: 'eu-west-1', accountId: () => Promise.resolve('111111111111') },
    log,
    clock,
    signal: controller.signal,
    redactor,
    limiter: new RateLimiter({ perSecond: 1000, burst: 1000, clock }),
    annotations: new Annotations(),
    unstopped: new Unstopped(),
  };
  return {
    context,
    calls,
    inputs,
    lines,
    clock,
    abort: (reason) => {
      controller.abort(reason);
    },
  };
}

/** An error as the SDK throws it. */
export function awsError(name: string, message = name, httpStatusCode = 400): Error {
  return Object.assign(new Error(message), { name, $fault: 'client', $metadata: { httpStatusCode } });
}

export const notFound = (): Error =>
  awsError('ChangeSetNotFoundException', 'ChangeSet [x] does not exist', 404);
export const noStack = (): Error => awsError('ValidationError', 'Stack [app] does not exist');

/** A handler that fails. */
export function fail(error: Error): never {
  throw error;
}

/** A template as loadTemplate returns it. */
export function templateOf(body: string, file = 'app.yml'): Template {
  const document = readTemplateDocument(body);
  const { parameters, resources } = document;
  return {
    file,
    body,
    hash: 'a'.repeat(64),
    parameters,
    resources,
    lineOf: (path) => document.lineOf(path),
    locate: (message) => locate(message, document),
  };
}

export function stackOf(values: Partial<StackSnapshot> = {}): StackSnapshot {
  return {
    stackName: 'app',
    stackId: 'arn:aws:cloudformation:eu-west-1:111111111111:stack/app/1',
    status: 'UPDATE_COMPLETE',
    parameters: {},
    tags: {},
    outputs: {},
    capabilities: [],
    terminationProtection: false,
    notificationArns: [],
    ...values,
  };
}
