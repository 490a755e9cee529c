import { createServer, type Server, type ServerResponse } from 'node:http';

/** A server for the load balancer's health check and for requests below `/api/<name>`. */
export interface Service {
  server: Server;
  /** Makes the service not ready, so that it gets no new requests. */
  drain(): void;
}

/** Creates the service. It is not listening yet. */
export function createService({ name, version }: { name: string; version: string }): Service {
  const prefix = `/api/${name}`;
  let ready = true;
  const server = createServer((request, response) => {
    if (!ready) response.setHeader('connection', 'close');
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    switch (pathname) {
      // The process works. The check uses nothing that could be unavailable.
      case '/health':
      case `${prefix}/health`:
        answer(response, 200, { status: 'ok' });
        break;
      case '/ready':
      case `${prefix}/ready`:
        answer(response, ready ? 200 : 503, { ready });
        break;
      case '/version':
      case `${prefix}/version`:
        answer(response, 200, { service: name, version });
        break;
      case prefix:
        answer(response, 200, { message: `Hello from ${name}` });
        break;
      default:
        answer(response, 404, { title: 'Not Found', status: 404 }, 'application/problem+json');
    }
  });
  // Longer than the load balancer keeps idle connections (60 s), so that it never uses one that was just closed.
  server.keepAliveTimeout = 75_000;
  return {
    server,
    drain: () => {
      ready = false;
    },
  };
}

function answer(response: ServerResponse, status: number, body: object, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': type }).end(JSON.stringify(body));
}
