import { systemClock } from '../../core/clock.ts';
import type { Context } from '../../core/context.ts';
import { withRetry } from '../../core/retry.ts';
import { type ClientAccess, stsClient } from '../clients.ts';
import { classify, toAwsError } from '../errors.ts';
import { MalformedResponseError } from '../middleware.ts';
import { callGroup } from '../rates.ts';
import { textsIn } from '../xml.ts';

/** A call to a service of which no SDK client is bundled. */
export interface SignedCall {
  service: SignedService;
  operation: string;
  /** What it is signed for. */
  region: string;
  host: string;
  method: 'GET' | 'POST';
  path: string;
  headers?: Readonly<Record<string, string>>;
  body?: string;
}

/** What a service is called. */
interface SignedService {
  /** In the credential scope, such as `route53`. */
  name: string;
  /** In the SDK, for rate limits and messages, such as `Route53`. */
  client: string;
  /** In `AWS_ENDPOINT_URL_<variable>`, such as `ROUTE_53`. */
  variable: string;
}

export type Caller = Pick<Context, 'clock' | 'limiter' | 'signal' | 'urgency'>;
type Configuration = Awaited<ReturnType<typeof stsClient>>['config'];

/** Fewer than those of SDK clients: these calls are checks that a run does not need. */
const ATTEMPTS = { attempts: 3, baseMs: 200 };
const TRANSIENT: readonly string[] = ['throttle', 'network', 'server'];
/** "In most cases, a request must reach AWS within five minutes of the time stamp in the request." */
const MOST_SKEW_MS = 5 * 60_000;

/**
 * Sends a call with the credentials, the signer and the connections of an SDK client. A client for each service would
 * make the bundles larger by more than the few calls that need it.
 *
 * @returns the body of the response.
 * @throws AwsError; the signal's reason when it is aborted.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
 */
export async function sendSigned(access: ClientAccess, context: Caller, call: SignedCall): Promise<string> {
  const { limiter, signal, urgency } = context;
  const { service, operation, region } = call;
  const group = callGroup(service.client, operation);
  const bucket = limiter.bucket(`${access.account ?? 'own'} ${region} ${group.name}`, group);
  const isTransient = (error: unknown): boolean => TRANSIENT.includes(classify(error));
  let offsetMs = 0;
  try {
    const { config } = await stsClient(access, context);
    return await withRetry(context, { ...ATTEMPTS, isTransient }, async () => {
      await bucket.take({ signal, urgency });
      const response = await exchange(config, call, offsetMs, signal);
      const { status, skewMs } = response;
      if (status < 400 || Math.abs(skewMs - offsetMs) < MOST_SKEW_MS) return bodyOf(response, call);
      offsetMs = skewMs;
      return bodyOf(await exchange(config, call, offsetMs, signal), call);
    });
  } catch (error) {
    signal.throwIfAborted();
    throw toAwsError(error);
  }
}

interface Response {
  status: number;
  /** How far the clock is behind AWS, in ms. */
  skewMs: number;
  requestId: string | undefined;
  body: string;
}

async function exchange(
  config: Configuration,
  { service, region, host, method, path, headers, body = '' }: SignedCall,
  offsetMs: number,
  signal: AbortSignal,
): Promise<Response> {
  const scope = { name: 'sigv4', signingName: service.name, signingRegion: region, properties: {} };
  const signer = await config.signer(scope);
  const url = new URL(endpoint(service) ?? `https://${host}`);
  const request = {
    protocol: url.protocol,
    hostname: url.hostname,
    ...(url.port !== '' && { port: Number(url.port) }),
    method,
    path,
    query: {},
    headers: {
      host: url.host,
      ...headers,
      ...(method === 'POST' && { 'content-length': String(Buffer.byteLength(body)) }),
    },
    ...(method === 'POST' && { body }),
  };
  const signed = await signer.sign(request, { signingDate: new Date(systemClock.now() + offsetMs) });
  const handled: { response: unknown } = await config.requestHandler.handle(signed as never, {
    abortSignal: signal,
  });
  const answer = handled.response as { statusCode: number; headers: Record<string, string>; body: unknown };
  const time = Date.parse(answer.headers['date'] ?? '');
  return {
    status: answer.statusCode,
    skewMs: Number.isNaN(time) ? 0 : time - systemClock.now(),
    requestId: answer.headers['x-amzn-requestid'],
    body: Buffer.from(await config.streamCollector(answer.body)).toString('utf8'),
  };
}

/** @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html */
function endpoint({ variable }: SignedService): string | undefined {
  return process.env[`AWS_ENDPOINT_URL_${variable}`] ?? process.env['AWS_ENDPOINT_URL'];
}

/** @throws an error with the fields of the SDK's, for `classify`. */
function bodyOf({ status, requestId, body }: Response, { service, operation }: SignedCall): string {
  const isResult = new RegExp(`<${operation}Response[\\s>]|^\\s*\\{[^]*\\}\\s*$`).test(body);
  if (status < 300 && isResult) return body;
  const [code, message] = status < 300 ? [undefined, ''] : failureIn(body);
  if (code === undefined) throw new MalformedResponseError(`${service.client} ${operation}`, status, body);
  throw Object.assign(new Error(message), {
    name: code,
    $fault: status < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode: status, ...(requestId !== undefined && { requestId }) },
  });
}

/** The code and the message of an error document in JSON or XML. */
function failureIn(body: string): [code: string | undefined, message: string] {
  if (!body.trimStart().startsWith('{')) return [textsIn(body, 'Code')[0], textsIn(body, 'Message')[0] ?? ''];
  const { __type: type, message, Message } = JSON.parse(body) as Record<string, string | undefined>;
  return [type?.replace(/^.*#/, ''), message ?? Message ?? ''];
}
