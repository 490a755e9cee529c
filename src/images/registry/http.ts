import {
  Agent as HttpAgent,
  type ClientRequest,
  get as httpGet,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, get as httpsGet, request as httpsRequest } from 'node:https';

/** A registry may take this long to put a large layer in its place, without a byte on the line. */
const SILENCE_MS = 120_000;
/** ECR takes manifests of 4 MiB at most; configs are smaller. */
const LARGEST_ANSWER = 32 * 1024 * 1024;

export interface HttpRequest {
  method: string;
  url: URL;
  headers?: Readonly<Record<string, string | number>>;
  /** Bytes, or what gives them in pieces; `content-length` must then be among the headers. */
  body?: Buffer | AsyncIterable<Buffer>;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

const agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };

/**
 * Sends a request and reads the whole answer. An answer that comes before all of the body was sent counts: that
 * is how a registry refuses.
 *
 * @throws the network's error, or the signal's reason.
 */
export async function exchange(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
  signal.throwIfAborted();
  const outgoing = open(request, signal);
  const answered = response(outgoing).then(read);
  try {
    // A refusal ends the answer first; sending then fails, and no longer matters.
    const sending = send(outgoing, request.body);
    await Promise.race([sending, answered]);
    const answer = await answered;
    // What was refused need not go out to its end; that costs the connection.
    if (!outgoing.writableFinished) outgoing.destroy();
    return answer;
  } catch (error) {
    outgoing.destroy();
    answered.catch(() => undefined);
    signal.throwIfAborted();
    throw error;
  }
}

/** Reads an answer to its end. Throws RangeError for one that is larger than any manifest or config may be. */
async function read(incoming: IncomingMessage): Promise<HttpAnswer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw new RangeError(`the answer is larger than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return { status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) };
}

function open({ method, url, headers = {} }: HttpRequest, signal: AbortSignal): ClientRequest {
  const secure = url.protocol === 'https:';
  const options = { method, headers, signal, agent: agents[secure ? 'https:' : 'http:'] };
  const outgoing = secure ? httpsRequest(url, options) : httpRequest(url, options);
  outgoing.setTimeout(SILENCE_MS, () => {
    outgoing.destroy(Object.assign(new Error('the registry is silent'), { code: 'ETIMEDOUT' }));
  });
  return outgoing;
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

/** Nothing on the line for so long is a lost connection. */
const DOWNLOAD_SILENCE_MS = 60_000;

/** A download that broke off: worth another try, as a network's error is. */
class BrokenDownloadError extends Error {
  override readonly name = 'BrokenDownloadError';
  readonly code = 'ERR_STREAM_PREMATURE_CLOSE';
}

/**
 * Reads what a URL gives, in pieces; what does not come to `size` bytes is an error of the network.
 *
 * @param size bytes that there must be.
 */
export async function* download(url: URL, size: number, signal: AbortSignal): AsyncIterable<Buffer> {
  const incoming = await downloadOpen(url, signal);
  if (incoming.statusCode !== 200) {
    incoming.destroy();
    throw new BrokenDownloadError(`${url.host} answered a download with HTTP ${incoming.statusCode ?? 0}`);
  }
  let received = 0;
  for await (const chunk of incoming as AsyncIterable<Buffer>) {
    received += chunk.length;
    yield chunk;
  }
  if (received !== size) {
    throw new BrokenDownloadError(`${url.host} gave ${received} of ${size} bytes`);
  }
}

function downloadOpen(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:';
    const options = { signal, agent: agents[secure ? 'https:' : 'http:'], highWaterMark: 1024 * 1024 };
    const outgoing = (secure ? httpsGet : httpGet)(url, options, resolve);
    outgoing.on('error', reject);
    outgoing.setTimeout(DOWNLOAD_SILENCE_MS, () => {
      outgoing.destroy(new BrokenDownloadError(`${url.host} is silent`));
    });
  });
}
