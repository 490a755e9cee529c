import type { HttpAnswer } from './http.ts';

interface ErrorBody {
  errors?: { code?: string; message?: string }[];
}

const TRANSIENT_CODES = new Set(['TOOMANYREQUESTS', 'UNAVAILABLE']);

/** A refusal of a registry: what was asked, the HTTP status, and its own code and message. */
export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  readonly status: number;
  /** Such as TAG_INVALID or DENIED; empty when the answer was not the protocol's. */
  readonly code: string;
  /** The wait that the registry asks for, in ms. */
  readonly retryAfterMs: number;

  constructor(what: string, answer: HttpAnswer) {
    const { code = '', message = '' } = bodyOf(answer).errors?.[0] ?? {};
    const said = [code, message].filter((text) => text !== '').join(': ');
    super(`the registry refused to ${what}: ${said || `HTTP ${answer.status}`}`);
    this.status = answer.status;
    this.code = code;
    this.retryAfterMs = 1000 * (Number(answer.headers['retry-after']) || 0);
  }

  /** Whether the same request may well be granted a moment later. */
  get transient(): boolean {
    const { status, code } = this;
    return status === 408 || status === 429 || (status >= 500 && status !== 501) || TRANSIENT_CODES.has(code);
  }
}

function bodyOf({ body }: HttpAnswer): ErrorBody {
  try {
    return Object(JSON.parse(body.toString('utf8'))) as ErrorBody;
  } catch {
    return {}; // A proxy's page says nothing that the status does not.
  }
}
