import { PlatformError } from '../core/errors.ts';
import type { RateLimiter } from '../core/network/rate-limiter.ts';
import { isThrottle } from './errors.ts';
import { callGroup } from './rates.ts';
import { withLongTextsAsCdata } from './xml.ts';

/** The parts of the SDK's middleware that are used here; they are the same for every client. */
interface Result {
  output: unknown;
  response: unknown;
}
type Next = (args: never) => Promise<Result>;
type Middleware = (next: Next, context: ExecutionContext) => (args: never) => Promise<Result>;
interface ExecutionContext {
  clientName?: string;
  commandName?: string;
  __smithy_context?: { abortSignal?: AbortSignal; commandInstance?: object };
}
interface Stack {
  addRelativeTo(
    middleware: Middleware,
    options: { name: string; relation: 'after' | 'before'; toMiddleware: string },
  ): void;
}

/** Keyed by command, because the SDK passes no custom options to its middleware. */
const URGENCIES = new WeakMap<object, number>();

/** Sets the priority of a command before it is sent; see `Context.urgency`. */
export function setUrgency(command: object, urgency: number | undefined): void {
  if (urgency !== undefined) URGENCIES.set(command, urgency);
}

/**
 * Limits the rate of calls: each attempt waits for a token of its bucket, and a bucket slows down when AWS throttles.
 *
 * @param access the account and region: roles of the same account share its limits.
 */
export function limitRate(
  stack: object,
  limiter: RateLimiter,
  access: { account?: string; region: string },
): void {
  const middleware: Middleware = (next, context) => async (args) => {
    const [service, operation] = namesOf(context);
    const group = callGroup(service, operation);
    const bucket = limiter.bucket(`${access.account ?? 'own'} ${access.region} ${group.name}`, group);
    const { abortSignal: signal, commandInstance: command } = context.__smithy_context ?? {};
    const waited = await bucket.take({ signal, urgency: command && URGENCIES.get(command) });
    try {
      return await next(args);
    } catch (error) {
      if (isThrottle(error)) bucket.throttled(waited);
      throw error;
    }
  };
  const options = { name: 'limitRate', relation: 'after', toMiddleware: 'retryMiddleware' } as const;
  (stack as Stack).addRelativeTo(middleware, options);
}

/** `CloudFormation` and `DescribeStacks`. */
function namesOf({
  clientName = '',
  commandName = '',
}: ExecutionContext): [service: string, operation: string] {
  return [clientName.replace(/Client$/, ''), commandName.replace(/Command$/, '')];
}

/** A response that did not come from AWS or is truncated, such as a proxy's error page. AWS may have applied the call. */
export class MalformedResponseError extends PlatformError {
  override readonly name = 'MalformedResponseError';
  readonly $metadata: { httpStatusCode: number };

  /** @param call the service and the operation. */
  constructor(call: string, status: number, body: string) {
    super(
      'service-unavailable',
      `${call} returned HTTP ${status} (${kindOf(body)})`,
      isHtml(body) ? { fix: NOT_AWS } : {},
    );
    this.$metadata = { httpStatusCode: status };
  }
}

/** A rejection that did not come from AWS, such as a proxy's. The call did not reach AWS. */
class ProxyRefusalError extends PlatformError {
  override readonly name = 'ProxyRefusalError';
  readonly $metadata: { httpStatusCode: number };

  constructor(call: string, status: number, body: string) {
    super('service-unavailable', `${call} returned HTTP ${status} (${kindOf(body)})`, { fix: NOT_AWS });
    this.$metadata = { httpStatusCode: status };
  }
}

const NOT_AWS =
  'Check the proxy between the runner and AWS (HTTPS_PROXY, NO_PROXY): the response did not come from AWS.';

function kindOf(body: string): string {
  if (isHtml(body)) return 'HTML';
  return body.trim() === '' ? 'empty body' : 'not an AWS response';
}

function isHtml(body: string): boolean {
  return /<(?:!doctype html|html)[\s>]/i.test(body.slice(0, 1000));
}

/**
 * Rejects responses that are not from AWS before the SDK parses them. For an HTML page, the SDK reports a parser error or,
 * with a 200 in an XML protocol, returns a result without any fields, such as an empty list of stacks.
 *
 * @param options.xml whether the service responds with `<OperationResponse>` (CloudFormation, STS, IAM, ELB).
 */
export function requireAwsResponse(stack: object, { xml = false }: { xml?: boolean }): void {
  const middleware: Middleware = (next, context) => async (args) => {
    const result = await next(args);
    const response = result.response as { statusCode?: number; body?: unknown };
    const { statusCode: status = 0 } = response;
    if (status < 300 ? !xml : status < 400) return result;
    const bytes = await collect(response.body);
    response.body = bytes;
    const body = bytes.toString('utf8');
    const [service, operation] = namesOf(context);
    const call = `${service} ${operation}`.trim();
    if (status < 300) {
      if (!new RegExp(`<(?:\\w+:)?${operation}Response[\\s/>]`).test(body))
        throw new MalformedResponseError(call, status, body);
      const readable = withLongTextsAsCdata(body);
      if (readable !== body) response.body = Buffer.from(readable);
      return result;
    }
    if (status >= 500 && !isError(body)) throw new MalformedResponseError(call, status, body);
    if (isHtml(body)) throw new ProxyRefusalError(call, status, body);
    return result;
  };
  const options = {
    name: 'requireAwsResponse',
    relation: 'after',
    toMiddleware: 'deserializerMiddleware',
  } as const;
  (stack as Stack).addRelativeTo(middleware, options);
}

/** Whether a body is a complete error document of an AWS protocol, in JSON or XML. */
function isError(body: string): boolean {
  if (/^\s*\{[\s\S]*\}\s*$/.test(body)) return true;
  const root = /^\s*(?:<\?xml[^>]*>\s*)?<(\w+)[\s>]/.exec(body)?.[1];
  return root !== undefined && root !== 'html' && body.trimEnd().endsWith(`</${root}>`);
}

async function collect(body: unknown): Promise<Buffer> {
  // Another middleware has already read it.
  if (body instanceof Uint8Array) return Buffer.from(body);
  if (body === undefined || body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
