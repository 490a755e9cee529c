import { config } from './config.ts';

/** What a service answered instead of what was asked for, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  /** The product that it is about, if any. */
  readonly productId: string | undefined;

  constructor(status: number, message: string, productId?: string) {
    super(message);
    this.status = status;
    this.productId = productId;
  }
}

/** Asks a service. @throws ApiError with the service's own explanation. */
export async function ask<T>(
  path: string,
  options: { method?: string; body?: unknown; key?: string } = {},
): Promise<T> {
  const { method = 'GET', body, key } = options;
  const headers = {
    ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  const response = await fetch(config.api + path, {
    method,
    headers,
    body: body === undefined ? null : JSON.stringify(body),
  });
  const answer = (await response.json().catch(() => ({}))) as { detail?: string; productId?: string };
  if (!response.ok) {
    const message = answer.detail ?? `the service answered ${response.status}`;
    throw new ApiError(response.status, message, answer.productId);
  }
  return answer as T;
}
