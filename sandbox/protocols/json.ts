import { AwsError, type Input, type Protocol } from './service.ts';
/**
 * JSON 1.1: the operation is in X-Amz-Target, input and output are objects, times are in epoch seconds. SSM, ECS, ECR.
 */
export const json: Protocol = {
  decode(request) {
    const operation = (request.headers['x-amz-target'] ?? '').split('.').at(-1) ?? '';
    return { operation, input: parseBody(request.body.toString('utf8')) };
  },

  succeed(output, call) {
    return { status: 200, headers: headers(call.requestId), body: JSON.stringify(wire(output)) };
  },

  refuse(error, call) {
    const { code, message, status, extra } = error;
    const body = JSON.stringify({ __type: code, ...(message && { message }), ...extra });
    return { status, headers: { ...headers(call.requestId), 'x-amzn-errortype': code }, body, code };
  },

  refusals: {
    unsigned: ['MissingAuthenticationTokenException', 'Missing Authentication Token', 400],
    unknownKey: [
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
      400,
    ],
    expiredToken: ['ExpiredTokenException', 'The security token included in the request is expired', 400],
    denied: ['AccessDeniedException', '', 400],
    unknownOperation: ['UnknownOperationException', '', 400],
    throttle: ['ThrottlingException', 'Rate exceeded', 400],
    failure: ['InternalServerError', 'An internal error has occurred.', 500],
  },
};

function headers(requestId: string): Record<string, string> {
  return { 'content-type': 'application/x-amz-json-1.1', 'x-amzn-requestid': requestId };
}

function parseBody(body: string): Input {
  try {
    const input: unknown = JSON.parse(body || '{}');
    if (typeof input === 'object' && input !== null && !Array.isArray(input)) return input as Input;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AwsError('SerializationException', 'The request body is not a JSON object');
}

function wire(value: unknown): unknown {
  if (value instanceof Date) return value.getTime() / 1000;
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (Array.isArray(value)) return value.map(wire);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, wire(field)]));
}
