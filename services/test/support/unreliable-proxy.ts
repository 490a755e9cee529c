import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A proxy between two services: forwards requests, refuses them, or forwards them and drops the response. */
export class UnreliableProxy {
  mode: 'pass' | 'refuse' | 'lose-answers' = 'pass';
  /** The requests received. */
  connections = 0;
  readonly url: string;
  readonly #target: string;
  readonly #server: Server;
  #failures = 0;

  private constructor(server: Server, target: string) {
    this.#server = server;
    this.#target = target;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (incoming: IncomingMessage, response: ServerResponse) => {
      this.#pass(incoming, response);
    });
  }

  static async start(target: string): Promise<UnreliableProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new UnreliableProxy(server, target);
  }

  failNext(count: number): void {
    this.#failures = count;
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    this.connections += 1;
    if (this.#failures > 0) {
      this.#failures -= 1;
      response.writeHead(503).end();
      return;
    }
    if (this.mode === 'refuse') {
      incoming.socket.destroy();
      return;
    }
    const { method = 'GET', headers } = incoming;
    const outgoing = request(this.#target + (incoming.url ?? ''), { method, headers }, (answer) => {
      if (this.mode === 'lose-answers') {
        answer.resume().on('end', () => incoming.socket.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    outgoing.on('error', () => incoming.socket.destroy());
    incoming.pipe(outgoing);
  }
}
