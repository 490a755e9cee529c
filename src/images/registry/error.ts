import { type ErrorCode, PlatformError } from '../../core/errors.ts';
import type { HttpAnswer } from './http.ts';

interface ErrorBody {
  errors?: { code?: string; message?: string }[];
}

/** A request that the registry rejected. */
export class RegistryError extends PlatformError {
  override readonly name = 'RegistryError';
  readonly status: number;
  /** The registry's own code, such as TAG_INVALID or DENIED; empty when the answer had none. */
  readonly registryCode: string;
  /** The wait that the registry asks for, in ms. */
  readonly retryAfterMs: number;

  constructor(what: string, answer: HttpAnswer) {
    const { code = '', message = '' } = bodyOf(answer).errors?.[0] ?? {};
    const text = [code, message].filter((part) => part !== '').join(': ');
    const errorOfAnswer = errorCode(answer.status, code);
    super(
      errorOfAnswer,
      `the registry refused to ${what}: ${text || `HTTP ${answer.status}`}`,
      errorOfAnswer === 'access-denied' && !saysWhy(message) ? { fix: SILENT_REFUSAL } : {},
    );
    this.status = answer.status;
    this.registryCode = code;
    this.retryAfterMs = 1000 * (Number(answer.headers['retry-after']) || 0);
  }
}

/** What registries refuse for without saying so. */
export const SILENT_REFUSAL =
  "Check that the login has not expired, that the repository's policy allows it, and that no quota of the registry is used up.";

/** What registries say when they say nothing: the descriptions of the error codes. */
const EMPTY_WORDS = /^(?:|requested access to the resource is denied|authentication required)$/i;

function saysWhy(message: string): boolean {
  return !EMPTY_WORDS.test(message.trim());
}

function errorCode(status: number, registryCode: string): ErrorCode {
  if (status === 429 || registryCode === 'TOOMANYREQUESTS') return 'throttled';
  if (status === 408 || (status >= 500 && status !== 501) || registryCode === 'UNAVAILABLE') {
    return 'service-unavailable';
  }
  if (status === 401 || status === 403 || registryCode === 'DENIED') return 'access-denied';
  return registryCode === 'NAME_UNKNOWN' ? 'not-found' : 'registry-rejected';
}

/** Whether an answer is a registry's own, and not that of a proxy on the way to it. */
export function isOfRegistry(answer: HttpAnswer): boolean {
  const { code = '' } = bodyOf(answer).errors?.[0] ?? {};
  return code !== '' || answer.headers['docker-distribution-api-version'] !== undefined;
}

function bodyOf({ body }: HttpAnswer): ErrorBody {
  try {
    return Object(JSON.parse(body.toString('utf8'))) as ErrorBody;
  } catch {
    return {}; // The page of a proxy; the status says as much.
  }
}
