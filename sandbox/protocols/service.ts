import type { Principal } from '../iam/principal.ts';
import type { HttpRequest, Reply } from '../server/http.ts';

/** An error in AWS's words: a code, a message, an HTTP status, and additional fields of its protocol. */
export class AwsError extends Error {
  readonly code: string;
  readonly status: number;
  readonly extra: object;

  constructor(code: string, message: string, status = 400, extra: object = {}) {
    super(message);
    this.name = 'AwsError';
    this.code = code;
    this.status = status;
    this.extra = extra;
  }
}

/** The decoded input of a call. Every scalar of the query protocol is a string, an empty list is `''`. */
export type Input = Record<string, unknown>;

export interface Call {
  service: string;
  operation: string;
  input: Input;
  account: string;
  region: string;
  principalArn: string;
  /** The signer. Absent for a call to another endpoint than AWS. */
  principal?: Principal;
  requestId: string;
}

export type Operation = (input: Input, call: Call) => Promise<object> | object;

export interface Service {
  /** The name in the credential scope: cloudformation, sts, ssm, s3. */
  name: string;
  protocol: 'query' | 'json' | 'rest-xml' | 'ec2' | 'route53';
  /** The version in the namespace of a query service's responses. */
  apiVersion?: string;
  operations: Record<string, Operation>;
  /** Only for rest-xml and route53, where only the service can interpret a request. */
  route?: (request: HttpRequest) => { operation: string; input: Input };
}

/** A list in the query protocol, which sends an empty one as `''`. Absent is empty too. */
export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** A scalar as text. Undefined if it is absent or not a scalar. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

/** An error that each protocol formats in its own way: code, message, status. */
export type Refusal = readonly [code: string, message: string, status: number];

interface Refusals {
  /** Not signed. */
  unsigned: Refusal;
  unknownKey: Refusal;
  expiredToken: Refusal;
  unknownOperation: Refusal;
  /** Denied by IAM, with IAM's message. */
  denied: Refusal;
  /** Injected faults. */
  throttle: Refusal;
  failure: Refusal;
}

/** How an AWS protocol reads a call and writes its response. */
export interface Protocol {
  decode(request: HttpRequest, service: Service | undefined): { operation: string; input: Input };
  succeed(output: object, call: Call, service: Service): Reply;
  refuse(error: AwsError, call: Call): Reply;
  refusals: Refusals;
}

/**
 * One page of a list, and the token of the next. Without a limit in the request, it has `usual` or `most` items. Throws
 * ValidationException if `limit` is above `most`.
 */
export function paginate<T>(
  items: readonly T[],
  request: { token: unknown; limit: unknown; most: number; usual?: number },
): { items: T[]; nextToken: string | undefined } {
  const limit = Number(request.limit ?? request.usual ?? request.most);
  if (!Number.isInteger(limit) || limit < 1 || limit > request.most) {
    const message =
      `1 validation error detected: Value '${limit}' at 'maxResults' failed to satisfy constraint: ` +
      `Member must have value ${limit < 1 ? 'greater than or equal to 1' : `less than or equal to ${request.most}`}`;
    throw new AwsError('ValidationException', message);
  }
  const start = position(textOf(request.token));
  const end = start + limit;
  return { items: items.slice(start, end), nextToken: end < items.length ? token(end) : undefined };
}

function token(start: number): string {
  return Buffer.from(`from:${start}`).toString('base64');
}

function position(given: string | undefined): number {
  if (given === undefined || given === '') return 0;
  const start = /^from:(\d+)$/.exec(Buffer.from(given, 'base64').toString('utf8'))?.[1];
  if (start === undefined) throw new AwsError('InvalidNextToken', 'The specified token is not valid.');
  return Number(start);
}
