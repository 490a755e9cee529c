import { randomUUID } from 'node:crypto';
import { AwsError } from '../protocols/service.ts';
import type { FaultRule } from '../scenario/scenario.ts';
import type { Endpoint } from '../server/exchange.ts';
import type { HttpRequest } from '../server/http.ts';
import type { World } from '../world.ts';

/** "Slack will truncate messages containing more than 40,000 characters." */
const MAX_TEXT_LENGTH = 40_000;
const WEBHOOK = '/slack/services/T00000000/B00000000/SandboxIncomingWebhook00';

/** The path of the valid webhook, and of deleted ones. */
export const SLACK_WEBHOOKS = {
  working: WEBHOOK,
  archived: `${WEBHOOK}/archived`,
  prohibited: `${WEBHOOK}/prohibited`,
  removed: '/slack/services/T00000000/B00000000/Removed',
};

/** The posted messages, in order. */
export function slackMessages(world: World): string[] {
  return world.store('', '', 'slack-messages', () => []);
}

/**
 * Slack's incoming webhooks, under /slack. The response is `ok` in plain text, or an error code.
 *
 * @see https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
 * @see https://api.slack.com/changelog/2016-05-17-changes-to-errors-for-incoming-webhooks
 */
export function slackEndpoint(world: World): Endpoint {
  return {
    exchange: (request) =>
      Promise.resolve({
        call: {
          service: 'slack',
          operation: 'IncomingWebhook',
          input: {},
          account: '',
          region: '',
          principalArn: '',
          requestId: randomUUID(),
        },
        apply: () => {
          slackMessages(world).push(textOf(request).slice(0, MAX_TEXT_LENGTH));
          return Promise.resolve(plain(200, 'ok'));
        },
        refuse: (error) => {
          const { headers } = error.extra as { headers?: Record<string, string> };
          return { ...plain(error.status, error.message, headers), code: error.code };
        },
        fault,
      }),
  };
}

function textOf(request: HttpRequest): string {
  if (request.method !== 'POST') throw refusal(405, 'method_not_allowed');
  if (request.path === SLACK_WEBHOOKS.archived) throw refusal(410, 'channel_is_archived');
  if (request.path === SLACK_WEBHOOKS.prohibited) throw refusal(403, 'action_prohibited');
  if (request.path !== SLACK_WEBHOOKS.working) throw refusal(404, 'no_service');
  const { text } = payloadOf(request);
  if (text === undefined || text === '') throw refusal(400, 'no_text');
  if (typeof text !== 'string') throw refusal(400, 'invalid_payload');
  return text;
}

/** "the data sent in your request cannot be understood as presented". */
function payloadOf({ headers, body }: HttpRequest): Record<string, unknown> {
  const isJson = /^application\/json\b/i.test(headers['content-type'] ?? '');
  const sent = body.toString('utf8');
  try {
    const payload: unknown = JSON.parse(isJson ? sent : (new URLSearchParams(sent).get('payload') ?? ''));
    if (typeof payload === 'object' && payload !== null) return payload as Record<string, unknown>;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw refusal(400, 'invalid_payload');
}

function refusal(status: number, word: string): AwsError {
  return new AwsError(word, word, status);
}

/** "HTTP 429 Too Many Requests" with "a Retry-After header that specifies the number of seconds"; or its own fault. */
function fault(rule: FaultRule): AwsError {
  if (rule.kind !== 'throttle') return refusal(rule.status ?? 500, rule.code ?? 'rollup_error');
  const headers = { 'retry-after': String(Math.ceil((rule.delayMs ?? 1000) / 1000)) };
  return new AwsError('rate_limited', 'rate_limited', 429, { headers });
}

function plain(status: number, body: string, headers: Record<string, string> = {}) {
  return { status, headers: { 'content-type': 'text/html', ...headers }, body };
}
