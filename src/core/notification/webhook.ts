import type { Context } from '../context.ts';
import { PlatformError } from '../errors.ts';
import { type RetryPolicy, withRetry } from '../retry.ts';

const ATTEMPT_MS = 5000;
const LONGEST_WAIT_MS = 10_000;
const RETRIES: RetryPolicy = { attempts: 3, baseMs: 1000, longestMs: LONGEST_WAIT_MS, budgetMs: 15_000 };
/** Timeout in a cancelled job, which the runner kills soon. */
const CANCELLED_MS = 2000;
/** A path of at least this length contains the webhook's token. */
const SECRET_PATH = 16;

/** A failed post. The message does not contain the webhook's URL. */
class WebhookError extends PlatformError {
  readonly isTransient: boolean;
  readonly waitMs: number;

  constructor(message: string, isTransient: boolean, waitMs = 0) {
    super(isTransient ? 'service-unavailable' : 'request-rejected', message);
    this.isTransient = isTransient;
    this.waitMs = waitMs;
  }
}

/** Parses the URL of an incoming webhook. Throws an error that does not contain it. */
export function webhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLoopback = url !== undefined && /^(127(\.\d+){3}|localhost|\[::1\])$/.test(url.hostname);
  const isAllowed = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopback);
  if (!url || !isAllowed || url.username !== '' || url.password !== '') {
    throw new WebhookError('expected the HTTPS URL of an incoming webhook', false);
  }
  return url;
}

/** The secret parts of the URL. Errors and logs of other software may contain only the path. */
export function webhookSecrets(text: string): string[] {
  if (!URL.canParse(text)) return [];
  const { pathname, search } = new URL(text);
  return [pathname, `${pathname}${search}`].filter((part) => part.length >= SECRET_PATH);
}

/**
 * Posts a text to an incoming webhook in Slack's format: `{"text": "…"}`. It retries after server errors and rate
 * limits; a cancelled job tries once. Throws an error that does not contain the URL.
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
      // A redirect target does not expect the message and must not learn the secret URL.
      redirect: 'manual',
      signal,
    });
    answer = await response.text();
  } catch (error) {
    throw new WebhookError(`the webhook is not reachable (${causeOf(error)})`, true);
  }
  if (response.ok) return;
  const { status } = response;
  // Slack answers with one word, such as `no_service`; anything else may be a page, or may repeat the URL.
  const word = /^[a-z_]{2,60}$/.exec(answer.trim())?.[0];
  const said = `the webhook returned HTTP ${status}${word === undefined ? '' : ` ${word}`}`;
  const waitMs = Number(response.headers.get('retry-after') ?? '0') * 1000;
  const isTransient = status >= 500 || (status === 429 && waitMs <= LONGEST_WAIT_MS);
  throw new WebhookError(said, isTransient, waitMs);
}

/** The kind of the failure. Its message may contain the URL. */
function causeOf(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: unknown } };
  if (name === 'TimeoutError') return 'timed out';
  return typeof cause?.code === 'string' ? cause.code : (name ?? 'no response');
}
