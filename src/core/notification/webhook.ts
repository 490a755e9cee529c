import type { Context } from '../context.ts';
import { PlatformError } from '../errors.ts';
import { type RetryPolicy, withRetry } from '../retry.ts';

const ATTEMPT_MS = 5000;
const LONGEST_WAIT_MS = 10_000;
const RETRIES: RetryPolicy = { attempts: 3, baseMs: 1000, longestMs: LONGEST_WAIT_MS, budgetMs: 15_000 };
/** Of a job that is cancelled: the runner kills it soon. */
const CANCELLED_MS = 2000;
/** A path as long as this has the webhook's token in it. */
const SECRET_PATH = 16;

/** Why a webhook did not take a message, without its address. */
class WebhookError extends PlatformError {
  readonly isTransient: boolean;
  readonly waitMs: number;

  constructor(message: string, isTransient: boolean, waitMs = 0) {
    super(isTransient ? 'service-unavailable' : 'request-rejected', message);
    this.isTransient = isTransient;
    this.waitMs = waitMs;
  }
}

/** The address of an incoming webhook. Throws an error that does not show it. */
export function webhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = url !== undefined && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(url.hostname);
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback);
  if (!url || !isAllowed || url.username !== '' || url.password !== '') {
    throw new WebhookError('expected the https address of an incoming webhook', false);
  }
  return url;
}

/** The parts of the address that nobody may see: errors and logs of others may name the path alone. */
export function webhookSecrets(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { pathname, search } = new URL(text);
  return [pathname, `${pathname}${search}`].filter((part) => part.length >= SECRET_PATH);
}

/**
 * Posts a text to an incoming webhook, as Slack takes it: `{"text": "…"}`. It tries again after a server's error and
 * a rate limit; a job that is cancelled tries once. Throws an error that does not show the address.
 *
 * @see https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 */
export async function postText(
  url: URL,
  text: string,
  { clock, signal }: Pick<Context, 'clock' | 'signal'>,
): Promise<void> {
  if (signal.aborted) {
    await post(url, text, AbortSignal.timeout(CANCELLED_MS));
    return;
  }
  await withRetry(
    { clock, signal },
    {
      ...RETRIES,
      isTransient: (error) => error instanceof WebhookError && error.isTransient,
      hintMs: (error) => (error instanceof WebhookError ? error.waitMs : 0),
    },
    () => post(url, text, AbortSignal.any([signal, AbortSignal.timeout(ATTEMPT_MS)])),
  );
}

async function post(url: URL, text: string, signal: AbortSignal): Promise<void> {
  let response: Response;
  let answer: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ text }),
      // Somewhere else the message is not expected, and its address is nobody's business.
      redirect: 'manual',
      signal,
    });
    answer = await response.text();
  } catch (error) {
    throw new WebhookError(`it could not be reached (${causeOf(error)})`, true);
  }
  if (response.ok) return;
  const { status } = response;
  // Slack says it in one word, such as `no_service`; anything else may be a page, or repeat the address.
  const word = /^[a-z_]{2,60}$/.exec(answer.trim())?.[0];
  const said = `it answered ${status}${word === undefined ? '' : ` ${word}`}`;
  const waitMs = Number(response.headers.get('retry-after') ?? '0') * 1000;
  const isTransient = status >= 500 || (status === 429 && waitMs <= LONGEST_WAIT_MS);
  throw new WebhookError(said, isTransient, waitMs);
}

/** The kind of a failure: its message may have the address. */
function causeOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } };
  if (name === 'TimeoutError') return 'no answer in time';
  return typeof cause?.code === 'string' ? cause.code : (name ?? 'no answer');
}
