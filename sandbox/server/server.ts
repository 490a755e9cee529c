import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AwsEndpoint } from './aws.ts';
import { credentialScope } from '../iam/credentials.ts';
import { RESET } from './exchange.ts';
import type { CallHandler, Endpoint } from './exchange.ts';
import { readRequest } from './http.ts';
import type { HttpRequest, Reply } from './http.ts';
import type { World } from '../world.ts';

export interface ListeningServer {
  url: string;
  close(): Promise<void>;
}

/** Serves AWS by signature and the endpoints by path, on 127.0.0.1. Port 0 is a free one. */
export async function listen(
  world: World,
  answering: CallHandler,
  endpoints: (url: string) => Record<string, Endpoint>,
  port: number,
): Promise<ListeningServer> {
  const aws = new AwsEndpoint(world);
  let byPath: Record<string, Endpoint> = {};
  // A client on a busy machine may pause for more than the 5 s after which Node.js closes a connection.
  const server = createServer({ keepAliveTimeout: 0 }, (message, response) => {
    void readRequest(message)
      .then((request) => endpointOf(request, byPath, aws).exchange(request))
      .then((exchange) => answering.answer(exchange))
      .then((reply) => {
        write(response, reply, message.method === 'HEAD');
      })
      .catch((error: unknown) => {
        // A client that disconnected while sending needs no response. Everything else is an internal error.
        if (!message.destroyed || message.complete) console.error('sandbox:', error);
        response.destroy();
      });
  });
  const url = `http://127.0.0.1:${await bind(server, port)}`;
  byPath = endpoints(url);
  return { url, close: () => shut(server) };
}

function endpointOf(request: HttpRequest, byPath: Record<string, Endpoint>, aws: Endpoint): Endpoint {
  const [, first = ''] = request.path.split('/');
  const endpoint = Object.hasOwn(byPath, first) ? byPath[first] : undefined;
  return endpoint && !credentialScope(request) ? endpoint : aws;
}

function write(response: ServerResponse, reply: Reply | typeof RESET, headOnly: boolean): void {
  if (reply === RESET) {
    response.socket?.resetAndDestroy();
    return;
  }
  const length = Buffer.byteLength(reply.body);
  response.writeHead(reply.status, { 'content-length': length, ...reply.headers });
  response.end(headOnly ? '' : reply.body);
}

function bind(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

function shut(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.close((error) => {
      if (error) reject(error);
      else resolve();
    });
    server.closeAllConnections();
  });
}
