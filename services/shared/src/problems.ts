import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { trace } from '@opentelemetry/api';
import { Type } from 'typebox';
import { DatabaseUnavailableError } from './database-errors.ts';

/** An error response for the caller: sent as `application/problem+json` (RFC 9457). */
export class Problem extends Error {
  override name = 'Problem';
  readonly status: number;
  readonly details: Record<string, unknown>;

  constructor(status: number, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

/** A required service did not respond in time, or responded with an error. */
export class DependencyUnavailableError extends Error {
  override name = 'DependencyUnavailableError';

  constructor(service: string, cause: unknown) {
    super(`${service} is not available: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
}

export const ProblemSchema = Type.Object(
  {
    title: Type.String({ description: 'The kind of error, the same for every error with this status.' }),
    status: Type.Integer({ description: 'The HTTP status.' }),
    detail: Type.String({ description: 'What failed, and why.' }),
    traceId: Type.Optional(Type.String({ description: 'The id of the trace, which is also in the logs.' })),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          in: Type.String({ description: '`body`, `querystring`, `params` or `headers`.' }),
          path: Type.String({ description: 'A JSON Pointer, such as `/lines/0/quantity`.' }),
          message: Type.String(),
        }),
        { description: 'Every mistake in the input. Only with status 400.' },
      ),
    ),
  },
  { additionalProperties: true, title: 'Problem' },
);

const problem = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: ProblemSchema } },
});

/** The error responses of an operation: those that every operation can return, and its own, by status. */
export const problems = (causes: Record<number, string> = {}) => ({
  ...Object.fromEntries(Object.entries(causes).map(([status, cause]) => [status, problem(cause)])),
  '4xx': problem(
    'The request is invalid: 400 if a parameter or the body does not match its schema, 404 if the path does not exist, 413 if the body is larger than 64 KiB, 415 if it is not JSON.',
  ),
  '5xx': problem(
    '500 for an internal error; its details are only logged. 503 with `retry-after` if the database or a required service is not available.',
  ),
});

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Not authorised',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Cannot be processed',
  500: 'Internal error',
  502: 'Bad gateway',
  503: 'Not available',
  504: 'Gateway timeout',
};

interface Answer {
  status: number;
  detail: string;
  details?: Record<string, unknown>;
}

/**
 * Converts any error of a request to a response. Only internal errors are logged, and their details are never shown.
 */
export function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, detail, details } = describe(error);
  if (status >= 500) request.log.error({ err: error }, 'the request failed');
  if (status === 503) void reply.header('retry-after', '1');
  const traceId = trace.getActiveSpan()?.spanContext().traceId;
  return reply
    .code(status)
    .type('application/problem+json')
    .send({ title: titles[status] ?? 'Error', status, detail, traceId, ...details });
}

export function answerNotFound(request: FastifyRequest): never {
  throw new Problem(404, `${request.method} ${request.url.split('?')[0] ?? ''} not found`);
}

function describe(error: FastifyError): Answer {
  if (error instanceof Problem)
    return { status: error.status, detail: error.message, details: error.details };
  if (error.validation) return invalidInput(error.validation, error.validationContext ?? 'input');
  if (error instanceof DatabaseUnavailableError)
    return { status: 503, detail: 'the database is not available' };
  if (error instanceof DependencyUnavailableError)
    return { status: 503, detail: error.message.split(':')[0] ?? '' };
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500) return { status, detail: error.message };
  return { status: 500, detail: 'internal error' };
}

type ValidationErrors = NonNullable<FastifyError['validation']>;

function invalidInput(failures: ValidationErrors, context: string): Answer {
  const errors = failures.map((failure) => ({ in: context, ...explain(failure) }));
  const [first] = errors;
  const detail = first === undefined ? 'is not valid' : `${first.in}${first.path} ${first.message}`;
  return { status: 400, detail, details: { errors } };
}

/** ajv's own messages, except for the two that omit necessary details. */
function explain({ instancePath, message = 'is not valid', keyword, params }: ValidationErrors[number]) {
  if (keyword === 'additionalProperties') {
    return {
      path: `${instancePath}/${String(params['additionalProperty'])}`,
      message: 'is not a known property',
    };
  }
  if (keyword === 'enum') {
    return {
      path: instancePath,
      message: `must be one of ${(params['allowedValues'] as string[]).join(', ')}`,
    };
  }
  return { path: instancePath, message };
}
