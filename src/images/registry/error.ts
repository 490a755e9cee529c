import { type ErrorCode, PlatformError } from '../../core/errors.ts';
import type { HttpResponse } from './http.ts';

interface ErrorBody {
  errors?: { code?: string; message?: string }[];
}

/** A request that the registry rejected. */
export class RegistryError extends PlatformError {
  override readonly name = 'RegistryError';
  readonly status: number;
  /** The registry's own code, such as TAG_INVALID or DENIED; empty if the response had none. */
  readonly registryCode: string;
  /** The wait that the registry requests, in milliseconds. */
  readonly retryAfterMs: number;

  /** @param what the request, as an infinitive without `to`. */
  constructor(what: string, response: HttpResponse) {
    const { code = '', message = '' } = bodyOf(response).errors?.[0] ?? {};
    const text = [code, message].filter((part) => part !== '').join(': ');
    const ownCode = errorCode(response.status, code);
    super(
      ownCode,
      `the registry refused to ${what}: ${text || `HTTP ${response.status}`}`,
      ownCode === 'access-denied' && !hasReason(message) ? { fix: UNEXPLAINED_DENIAL } : {},
    );
    this.status = response.status;
    this.registryCode = code;
    this.retryAfterMs = 1000 * (Number(response.headers['retry-after']) || 0);
  }
}

/** For denied requests without a reason. */
export const UNEXPLAINED_DENIAL =
  "Check that the login has not expired, that the repository's policy allows the request, and that no quota of the registry is exhausted.";

/** Messages that only describe the error code. */
const GENERIC_MESSAGE = /^(?:|requested access to the resource is denied|authentication required)$/i;

function hasReason(message: string): boolean {
  return !GENERIC_MESSAGE.test(message.trim());
}

function errorCode(status: number, registryCode: string): ErrorCode {
  if (status === 429 || registryCode === 'TOOMANYREQUESTS') return 'throttled';
  if (status === 408 || (status >= 500 && status !== 501) || registryCode === 'UNAVAILABLE') {
    return 'service-unavailable';
  }
  if (status === 401 || status === 403 || registryCode === 'DENIED') return 'access-denied';
  return registryCode === 'NAME_UNKNOWN' ? 'not-found' : 'registry-rejected';
}

/** Whether a response is from the registry itself, and not from a proxy in front of it. */
export function isOfRegistry(response: HttpResponse): boolean {
  const { code = '' } = bodyOf(response).errors?.[0] ?? {};
  return code !== '' || response.headers['docker-distribution-api-version'] !== undefined;
}

function bodyOf({ body }: HttpResponse): ErrorBody {
  try {
    return Object(JSON.parse(body.toString('utf8'))) as ErrorBody;
  } catch {
    return {}; // The page of a proxy.
  }
}
