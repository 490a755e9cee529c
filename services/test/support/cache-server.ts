import { test } from '@jest/globals';
import { createClient } from '@redis/client';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hasExited } from '../../local/child-process.ts';
import { freePort } from '../../local/free-port.ts';

const program = [process.env['VALKEY_SERVER'] ?? '', 'valkey-server', 'redis-server'].find(
  (name) => name !== '' && spawnSync(name, ['--version']).status === 0,
);

const canRun = program !== undefined || process.env['CI'] === 'true';

/** `test` if a server is installed. In CI, the tests fail without one: skipped tests must not be green. */
export const testWithCache = canRun ? test : test.skip;

if (!canRun) {
  process.stderr.write(
    '\nNOT RUN: tests that need valkey-server or redis-server. Install one, or set VALKEY_SERVER.\n\n',
  );
}

const START_TIMEOUT_MS = 60_000;
const ATTEMPTS = 5;
const SLOTS = ['0', '16383'];

export interface CacheServerOptions {
  port?: number;
  /** A single server that owns all slots of a cluster. */
  isCluster?: boolean;
  /** The address that the cluster announces, if it is a proxy. */
  announcedPort?: number;
  /** The password of the user `default`. */
  password?: string;
}

/** A Valkey or Redis for the test on the loopback interface, without persistence. */
export class CacheServer {
  readonly port: number;
  readonly #options: CacheServerOptions;
  #process: ChildProcess | undefined;
  #folder = '';

  private constructor(options: CacheServerOptions, port: number) {
    this.#options = options;
    this.port = port;
  }

  static async start(options: CacheServerOptions = {}): Promise<CacheServer> {
    for (let attempt = 1; ; attempt++) {
      const server = new CacheServer(options, options.port ?? (await freePort()));
      try {
        await server.start();
        return server;
      } catch (error) {
        // Another process may take the free port first, or that of the cluster bus, which is 10,000 higher.
        const isTaken = String(error).includes('Address already in use');
        if (!isTaken || options.port !== undefined || attempt === ATTEMPTS) throw error;
        await server.kill();
      }
    }
  }

  async start(): Promise<void> {
    if (program === undefined) throw new Error('there is no Valkey: install valkey-server or redis-server');
    const { isCluster, announcedPort, password } = this.#options;
    const flags = [
      ...['--port', String(this.port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'],
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...(isCluster ? ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1'] : []),
      ...(announcedPort === undefined ? [] : ['--cluster-announce-port', String(announcedPort)]),
    ];
    // A cluster writes its nodes to a file, which must not be an earlier cluster's.
    const folder = await mkdtemp(join(tmpdir(), 'services-cache-'));
    const child = spawn(program, flags, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process = child;
    this.#folder = folder;
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk) => (output += String(chunk)));
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#answers())) {
      if (hasExited(child) || Date.now() > deadline) throw new Error(`${program} did not start: ${output}`);
      await delay(20);
    }
    if (isCluster === true) {
      await this.send('CLUSTER', 'ADDSLOTSRANGE', ...SLOTS);
      while (!String(await this.send('CLUSTER', 'INFO')).includes('cluster_state:ok')) await delay(20);
    }
  }

  /** Sends one command as the administrator. */
  async send(...words: string[]): Promise<unknown> {
    const { password } = this.#options;
    const socket = { host: '127.0.0.1', port: this.port, reconnectStrategy: false as const };
    const client = createClient({ socket, ...(password !== undefined && { password }) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  }

  /** Keeps all connections open, but does not respond. */
  hang(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Like a crash: nothing is completed, connections break. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    if (!hasExited(child)) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    return this.send('PING').then(
      (answer) => answer === 'PONG',
      () => false,
    );
  }
}
