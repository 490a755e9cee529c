import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CREDENTIALS = 'user:proxy-password';

/**
 * A proxy that requires a password, and behind it hosts with TLS that no name server resolves. Like a company's proxy,
 * it supports CONNECT for HTTPS, and absolute URLs for HTTP.
 */
export class ProxiedNetwork {
  /** The proxy's URL. */
  url = '';
  /** `host:port` of each CONNECT, and the URL of each plain request. */
  readonly asked: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), 'proxy-'));
  readonly #servers: Server[] = [];
  readonly #hosts: Record<string, (path: string) => URL>;

  private constructor(hosts: Record<string, (path: string) => URL>) {
    this.#hosts = hosts;
  }

  /** @param hosts maps the path of a request to a host to its target. */
  static async start(hosts: Record<string, (path: string) => URL>): Promise<ProxiedNetwork> {
    const network = new ProxiedNetwork(hosts);
    await network.#start();
    return network;
  }

  /** The hosts' certificate, for NODE_EXTRA_CA_CERTS. */
  get certificate(): string {
    return join(this.#folder, 'certificate.pem');
  }

  async #start(): Promise<void> {
    const key = join(this.#folder, 'key.pem');
    const names = Object.keys(this.#hosts).map((host) => `DNS:${host}`);
    const parameters = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const subject = ['-subj', '/CN=hosts of a test', '-addext', `subjectAltName=${names.join(',')}`];
    execFileSync(
      'openssl',
      ['req', '-x509', ...parameters, ...subject, '-keyout', key, '-out', this.certificate],
      {
        stdio: 'ignore',
      },
    );
    const tls = { key: readFileSync(key), cert: readFileSync(this.certificate) };
    const secure = createSecureServer(tls, (incoming, outgoing) => {
      this.#forward(incoming, outgoing, incoming.url ?? '/', incoming.headers.host ?? '');
    });
    const port = await this.#listen(secure);
    const proxy = createServer((incoming, outgoing) => {
      const url = new URL(incoming.url ?? '');
      this.asked.push(url.href);
      this.#forward(incoming, outgoing, url.pathname + url.search, url.host);
    });
    proxy.on('connect', (incoming: IncomingMessage, socket: Socket) => {
      this.asked.push(incoming.url ?? '');
      const given = incoming.headers['proxy-authorization'];
      if (given !== `Basic ${Buffer.from(CREDENTIALS).toString('base64')}`) {
        socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
        return;
      }
      const behind = connect(port, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        behind.pipe(socket).pipe(behind);
      });
      for (const one of [socket, behind]) one.on('error', () => one.destroy());
    });
    this.url = `http://${CREDENTIALS}@127.0.0.1:${await this.#listen(proxy)}`;
  }

  #forward(incoming: IncomingMessage, outgoing: ServerResponse, path: string, host: string): void {
    const target = this.#hosts[host]?.(path);
    if (!target) {
      outgoing.writeHead(502).end(`there is no host ${host}`);
      return;
    }
    const onward = request(
      target,
      { method: incoming.method ?? 'GET', headers: incoming.headers },
      (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      },
    );
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  }

  async #listen(server: Server): Promise<number> {
    this.#servers.push(server);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    return (server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    }
    rmSync(this.#folder, { recursive: true });
  }
}
