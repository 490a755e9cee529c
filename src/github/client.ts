import type { Clock } from '../core/context.ts';

export type Octokit = Awaited<ReturnType<typeof createOctokit>>;

const ATTEMPTS = 4;
const REQUEST_TIMEOUT_MS = 15_000;

/** A client of GitHub's REST API, loaded when it is first needed. */
export async function createOctokit(token: string, apiUrl: string, signal?: AbortSignal) {
  const { getOctokit } = await import('@actions/github');
  const octokit = getOctokit(token, { baseUrl: apiUrl });
  octokit.hook.before('request', (options) => {
    const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MS);
    options.request = { ...options.request, signal: signal ? AbortSignal.any([signal, timeout]) : timeout };
  });
  return octokit;
}

/** Owner and name, as the API wants them. */
export function ownerAndName(repository: string): { owner: string; repo: string } {
  const [owner = '', repo = ''] = repository.split('/');
  return { owner, repo };
}

/** The HTTP status of an error of the API; undefined when there was no answer. */
export function statusOf(error: unknown): number | undefined {
  const status = (error as { status?: unknown } | null)?.status;
  return typeof status === 'number' && !isTransport(error) ? status : undefined;
}

/** Whether GitHub says no: the token may not, or there is no such thing. */
export function isRefusal(error: unknown): boolean {
  return [401, 403, 404, 410, 422].includes(statusOf(error) ?? 0);
}

/** Tries a call again when GitHub or the network failed for a moment; a refusal is an answer. */
export async function withRetries<T>(
  context: { clock: Clock; signal: AbortSignal },
  call: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      context.signal.throwIfAborted();
      if (attempt === ATTEMPTS || !isTransient(error)) throw error;
      await context.clock.sleep(retryAfterMs(error) ?? Math.random() * 500 * 2 ** attempt, context.signal);
    }
  }
}

function isTransient(error: unknown): boolean {
  const status = statusOf(error);
  if (status === undefined) return true;
  return status >= 500 || status === 429 || (status === 403 && retryAfterMs(error) !== undefined);
}

/** Octokit gives a failed connection the status 500, without a response. */
function isTransport(error: unknown): boolean {
  return (error as { response?: unknown }).response === undefined;
}

/**
 * The wait that a secondary rate limit asks for, 30 s at most.
 *
 * @see https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api
 */
function retryAfterMs(error: unknown): number | undefined {
  const headers = (error as { response?: { headers?: Record<string, unknown> } }).response?.headers;
  const seconds = Number(headers?.['retry-after']);
  return Number.isFinite(seconds) && headers?.['retry-after'] !== undefined
    ? Math.min(seconds, 30) * 1000
    : undefined;
}
