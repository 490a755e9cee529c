import type { RateLimiter } from '../core/concurrency.ts';
import { PlatformError } from '../core/errors.ts';
import { isThrottle } from './errors.ts';

/** The parts of the SDK's middleware that are used here, the same for every client. */
interface Result {
  output: unknown;
  response: unknown;
}
type Next = (args: never) => Promise<Result>;
type Middleware = (next: Next, context: ExecutionContext) => (args: never) => Promise<Result>;
interface ExecutionContext {
  commandName?: string;
  __smithy_context?: { abortSignal?: AbortSignal };
}
interface Stack {
  addRelativeTo(
    middleware: Middleware,
    options: { name: string; relation: 'after' | 'before'; toMiddleware: string },
  ): void;
}

/** Makes each attempt of each call wait for its turn, and the turns rarer when AWS throttles. */
export function limitRate(stack: object, limiter: RateLimiter): void {
  const middleware: Middleware = (next, context) => async (args) => {
    await limiter.take(context.__smithy_context?.abortSignal);
    try {
      return await next(args);
    } catch (error) {
      if (isThrottle(error)) limiter.slow();
      throw error;
    }
  };
  const options = { name: 'limitRate', relation: 'after', toMiddleware: 'retryMiddleware' } as const;
  (stack as Stack).addRelativeTo(middleware, options);
}

/** A 2xx whose body is not the operation's answer: a proxy's page, or a text that was cut. */
class MalformedResponseError extends PlatformError {
  override readonly name = 'MalformedResponseError';

  constructor(operation: string) {
    super('service-unavailable', `the endpoint's answer to ${operation} is not AWS's`);
  }
}

/**
 * Refuses an answer of the query protocol (CloudFormation, STS) that is not one. The SDK would read a page of
 * HTML as an answer without any fields, and an empty list of stacks is a dangerous thing to believe.
 */
export function requireAnswer(stack: object): void {
  const middleware: Middleware = (next, context) => async (args) => {
    const result = await next(args);
    const response = result.response as { statusCode?: number; body?: unknown };
    if ((response.statusCode ?? 0) >= 300) return result;
    const body = await collect(response.body);
    response.body = body;
    const operation = context.commandName?.replace(/Command$/, '') ?? '';
    if (!new RegExp(`<(?:\\w+:)?${operation}Response[\\s/>]`).test(body.toString('utf8'))) {
      throw new MalformedResponseError(operation);
    }
    return result;
  };
  const options = {
    name: 'requireAnswer',
    relation: 'after',
    toMiddleware: 'deserializerMiddleware',
  } as const;
  (stack as Stack).addRelativeTo(middleware, options);
}

async function collect(body: unknown): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
