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

/** A registry may take this long to store a large layer before it answers. */
const SILENCE_MS = 120_000;
const DOWNLOAD_SILENCE_MS = 60_000;
const DOWNLOAD_BUFFER_BYTES = 1024 * 1024;
/** ECR takes manifests of 4 MiB at most; configs are smaller. */
const LARGEST_ANSWER = 32 * 1024 * 1024;

export interface HttpRequest {
  method: string;
  url: URL;
  headers?: Readonly<Record<string, string | number>>;
  /** Bytes or a stream of bytes; a stream needs the header `content-length`. */
  body?: Buffer | AsyncIterable<Buffer>;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * Sends a request and reads the whole answer. The answer may come before the body is sent completely: this is how
 * a registry rejects an upload.
 *
 * @throws the network's error, or the signal's reason.
 */
export async function exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  signal.throwIfAborted();
  const outgoing = open(request, signal, { silenceMs: SILENCE_MS });
  const answered = response(outgoing).then(read);
  try {
    // After a rejection the server closes the connection; the error of sending the rest does not matter then.
    const sending = send(outgoing, request.body);
    await Promise.race([sending, answered]);
    const answer = await answered;
    // The rest of a rejected body is not sent, which means giving up the connection.
    if (!outgoing.writableFinished) outgoing.destroy();
    return answer;
  } catch (error) {
    outgoing.destroy();
    answered.catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
}

/** Reads an answer to its end. Throws a PlatformError for one that is too large for a manifest or a config. */
async function read(incoming: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) {
      throw new PlatformError('registry-rejected', `the answer is larger than ${LARGEST_ANSWER} bytes`);
    }
    chunks.push(chunk);
  }
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) };
}

const keptAlive = { keepAlive: true, ...proxyOptions() };
const agents = { 'http:': new HttpAgent(keptAlive), 'https:': new HttpsAgent(keptAlive) };

/** Opens a request. A connection without a byte for `silenceMs` is lost. */
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
    outgoing.destroy(connectionLost('the registry is silent'));
  });
  return outgoing;
}

/** A failure of the network, which is worth a retry. */
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

function response(outgoing: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', resolve);
  });
}

/** The answers that send a request to another URL. */
export const REDIRECTS: readonly (number | undefined)[] = [301, 302, 303, 307, 308];
export const MOST_REDIRECTS = 5;

/**
 * Downloads from a URL as a stream. Redirects are followed; another host does not get the headers.
 *
 * @param size expected size in bytes.
 * @throws PlatformError `service-unavailable` for another size or an answer other than 200; the network's error.
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
    throw connectionLost(`${url.host} answered a download with HTTP ${incoming.statusCode ?? 0}`);
  }
  let received = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    received += chunk.length;
    yield chunk;
  }
  if (received !== size) throw connectionLost(`${url.host} gave ${received} of ${size} bytes`);
}

async function openDownload(
  url: URL,
  signal: AbortSignal,
  headers: NonNullable<HttpRequest['headers']>,
): Promise<IncomingMessage> {
  const options = { silenceMs: DOWNLOAD_SILENCE_MS, highWaterMark: DOWNLOAD_BUFFER_BYTES };
  const outgoing = open({ method: 'GET', url, headers }, signal, options);
  const answered = response(outgoing);
  outgoing.end();
  return answered;
}
