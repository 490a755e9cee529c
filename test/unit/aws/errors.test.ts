import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import {
  AwsError,
  awsNameOf,
  classify,
  errorText,
  isNotFound,
  isThrottle,
  toAwsError,
  RoleError,
} from '../../../src/aws/errors.ts';
import { CancelledError, InputError } from '../../../src/core/errors.ts';
import { send } from '../../../src/aws/send.ts';
import type { AwsErrorClass } from '../../../src/aws/errors.ts';

/** An error as the SDK throws it for a service's response. */
function service(name: string, status = 400, message = 'no'): Error {
  const error = new Error(message);
  return Object.assign(error, {
    name,
    $fault: status < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode: status, requestId: 'request-1' },
  });
}

function system(code: string, name = 'Error', message = ''): Error {
  return Object.assign(new Error(message), { name, code });
}

/** An error while reading a response: it contains the response, and no fault. */
function unreadable(status: number): Error {
  const error = new SyntaxError(
    'Unexpected token <\n  Deserialization error: to see the raw response, inspect the hidden field {error}.$response on this object.',
  );
  Object.defineProperty(error, '$response', { value: {}, enumerable: false });
  return Object.assign(error, { $metadata: { httpStatusCode: status } });
}

describe('classify', () => {
  test.each<[AwsErrorClass, Error]>([
    ['throttle', service('Throttling')],
    ['throttle', service('ThrottlingException')],
    ['throttle', service('TooManyRequestsException', 429)],
    ['throttle', service('SlowDown', 503)],
    ['throttle', service('Whatever', 429)],
    ['not-found', service('ValidationError', 400, 'Stack with id dev-vpc does not exist')],
    ['not-found', service('ValidationError', 400, 'Stack [dev-vpc] does not exist')],
    ['not-found', service('ChangeSetNotFoundException', 404)],
    ['not-found', service('ChangeSetNotFound', 404)],
    ['not-found', service('ParameterNotFound')],
    ['not-found', service('NoSuchBucket', 404)],
    ['not-found', service('Whatever', 404)],
    ['denied', service('AccessDenied', 403)],
    ['denied', service('AccessDeniedException')],
    ['denied', service('Whatever', 403)],
    ['credentials', service('InvalidClientTokenId', 403)],
    ['credentials', service('UnrecognizedClientException', 400)],
    [
      'credentials',
      Object.assign(new Error('Could not load credentials'), { name: 'CredentialsProviderError' }),
    ],
    [
      'credentials',
      new RoleError('access-denied', 'the role is denied', { cause: service('AccessDenied', 403) }),
    ],
    ['expired', service('ExpiredToken', 403)],
    ['expired', service('ExpiredTokenException', 403)],
    ['expired', service('RequestExpired')],
    ['validation', service('ValidationError', 400, 'Template format error')],
    ['validation', service('ValidationError', 400, 'Parameter does not exist')],
    ['validation', service('InsufficientCapabilitiesException')],
    ['validation', service('InvalidOperationException')],
    ['validation', service('Whatever', 400)],
    ['conflict', service('AlreadyExistsException')],
    ['conflict', service('InvalidChangeSetStatus')],
    ['conflict', service('OperationInProgressException')],
    ['conflict', service('TokenAlreadyExistsException')],
    ['limit', service('LimitExceededException')],
    ['limit', service('ServiceQuotaExceededException')],
    ['network', system('ECONNRESET', 'TimeoutError', 'socket hang up')],
    ['network', system('EPIPE')],
    ['network', system('ENOTFOUND')],
    ['network', system('', 'TimeoutError')],
    ['network', service('RequestTimeout')],
    ['network', Object.assign(new TypeError('fetch failed'), { cause: system('ECONNREFUSED') })],
    ['network', new AggregateError([system('ECONNREFUSED')])],
    ['server', service('InternalFailure', 500)],
    ['server', service('ServiceUnavailable', 503)],
    ['server', service('Whatever', 502)],
    ['server', service('IDPCommunicationError')],
    ['server', service('IDPCommunicationErrorException')],
    ['server', unreadable(200)],
    ['server', unreadable(400)],
    ['other', service('NotImplemented', 501)],
    ['other', Object.assign(new Error('aborted'), { name: 'AbortError' })],
    ['other', new Error('anything')],
    ['denied', new Error('the role is denied', { cause: service('AccessDenied', 403) })],
  ])('%s: %s', (kind, error) => {
    expect(classify(error)).toBe(kind);
  });

  test.each([undefined, null, 'text', 7, {}])('%j is other', (value) => {
    expect(classify(value)).toBe('other');
  });

  test('isThrottle and isNotFound', () => {
    expect(isThrottle(service('Throttling'))).toBe(true);
    expect(isThrottle(service('LimitExceededException'))).toBe(false);
    expect(isNotFound(service('ValidationError', 400, 'Stack with id x does not exist'))).toBe(true);
    expect(isNotFound(service('ValidationError'))).toBe(false);
  });
});

describe('errorText', () => {
  test.each<[string, unknown, string]>([
    [
      'a service error',
      service('AccessDenied', 403, 'User is not\n  authorized'),
      'AccessDenied: User is not authorized (request id request-1)',
    ],
    [
      'a lost connection',
      system('ECONNRESET', 'TimeoutError', 'socket hang up'),
      'ECONNRESET: socket hang up',
    ],
    [
      'all addresses refused',
      new AggregateError([system('ECONNREFUSED', 'Error', 'connect ECONNREFUSED ::1:1')]),
      'ECONNREFUSED: connect ECONNREFUSED ::1:1',
    ],
    ['a plain error', new Error('oops'), 'oops'],
    ['an unreadable body', unreadable(200), 'SyntaxError: Unexpected token <'],
    ['the code once', system('ENOENT', 'Error', 'ENOENT: no such file'), 'ENOENT: no such file'],
    ['text', 'oops', 'oops'],
    ['nothing', undefined, 'undefined'],
  ])('%s', (_name, error, expected) => {
    expect(errorText(error)).toBe(expected);
  });
});

describe('toAwsError', () => {
  test("keeps AWS's message and the error's class", () => {
    const raw = service('ExpiredTokenException', 403, 'The token has expired');
    const error = toAwsError(raw);
    expect(error).toMatchObject({
      name: 'AwsError',
      kind: 'expired',
      code: 'credentials-expired',
      awsName: 'ExpiredTokenException',
      awsMessage: 'The token has expired',
      httpStatus: 403,
      requestId: 'request-1',
      message: errorText(raw),
      cause: raw,
    });
    expect([classify(error), errorText(error), awsNameOf(error)]).toEqual([
      'expired',
      errorText(raw),
      'ExpiredTokenException',
    ]);
  });

  test.each([
    ['access-denied', service('AccessDenied', 403)],
    ['throttled', service('Throttling')],
    ['not-found', service('ParameterNotFound')],
    ['conflict', service('AlreadyExistsException')],
    ['quota-exceeded', service('LimitExceededException')],
    ['request-rejected', service('ValidationError')],
    ['service-unavailable', system('ECONNRESET')],
    ['service-unavailable', service('InternalFailure', 500)],
    ['request-rejected', service('NotImplemented', 501)],
    ['internal', new TypeError('x is not a function')],
  ])('gives the code %s', (code, raw) => {
    expect(toAwsError(raw).code).toBe(code);
  });

  test('is recognized by isThrottle and isNotFound', () => {
    expect(isThrottle(toAwsError(service('Throttling')))).toBe(true);
    expect(isNotFound(toAwsError(service('ParameterNotFound')))).toBe(true);
  });

  test('an error with a code is kept, and its text is its message', () => {
    const error = new InputError('role', 'x', 'expected an ARN');
    expect(toAwsError(error)).toBe(error);
    expect(errorText(error)).toBe(error.message);
  });
});

describe('send', () => {
  const command = { resolveMiddleware: () => () => Promise.resolve({ output: undefined }) };
  const clientThat = (answer: () => Promise<unknown>) => ({ config: undefined, send: answer });

  test("converts the SDK's errors to AwsError", async () => {
    const client = clientThat(() => Promise.reject(service('AccessDenied', 403)));
    const { signal } = new AbortController();
    const error: unknown = await send(client, command, { signal }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(AwsError);
  });

  test('throws the reason of a cancellation instead', async () => {
    const controller = new AbortController();
    const reason = new CancelledError('SIGINT');
    const client = clientThat(() => {
      controller.abort(reason);
      return Promise.reject(new Error('aborted'));
    });
    await expect(send(client, command, { signal: controller.signal })).rejects.toBe(reason);
  });

  test('a timeout of its own signal is a presentable error', async () => {
    const signal = AbortSignal.timeout(1);
    const client = clientThat(async () => {
      await once(signal, 'abort');
      throw new Error('aborted');
    });
    await expect(send(client, command, { signal })).rejects.toMatchObject({ code: 'timed-out' });
  });
});
