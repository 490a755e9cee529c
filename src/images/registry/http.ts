import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { PlatformError } from '../../core/errors.ts';
import { proxyOptions } from '../../core/network/proxy.ts';

/** A registry may need this long to store a large layer before it responds. */
const SILENCE_MS = 120_000;
const DOWNLOAD_SILENCE_MS = 60_000;
const DOWNLOAD_BUFFER_BYTES = 1024 * 1024;
/** ECR accepts manifests of up to 4 MiB, and configs are smaller. */
const LARGEST_RESPONSE = 32 * 1024 * 1024;

export interface HttpRequest {
  method: string;
  url: URL;
  headers?: Readonly<Record<string, string | number>>;
  /** Bytes or a stream of bytes; a stream needs the header `content-length`. */
  body?: Buffer | AsyncIterable<Buffer>;
}

export interface HttpResponse {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * Sends a request and reads the whole response. A registry that rejects an upload responds before the body is sent
 * completely.
 *
 * @throws the network error, or the signal's reason.
 */
export async function exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpResponse> {
  signal.throwIfAborted();
  const outgoing = open(request, signal, { silenceMs: SILENCE_MS });
  const responded = awaitResponse(outgoing).then(read);
  try {
    // After a rejection the server closes the connection. Errors while sending the rest are ignored then.
    const sending = send(outgoing, request.body);
    await Promise.race([sending, responded]);
    const response = await responded;
    // The rest of a rejected body is not sent, so the connection cannot be reused.
    if (!outgoing.writableFinished) outgoing.destroy();
    return response;
  } catch (error) {
    outgoing.destroy();
    responded.catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
}

/** Reads a whole response. Throws a PlatformError if it is too large for a manifest or a config. */
async function read(incoming: IncomingMessage): Promise<HttpResponse> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_RESPONSE) {
      throw new PlatformError('registry-rejected', `the response is larger than ${LARGEST_RESPONSE} bytes`);
    }
    chunks.push(chunk);
  }
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) };
}

const keptAlive = { keepAlive: true, ...proxyOptions() };
const agents = { 'http:': new HttpAgent(keptAlive), 'https:': new HttpsAgent(keptAlive) };

/** Opens a request. A connection is considered lost after `silenceMs` without data. */
function open(
  { method, url, headers = {} }: Omit<HttpRequest, 'body'>,
  signal: AbortSignal,
  { silenceMs, highWaterMark }: { silenceMs: number; highWaterMark?: number },
): ClientRequest {
  const secure = url.protocol === 'https:';
  const agent = agents[secure ? 'https:' : 'http:'];
  const options = { method, headers, signal, agent, ...(highWaterMark !== undefined && { highWaterMark }) };
  const outgoing = secure ? httpsRequest(url, options) : httpRequest(url, options);
  outgoing.setTimeout(silenceMs, () => {
    outgoing.destroy(connectionLost(`no response from ${url.host} for ${silenceMs / 1000} s`));
  });
  return outgoing;
}

/** A network failure that can be retried. */
function connectionLost(message: string): PlatformError {
  return new PlatformError('service-unavailable', message);
}

async function send(outgoing: ClientRequest, body: HttpRequest['body']): Promise<void> {
  if (body === undefined || Buffer.isBuffer(body)) {
    outgoing.end(body);
    return;
  }
  for await (const chunk of body) {
    if (outgoing.destroyed) return;
    if (!outgoing.write(chunk)) await drained(outgoing);
  }
  outgoing.end();
}

function drained(outgoing: ClientRequest): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off('drain', done).off('close', done);
      resolve();
    };
    outgoing.on('drain', done).on('close', done);
  });
}

function awaitResponse(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', resolve);
  });
}

/** The status codes of redirects. */
export const REDIRECTS: readonly (number | undefined)[] = [301, 302, 303, 307, 308];
export const MOST_REDIRECTS = 5;

/**
 * Downloads from a URL as a stream. Redirects are followed, without the headers if they lead to another host.
 *
 * @param size expected size in bytes.
 * @throws PlatformError `service-unavailable` for another size or a status other than 200; the network error.
 */
export async function* download(
  start: URL,
  size: number,
  signal: AbortSignal,
  headers: NonNullable<HttpRequest['headers']> = {},
): AsyncIterable<Buffer> {
  let url = start;
  let incoming = await openDownload(url, signal, headers);
  for (
    let redirects = 0;
    redirects < MOST_REDIRECTS && REDIRECTS.includes(incoming.statusCode);
    redirects++
  ) {
    incoming.destroy();
    url = new URL(incoming.headers.location ?? '', url);
    incoming = await openDownload(url, signal, url.origin === start.origin ? headers : {});
  }
  if (incoming.statusCode !== 200) {
    incoming.destroy();
    throw connectionLost(`the download from ${url.host} failed with HTTP ${incoming.statusCode ?? 0}`);
  }
  let received = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    received += chunk.length;
    yield chunk;
  }
  if (received !== size) throw connectionLost(`${url.host} returned ${received} of ${size} bytes`);
}

async function openDownload(
  url: URL,
  signal: AbortSignal,
  headers: NonNullable<HttpRequest['headers']>,
): Promise<IncomingMessage> {
  const options = { silenceMs: DOWNLOAD_SILENCE_MS, highWaterMark: DOWNLOAD_BUFFER_BYTES };
  const outgoing = open({ method: 'GET', url, headers }, signal, options);
  const responded = awaitResponse(outgoing);
  outgoing.end();
  return responded;
}
