import { randomUUID } from 'node:crypto';
import type { getOctokit } from '@actions/github';
import type { Context } from '../core/context.ts';
import { abortReason, type ErrorCode, PlatformError } from '../core/errors.ts';
import { backoffMs, withRetry, type RetryPolicy } from '../core/retry.ts';
import type { GitHubContext } from './context.ts';

/** What a call to GitHub's API needs. */
export interface GitHubAccess {
  token: string;
  github: GitHubContext;
  /** With a log, a wait for a rate limit is logged. */
  context: Pick<Context, 'clock' | 'signal'> & Partial<Pick<Context, 'log'>>;
}

export type Octokit = Awaited<ReturnType<typeof createOctokit>>;
type Plugin = NonNullable<Parameters<typeof getOctokit>[2]>;

const REQUEST_TIMEOUT_MS = 15_000;
/**
 * How long one call waits for rate limits in total. "Otherwise, wait for at least one minute before retrying." A longer
 * wait is an error immediately, because the hourly limit may take an hour to reset.
 *
 * @see https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */
const LONGEST_WAIT_MS = 90_000;
const RETRIES: RetryPolicy = { attempts: 4, baseMs: 1000, longestMs: LONGEST_WAIT_MS };
/** All client errors except a timeout of the server. plugin-throttling handles rate limits (403, 429). */
const NOT_RETRIED = Array.from({ length: 100 }, (_, index) => 400 + index).filter((status) => status !== 408);

/** An error response of GitHub's API, or no response at all. The message is GitHub's own or quotes it. */
export class GitHubError extends PlatformError {
  override readonly name = 'GitHubError';
  /** The HTTP status; absent if there was no response. */
  readonly status?: number;

  constructor(
    message: string,
    options: { status?: number; limited?: boolean; fix?: string; cause?: unknown } = {},
  ) {
    const { status, limited = false, fix, cause } = options;
    super(limited ? 'throttled' : codeOf(status), message, { cause, ...(fix !== undefined && { fix }) });
    if (status !== undefined) this.status = status;
  }
}

function codeOf(status: number | undefined): ErrorCode {
  if (status === undefined || status >= 500 || status === 408) return 'service-unavailable';
  if (status === 401 || status === 403) return 'access-denied';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 409) return 'conflict';
  return status === 429 ? 'throttled' : 'request-rejected';
}

/**
 * A client of GitHub's REST API, loaded when it is first needed. It makes up to four attempts after server errors, lost
 * connections and short rate limits. Other client errors are not retried. Its errors are GitHubErrors, or the signal's
 * reason if it is aborted.
 *
 * plugin-retry: "Retries requests for server 4xx/5xx responses except 400, 401, 403, 404, 410, 422, and 451", with
 * `request: { retries }` to override the number for a call. plugin-throttling, onRateLimit and onSecondaryRateLimit:
 * "Return true to automatically retry the request after retryAfter seconds". Both wait with timers that cannot be
 * interrupted, so their base values are 0 and the waits are here, where a cancellation ends them.
 *
 * @see https://github.com/octokit/plugin-retry.js#readme
 * @see https://github.com/octokit/plugin-throttling.js#readme
 */
export async function createOctokit(token: string, apiUrl: string, context: GitHubAccess['context']) {
  const [{ getOctokit }, { retry }, { throttling }] = await Promise.all([
    import('@actions/github'),
    import('@octokit/plugin-retry'),
    import('@octokit/plugin-throttling'),
  ]);
  const { clock, signal, log } = context;
  const waited = new WeakMap<object, number>();
  /** The plugins also accept a promise, which their types do not declare. */
  const onLimit = (seconds: number, call: object, _octokit: unknown, retries: number): unknown => {
    const total = (waited.get(call) ?? 0) + seconds * 1000;
    if (retries + 1 >= RETRIES.attempts || total > LONGEST_WAIT_MS) return false;
    waited.set(call, total);
    log?.info(`GitHub's rate limit is exceeded. Waiting ${seconds} s.`);
    return clock.sleep(seconds * 1000, signal).then(
      () => true,
      () => false,
    );
  };
  const options = {
    baseUrl: apiUrl,
    retry: { retries: RETRIES.attempts - 1, retryAfterBaseValue: 0, doNotRetry: NOT_RETRIED },
    throttle: {
      // The pause of one second between writes applies within a client, not across the few clients of a run.
      id: randomUUID(),
      retryAfterBaseValue: 0,
      onRateLimit: onLimit,
      onSecondaryRateLimit: onLimit,
    },
  };
  // The order matters: the plugin that is registered first is closest to the request.
  const octokit = getOctokit(token, options, attempts(context), retry, throttling);
  octokit.hook.error('request', (error) => {
    throw signal.aborted ? abortReason(signal) : toGitHubError(error);
  });
  return octokit;
}

/** A plugin that adds the time limit of each attempt, and the wait before plugin-retry starts the next one. */
function attempts({ clock, signal }: GitHubAccess['context']): Plugin {
  return ({ hook }) => {
    hook.before('request', (options) => {
      const { until } = options.request as { until?: AbortSignal };
      const limits = [signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS), ...(until ? [until] : [])];
      options.request = { ...options.request, signal: AbortSignal.any(limits) };
    });
    hook.error('request', async (error, options) => {
      const { retries = RETRIES.attempts - 1, retryCount = 0 } = options.request as {
        retries?: number;
        retryCount?: number;
      };
      const { status = 500 } = error as { status?: number };
      if (retryCount < retries && !NOT_RETRIED.includes(status)) {
        await clock.sleep(backoffMs(RETRIES, retryCount + 1, retryAfterMs(error)), signal).catch(() => {
          options.request = { ...options.request, retries: 0 };
        });
      }
      throw error;
    });
    return {};
  };
}

interface ErrorFields {
  status?: number;
  message?: string;
  /** Absent for a failed connection, which has the status 500 in Octokit. */
  response?: { headers?: Record<string, unknown> };
}

/** The wait that a response requests, in milliseconds. */
function retryAfterMs(error: unknown): number {
  const seconds = Number((error as ErrorFields).response?.headers?.['retry-after']);
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
}

function toGitHubError(error: unknown): GitHubError {
  if (error instanceof GitHubError) return error;
  const { status, message = String(error), response } = error as ErrorFields;
  if (status === undefined || !response) return new GitHubError(message, { cause: error });
  const limit = limitOf(status, message, response.headers ?? {});
  return new GitHubError(limit?.message ?? message, {
    status,
    limited: limit !== undefined,
    ...limit,
    cause: error,
  });
}

/**
 * Describes an exceeded rate limit; undefined if the error has another reason, such as a missing permission. "If you exceed
 * your primary rate limit, you will receive a 403 or 429 response, and the x-ratelimit-remaining header will be 0. […] If
 * you exceed a secondary rate limit, you will receive a 403 or 429 response and an error message that indicates that you
 * exceeded a secondary rate limit."
 *
 * @see https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#exceeding-the-rate-limit
 */
function limitOf(
  status: number,
  message: string,
  headers: Record<string, unknown>,
): { message: string; fix?: string } | undefined {
  if (status !== 403 && status !== 429) return undefined;
  if (/\bsecondary rate\b/i.test(message)) {
    const seconds = Number(headers['retry-after']);
    const wait = Number.isFinite(seconds) ? ` for ${seconds} s` : '';
    return { message: `GitHub's secondary rate limit is exceeded${wait}: "${message}"` };
  }
  // The last remaining request may also fail because a permission is missing.
  if (headers['x-ratelimit-remaining'] !== '0' || !/rate limit/i.test(message)) return undefined;
  const reset = new Date(Number(headers['x-ratelimit-reset']) * 1000);
  if (Number.isNaN(reset.getTime())) return { message: `GitHub's rate limit is exceeded: "${message}"` };
  const instant = reset.toISOString().replace('.000Z', 'Z');
  return {
    message: `GitHub's rate limit is exceeded until ${instant}: "${message}"`,
    fix: `Run the job again after ${instant}.`,
  };
}

interface GraphQLErrors<T> {
  data?: T | null;
  errors?: { type?: string; message: string }[];
}

/**
 * Sends a GraphQL query. GraphQL returns 200 for errors too, with their types and messages.
 *
 * @param options.missing `null`: objects that do not exist (errors of the type NOT_FOUND) are null in the response.
 * @throws GitHubError; with status 403 if the token lacks a permission.
 */
export async function graphql<T>(
  octokit: Octokit,
  query: string,
  variables: Readonly<Record<string, unknown>>,
  { missing = 'error' }: { missing?: 'null' | 'error' } = {},
): Promise<T> {
  try {
    return await octokit.graphql<T>(query, variables);
  } catch (error) {
    const { errors = [], data } = error as GraphQLErrors<T>;
    const [first] = missing === 'null' ? errors.filter(({ type }) => type !== 'NOT_FOUND') : errors;
    if (!first && errors.length > 0 && data) return data;
    if (!first) throw error;
    throw new GitHubError(first.message, { status: first.type === 'FORBIDDEN' ? 403 : 404, cause: error });
  }
}

/** Owner and name as parameters of an API call. */
export function ownerAndName(repository: string): { owner: string; repo: string } {
  const [owner = '', repo = ''] = repository.split('/');
  return { owner, repo };
}

/** The HTTP status of an API error; undefined if there was no response. For a rate limit it is always 429. */
export function statusOf(error: unknown): number | undefined {
  if (!(error instanceof GitHubError)) return undefined;
  return error.code === 'throttled' ? 429 : error.status;
}

/** Whether GitHub denied the request, or the object does not exist. */
export function isRefusal(error: unknown): boolean {
  return [401, 403, 404, 410, 422].includes(statusOf(error) ?? 0);
}

/** Request options of a call that creates something. plugin-retry must not repeat it: see createOnce. */
export const NOT_REPEATED = { retries: 0 };

/** The same, with a time limit that includes the waits for rate limits. */
export function notRepeatedAfter(ms: number): { retries: number; until: AbortSignal } {
  return { ...NOT_REPEATED, until: AbortSignal.timeout(Math.max(ms, 0)) };
}

/**
 * Creates something exactly once. After a lost response or a server error it may exist, so `find` looks for it before the
 * next attempt.
 *
 * @param create the call, with `request: NOT_REPEATED`.
 * @throws GitHubError, or the signal's reason if it is aborted.
 */
export async function createOnce<T>(
  context: GitHubAccess['context'],
  create: () => Promise<T>,
  find: () => Promise<T | undefined>,
): Promise<{ value: T; created: boolean }> {
  const isTransient = (error: unknown): boolean =>
    error instanceof GitHubError && error.code === 'service-unavailable';
  return withRetry(context, { ...RETRIES, isTransient }, async (attempt) => {
    const found = attempt === 1 ? undefined : await find();
    return found === undefined ? { value: await create(), created: true } : { value: found, created: false };
  });
}
