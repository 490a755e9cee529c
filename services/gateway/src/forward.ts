import { Agent, request as httpRequest } from 'node:http';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { pipeline } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { Problem } from '@services/shared';
import { traceHeaders } from '@services/shared/tracing';

const agent = new Agent({ keepAlive: true });
const TARGET_TIMEOUT_MS = 60_000;

/** Headers of a single connection, which are not forwarded (RFC 9110, section 7.6.1). */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * Forwards a request to a target, once, and resolves with the streamed response.
 *
 * @throws Problem 502 if the target does not respond, 504 if it times out.
 */
export function forward(request: IncomingMessage, target: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(target + (request.url ?? '/'), {
      method: request.method ?? 'GET',
      headers: headersFor(request),
      timeout: TARGET_TIMEOUT_MS,
      agent,
    });
    outgoing.on('response', resolve);
    outgoing.on('timeout', () => outgoing.destroy(new Problem(504, 'the service timed out')));
    pipeline(request, outgoing, (error) => {
      if (error)
        reject(
          error instanceof Problem
            ? error
            : new Problem(502, `the service did not respond: ${error.message}`),
        );
    });
    outgoing.on('error', (error) => {
      reject(
        error instanceof Problem ? error : new Problem(502, `the service did not respond: ${error.message}`),
      );
    });
  });
}

/** The headers of a response that are passed back. */
export function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name)));
}

function headersFor(request: IncomingMessage): IncomingHttpHeaders {
  const client = request.socket.remoteAddress;
  const earlier = request.headers['x-forwarded-for'];
  return {
    ...endToEnd(request.headers),
    'x-forwarded-for': [earlier, client].filter(Boolean).join(', '),
    'x-forwarded-proto': request.socket instanceof TLSSocket ? 'https' : 'http',
    'x-forwarded-host': request.headers.host,
    ...traceHeaders(),
  };
}
