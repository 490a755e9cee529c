import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** A proxy between a service and a cache: terminates TLS, delays responses, breaks connections, records commands. */
export class CacheProxy {
  /** The delay of every response. */
  delayMs = 0;
  /** The data sent by services. */
  received = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #targetPort = 0;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @param tls key and certificate, in PEM; without them it uses plain TCP. */
  static async start(tls?: { key: string; cert: string }): Promise<CacheProxy> {
    const server = tls === undefined ? createServer() : createTlsServer(tls);
    const proxy = new CacheProxy(server);
    server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      proxy.#forward(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  to(port: number): this {
    this.#targetPort = port;
    return this;
  }

  breakConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.breakConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #forward(service: Socket): void {
    const cache = connect(this.#targetPort, '127.0.0.1');
    for (const [socket, other] of [
      [service, cache],
      [cache, service],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => other.destroy());
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    service.on('data', (chunk) => {
      this.received += chunk.toString();
      cache.write(chunk);
    });
    cache.on('data', (chunk) => {
      if (this.delayMs === 0) service.write(chunk);
      else setTimeout(() => service.writable && service.write(chunk), this.delayMs);
    });
  }
}
