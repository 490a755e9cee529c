import { AwsError, type Call, type Service } from '../../../sandbox/protocols/service.ts';
import { DEV } from '../aws-clients.ts';

/** The parts of an SDK command that a direct client needs. */
interface Command {
  input: object;
  middlewareStack: {
    add(middleware: (next: Handler) => Handler, options: { name: string; step: string }): void;
    resolve(handler: Handler, context: object): Handler;
  };
}
/** The operations to whose commands our code adds middleware. */
const WITH_MIDDLEWARE = new Set(['DescribeTaskDefinition', 'RegisterTaskDefinition']);

type Handler = (args: { request: { body?: string } }) => Promise<{ output: object; response: object }>;

/**
 * A client that calls a service of the sandbox as a function: without HTTP, signatures and serialization, which take
 * nine tenths of the time of a call. Only for values that the JSON protocol supports.
 *
 * @param onCall is told each operation that is asked for.
 */
export function directClient(
  service: Service,
  onCall: (operation: string) => void = () => undefined,
): { send: (command: never) => Promise<object> } {
  const send = async (command: Command, { abortSignal }: { abortSignal?: AbortSignal } = {}) => {
    abortSignal?.throwIfAborted();
    const operation = command.constructor.name.replace(/Command$/, '');
    const call = callOf(service, operation);
    const handle: Handler = async ({ request }) => {
      const input =
        request.body === undefined ? copied(command.input, inSeconds) : (JSON.parse(request.body) as object);
      onCall(operation);
      const output = copied(await service.operations[operation]!(input as Call['input'], call), sameDate);
      return { output: output as object, response: { body: bodyOf(output as object) } };
    };
    try {
      const handler = WITH_MIDDLEWARE.has(operation) ? withOwnMiddleware(command, handle) : handle;
      return (await handler({ request: {} })).output;
    } catch (error) {
      throw error instanceof AwsError ? sdkError(error) : error;
    }
  };
  return { send };
}

/** Created only if it is read. */
async function* bodyOf(output: object): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from(JSON.stringify(copied(output, inSeconds))));
}

/** Middleware that our code adds to a command reads and writes its body. */
function withOwnMiddleware(command: Command, handle: Handler): Handler {
  const stack = command.middlewareStack;
  for (const step of ['serialize', 'deserialize'])
    stack.add((next) => (args) => next(args), { name: `${step}rMiddleware`, step });
  return stack.resolve(handle, {});
}

function callOf({ name: service }: Service, operation: string): Call {
  const principalArn = `arn:aws:iam::${DEV}:role/deploy`;
  return { service, operation, input: {}, account: DEV, region: 'eu-west-1', principalArn, requestId: '' };
}

/** As in the protocol. */
const inSeconds = (date: Date): unknown => date.getTime() / 1000;
const sameDate = (date: Date): unknown => date;

/**
 * A copy of plain data, which is independent of later changes in the sandbox. Undefined values are omitted, as on the
 * wire.
 */
function copied(value: unknown, dateOf: (date: Date) => unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return dateOf(value);
  if (Array.isArray(value)) return value.map((one) => copied(one, dateOf));
  const given = value as Readonly<Record<string, unknown>>;
  const copy: Record<string, unknown> = {};
  for (const key of Object.keys(given)) if (given[key] !== undefined) copy[key] = copied(given[key], dateOf);
  return copy;
}

function sdkError(error: AwsError): Error {
  const $metadata = { httpStatusCode: error.status };
  return Object.assign(new Error(error.message), { name: error.code, $fault: 'client', $metadata });
}
