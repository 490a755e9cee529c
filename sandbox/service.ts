import type { HttpRequest } from './http.ts';

/** A refusal as AWS words it: a code, a message, an HTTP status, and what else its protocol carries. */
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

/** What a caller sent, decoded. Every scalar of the query protocol is a string, an empty list is `''`. */
export type Input = Record<string, unknown>;

export interface Call {
  service: string;
  operation: string;
  input: Input;
  account: string;
  region: string;
  principalArn: string;
  requestId: string;
}

export type Operation = (input: Input, call: Call) => Promise<object> | object;

export interface Service {
  /** The name in the credential scope: cloudformation, sts, ssm, s3. */
  name: string;
  protocol: 'query' | 'json' | 'rest-xml';
  /** The version in the namespace of a query service's answers. */
  apiVersion?: string;
  operations: Record<string, Operation>;
  /** Only of rest-xml, where nothing but the service knows what a request means. */
  route?: (request: HttpRequest) => { operation: string; input: Input };
}

/** A list of the query protocol, which sends an empty one as `''`. Absent is empty too. */
export function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}

/** A scalar as text; undefined for what is absent, or is no scalar. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
