import { EnvironmentError, integer, readEnvironment, text } from '@services/shared';
import type { Environment, Server } from '@services/shared';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';

const settings = {
  HOST: text('0.0.0.0'),
  TLS_PORT: integer(0, 65_535)(3443),
  TLS_CERT_FILE: text(undefined),
  TLS_KEY_FILE: text(undefined),
};

/** Longer than a load balancer in front keeps an idle connection. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Also listens on TLS_PORT, with the certificates of TLS_CERT_FILE (the server's first, then the intermediates) and
 * the key of TLS_KEY_FILE. Does nothing without them. New files are read at the next start.
 *
 * @throws EnvironmentError if a file is missing or cannot be read, or if the two do not match.
 */
export async function listenWithTls(app: Server, env: Environment): Promise<void> {
  const { HOST, TLS_PORT, TLS_CERT_FILE, TLS_KEY_FILE } = readEnvironment(settings, env);
  if (TLS_CERT_FILE === undefined && TLS_KEY_FILE === undefined) return;
  if (TLS_CERT_FILE === undefined)
    throw new EnvironmentError('TLS_CERT_FILE: is required if TLS_KEY_FILE is set');
  if (TLS_KEY_FILE === undefined)
    throw new EnvironmentError('TLS_KEY_FILE: is required if TLS_CERT_FILE is set');
  const cert = await readPem('TLS_CERT_FILE', TLS_CERT_FILE);
  const key = await readPem('TLS_KEY_FILE', TLS_KEY_FILE);
  const server = createTlsServer({ cert, key, minVersion: 'TLSv1.2', keepAliveTimeout: KEEP_ALIVE_MS });
  server.on('request', (request, response) => {
    app.routing(request, response);
  });
  app.addHook('onReady', async () => {
    server.listen(TLS_PORT, HOST);
    await once(server, 'listening');
    app.log.info({ address: server.address() }, 'listening with TLS');
  });
  app.addHook('preClose', async () => {
    server.close();
    server.closeIdleConnections();
    await once(server, 'close');
  });
}

function createTlsServer(options: Parameters<typeof createServer>[0]) {
  try {
    return createServer(options);
  } catch (error) {
    throw new EnvironmentError(
      `TLS_CERT_FILE, TLS_KEY_FILE: expected a certificate and its key in PEM: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

async function readPem(name: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new EnvironmentError(`${name}: cannot read "${file}": ${(error as Error).message}`, {
      cause: error,
    });
  }
}
