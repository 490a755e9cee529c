import { config } from './config.ts';

/** An error response of a service, with its message. */
export class ApiError extends Error {
  readonly status: number;
  /** The product it refers to, if any. */
  readonly productId: string | undefined;

  constructor(status: number, message: string, productId?: string) {
    super(message);
    this.status = status;
    this.productId = productId;
  }
}

/**
 * Calls a service.
 *
 * @throws ApiError with the service's message.
 */
export async function request<T>(
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
    const message = answer.detail ?? `the service responded with ${response.status}`;
    throw new ApiError(response.status, message, answer.productId);
  }
  return answer as T;
}
