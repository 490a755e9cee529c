import { Agent as HttpAgent, get as httpGet } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';

/** Nothing on the line for so long is a lost connection. */
const SILENCE_MS = 60_000;
const agents = { 'http:': new HttpAgent({ keepAlive: true }), 'https:': new HttpsAgent({ keepAlive: true }) };

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
  const incoming = await open(url, signal);
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

function open(url: URL, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const secure = url.protocol === 'https:';
    const options = { signal, agent: agents[secure ? 'https:' : 'http:'], highWaterMark: 1024 * 1024 };
    const outgoing = (secure ? httpsGet : httpGet)(url, options, resolve);
    outgoing.on('error', reject);
    outgoing.setTimeout(SILENCE_MS, () => {
      outgoing.destroy(new BrokenDownloadError(`${url.host} is silent`));
    });
  });
}
