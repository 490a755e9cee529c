import { type ErrorCode, PlatformError } from '../core/errors.ts';

export type AwsErrorClass =
  | 'throttle'
  | 'not-found'
  | 'denied'
  /** There are no credentials, AWS does not accept them, or a role cannot be assumed: no permission is missing. */
  | 'credentials'
  | 'validation'
  | 'network'
  | 'conflict'
  | 'limit'
  | 'expired'
  | 'server'
  | 'other';

/** The fields that an SDK error may have. */
interface Fields {
  name?: unknown;
  message?: unknown;
  code?: unknown;
  cause?: unknown;
  errors?: unknown;
  /** Set by DNS errors. */
  hostname?: unknown;
  $fault?: unknown;
  $response?: unknown;
  $metadata?: { httpStatusCode?: number; requestId?: string; responseLost?: boolean };
}

/**
 * Error names without their ending (`Exception`, `Error`, `Fault`), as the services' API references list them.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html
 * @see https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
 */
const NAMES: readonly (readonly [AwsErrorClass, string])[] = [
  [
    'throttle',
    'Throttling Throttled RequestThrottled RequestThrottling RequestLimitExceeded TooManyRequests SlowDown ' +
      'BandwidthLimitExceeded PriorRequestNotComplete ProvisionedThroughputExceeded EC2Throttled',
  ],
  [
    'not-found',
    'NotFound ChangeSetNotFound StackNotFound ParameterNotFound ParameterVersionNotFound NoSuchBucket NoSuchKey ' +
      'NoSuchEntity ResourceNotFound RepositoryNotFound ImageNotFound ClusterNotFound ServiceNotFound ' +
      'HookResultNotFound OperationNotFound',
  ],
  ['denied', 'AccessDenied UnauthorizedOperation Unauthorized NotAuthorized OptInRequired RegionDisabled'],
  [
    'credentials',
    'CredentialsProvider MissingAuthenticationToken UnrecognizedClient InvalidClientTokenId InvalidAccessKeyId ' +
      'AuthFailure SignatureDoesNotMatch InvalidSignature IncompleteSignature InvalidIdentityToken IDPRejectedClaim',
  ],
  ['expired', 'ExpiredToken RequestExpired RequestTimeTooSkewed RequestInTheFuture TokenRefreshRequired'],
  [
    'conflict',
    'AlreadyExists OperationInProgress InvalidChangeSetStatus TokenAlreadyExists ResourceInUse Conflict ' +
      'OperationStatusCheckFailed InvalidStateTransition ParameterAlreadyExists BucketAlreadyExists ' +
      'BucketAlreadyOwnedByYou TooManyUpdates OperationAborted ConditionalRequestConflict',
  ],
  ['limit', 'LimitExceeded ServiceQuotaExceeded ParameterLimitExceeded TooManyBuckets'],
  ['network', 'Timeout RequestTimeout RequestTimeoutException'],
  [
    'server',
    'InternalFailure Internal InternalServer InternalService ServiceUnavailable ServiceUnavailableException ' +
      'Unavailable IDPCommunication MalformedResponse',
  ],
  [
    'other',
    'Abort Cancelled ProxyRefusal NotImplemented UnsupportedOperation UnknownOperation InvalidAction',
  ],
];

const CLASS_OF_NAME = new Map(
  NAMES.flatMap(([kind, names]) => names.split(' ').map((name) => [name, kind] as const)),
);

/** Error codes of Node's sockets, TLS and fetch. */
const NETWORK_CODES = new Set(
  (
    'ECONNRESET ECONNREFUSED ECONNABORTED EPIPE ETIMEDOUT ENOTFOUND EAI_AGAIN EHOSTUNREACH ENETUNREACH EPROTO ' +
    'ERR_STREAM_PREMATURE_CLOSE UND_ERR_SOCKET UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT'
  ).split(' '),
);

/**
 * Classifies an error of AWS, the SDK or the network by its name, its code and its HTTP status, in this order.
 * An unreadable body is a server error, whatever its status.
 */
export function classify(error: unknown): AwsErrorClass {
  if (error instanceof AwsError) return error.kind;
  if (error instanceof RoleError) return 'credentials';
  const fields = fieldsOf(error);
  if (isMissingStack(fields)) return 'not-found';
  const byName = CLASS_OF_NAME.get(bareName(fields.name));
  if (byName) return byName;
  if (typeof fields.code === 'string' && NETWORK_CODES.has(fields.code)) return 'network';
  if (isUnreadable(fields)) return 'server';
  if (typeof fields.name === 'string' && /^(?:Validation|Invalid|Malformed|Insufficient)/.test(fields.name)) {
    return 'validation';
  }
  const byStatus = classOfStatus(fields.$metadata?.httpStatusCode);
  if (byStatus) return byStatus;
  const inner = fields.cause ?? firstOf(fields.errors);
  return inner === undefined ? 'other' : classify(inner);
}

export function isThrottle(error: unknown): boolean {
  return classify(error) === 'throttle';
}

export function isNotFound(error: unknown): boolean {
  return classify(error) === 'not-found';
}

/**
 * Whether AWS, or a proxy in front of it, rejected the call, so that it had no effect. After a lost connection, a timeout
 * or a server error, in this or an earlier attempt, AWS may have applied it.
 */
export function isRefusal(error: unknown): boolean {
  // The SDK requests credentials before its first attempt.
  if (error instanceof RoleError) return true;
  if (['network', 'server'].includes(classify(error))) return false;
  const { httpStatusCode: status = 0, responseLost = false } =
    fieldsOf(error instanceof AwsError ? error.cause : error).$metadata ?? {};
  return !responseLost && status >= 400 && status < 500;
}

const CODE_OF_CLASS: Readonly<Record<Exclude<AwsErrorClass, 'other'>, ErrorCode>> = {
  throttle: 'throttled',
  'not-found': 'not-found',
  denied: 'access-denied',
  credentials: 'access-denied',
  validation: 'request-rejected',
  network: 'service-unavailable',
  conflict: 'conflict',
  limit: 'quota-exceeded',
  expired: 'credentials-expired',
  server: 'service-unavailable',
};

/** Excludes errors of a wrong clock, which are in the same class. */
const EXPIRED_TOKEN = /^(?:ExpiredToken|RequestExpired|TokenRefreshRequired)/;
const RENEW =
  'Set the role in the action itself (platform.yml: role, or an input such as role-to-assume): it then renews its credentials while it runs.';

function hasExpiredToken(error: unknown): boolean {
  const { name } = fieldsOf(error);
  return typeof name === 'string' && EXPIRED_TOKEN.test(name);
}

const SET_CREDENTIALS =
  'Set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the environment.';
const GIVE_CREDENTIALS =
  'Give the job the permission id-token: write and set its role (platform.yml: role, or an input such as role-to-assume), or run aws-actions/configure-aws-credentials before this step.';

/** The host of a regional endpoint: `sts.eu-west-9.amazonaws.com`. */
const REGIONAL_HOST =
  /^(?:[\w-]+\.)+([a-z]{2,4}(?:-[a-z]+)+-\d{1,2})\.(?:amazonaws|api|c2s|sc2s|cloud|csp)\./;

/** The fix for an error, if it is certain. */
function fixOf(error: unknown): string | undefined {
  if (hasExpiredToken(error)) return RENEW;
  const { name, code, hostname } = fieldsOf(error);
  if (name === 'CredentialsProviderError')
    return process.env['GITHUB_ACTIONS'] === 'true' ? GIVE_CREDENTIALS : SET_CREDENTIALS;
  const region = typeof hostname === 'string' ? REGIONAL_HOST.exec(hostname)?.[1] : undefined;
  if (code !== 'ENOTFOUND' || region === undefined) return undefined;
  return `Check the region ${region} for a typo: its endpoint does not resolve. If the region is correct, check the DNS of the runner.`;
}

/** A call to AWS that failed. The message is one line: AWS's code and message, and the request id. */
export class AwsError extends PlatformError {
  override readonly name = 'AwsError';
  readonly kind: AwsErrorClass;
  /** AWS's error name, such as `ValidationError`; for network errors, the SDK's. */
  readonly awsName: string;
  /** AWS's message, without the code and the request id. */
  readonly awsMessage: string;
  /** Absent if there was no response. */
  readonly httpStatus?: number;
  readonly requestId?: string;

  constructor(cause: unknown, kind: AwsErrorClass, code: ErrorCode) {
    const fix = fixOf(cause);
    super(code, errorText(cause), { cause, ...(fix !== undefined && { fix }) });
    const { name, message, $metadata: metadata } = fieldsOf(cause);
    this.kind = kind;
    this.awsName = typeof name === 'string' ? name : '';
    this.awsMessage = typeof message === 'string' ? message : '';
    if (metadata?.httpStatusCode !== undefined) this.httpStatus = metadata.httpStatusCode;
    if (metadata?.requestId !== undefined) this.requestId = metadata.requestId;
  }
}

/** The role could not be assumed. */
export class RoleError extends PlatformError {
  override readonly name = 'RoleError';
}

/** An SDK error as an AwsError; a PlatformError is returned unchanged. */
export function toAwsError(error: unknown): PlatformError {
  if (error instanceof PlatformError) return error;
  const kind = classify(error);
  if (kind !== 'other') return new AwsError(error, kind, CODE_OF_CLASS[kind]);
  // With a response, AWS rejected the request for an unknown reason; without one, it is a bug.
  const hasResponse = fieldsOf(error).$metadata?.httpStatusCode !== undefined;
  return new AwsError(error, kind, hasResponse ? 'request-rejected' : 'internal');
}

/** AWS's name of an error; empty for a value that is not an error. */
export function awsNameOf(error: unknown): string {
  if (error instanceof AwsError) return error.awsName;
  return error instanceof Error ? error.name : '';
}

/** The error as one line: code, message and request id. */
export function errorText(error: unknown): string {
  if (error instanceof PlatformError) return error.message;
  const fields = fieldsOf(error);
  const inner = fieldsOf(firstOf(fields.errors));
  const code = [fields.code, inner.code, fields.name].find(isSpecific) ?? '';
  const message =
    oneLine(fields.message) || oneLine(inner.message) || oneLine(fieldsOf(fields.cause).message);
  const text = message.startsWith(code) ? message : [code, message].filter(Boolean).join(': ');
  const { requestId, httpStatusCode: status } = fields.$metadata ?? {};
  if (status !== undefined && /^(?:Unknown(?:Error)?)?$/.test(text))
    return `AWS returned HTTP ${status} without a reason`;
  return `${text || String(error)}${requestId === undefined ? '' : ` (request id ${requestId})`}`;
}

/** For a stack that does not exist, CloudFormation returns a generic ValidationError: only its message is specific. */
function isMissingStack({ name, message }: Fields): boolean {
  return (
    name === 'ValidationError' && typeof message === 'string' && /^Stack\b.* does not exist/.test(message)
  );
}

/** Whether the SDK could parse neither a result nor a service error from the response. */
function isUnreadable(fields: Fields): boolean {
  return fields.$response !== undefined && fields.$fault === undefined;
}

function classOfStatus(status: number | undefined): AwsErrorClass | undefined {
  if (status === undefined) return undefined;
  if (status === 429) return 'throttle';
  if (status === 404) return 'not-found';
  if (status === 401 || status === 403) return 'denied';
  if (status === 408) return 'network';
  if (status === 409) return 'conflict';
  if (status === 501) return 'other';
  if (status >= 500) return 'server';
  return status >= 400 ? 'validation' : undefined;
}

function bareName(name: unknown): string {
  return typeof name === 'string' ? name.replace(/(?:Exception|Error|Fault)+$/, '') : '';
}

function isSpecific(code: unknown): code is string {
  return typeof code === 'string' && code !== '' && code !== 'Error';
}

function oneLine(text: unknown): string {
  if (typeof text !== 'string') return '';
  return text
    .replace(/\s*Deserialization error: to see the raw response.*$/s, '')
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .trim();
}

/** Node tries all addresses of a host, and throws an AggregateError without a message if all fail. */
function firstOf(errors: unknown): unknown {
  return Array.isArray(errors) ? (errors as unknown[])[0] : undefined;
}

function fieldsOf(error: unknown): Fields {
  return typeof error === 'object' && error !== null ? error : {};
}
