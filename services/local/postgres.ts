import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { hasExited } from './child-process.ts';
import { freePort } from './free-port.ts';
import { postgresBinaries, unprivilegedUser } from './postgres-binaries.ts';

export interface PostgresOptions {
  dataFolder: string;
  /** Default: a free port. */
  port?: number;
  /** Server settings, such as `fsync: 'off'` for tests. */
  settings?: Record<string, string>;
}

const START_TIMEOUT_MS = 60_000;

/** A PostgreSQL server for this process, on the loopback interface, that trusts every local user. */
export class Postgres {
  readonly port: number;
  readonly #options: PostgresOptions;
  readonly #binaries = postgresBinaries();
  #server: ChildProcess | undefined;

  private constructor(options: PostgresOptions, port: number) {
    this.#options = options;
    this.port = port;
  }

  /** Creates the data folder if it does not exist, and starts. @throws Error with PostgreSQL's last output. */
  static async start(options: PostgresOptions): Promise<Postgres> {
    const postgres = new Postgres(options, options.port ?? (await freePort()));
    await postgres.#initialise();
    await postgres.start();
    return postgres;
  }

  url(database = 'postgres'): string {
    return `postgresql://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** Creates the database if it does not exist. @returns its URL. */
  async ensureDatabase(name: string): Promise<string> {
    const client = new pg.Client(this.url());
    await client.connect();
    try {
      const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [name]);
      if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`);
      return this.url(name);
    } finally {
      await client.end();
    }
  }

  async start(): Promise<void> {
    const settings = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      ...this.#options.settings,
    };
    const flags = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const server = this.#spawn('postgres', [
      '-D',
      this.#options.dataFolder,
      '-p',
      String(this.port),
      ...flags,
    ]);
    this.#server = server;
    const words = lastOutput(server);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (!(await this.#answers())) {
      if (hasExited(server)) throw new Error(`PostgreSQL did not start: ${words()}`);
      if (Date.now() > deadline) throw new Error(`PostgreSQL does not respond: ${words()}`);
      await delay(50);
    }
  }

  /** `immediate` stops like a crash: connections break, and nothing is completed. */
  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const server = this.#server;
    if (server === undefined || hasExited(server)) return;
    const exited = once(server, 'exit');
    server.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await exited;
  }

  async #initialise(): Promise<void> {
    const { dataFolder } = this.#options;
    if (await stat(join(dataFolder, 'PG_VERSION')).catch(() => undefined)) return;
    await mkdir(dataFolder, { recursive: true });
    const user = unprivilegedUser();
    if (user !== undefined) await chown(dataFolder, user.uid, user.gid);
    const flags = ['-U', 'postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
    const initdb = this.#spawn('initdb', ['-D', dataFolder, ...flags]);
    const words = lastOutput(initdb);
    const [code] = (await once(initdb, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`initdb failed: ${words()}`);
  }

  #spawn(program: string, parameters: string[]): ChildProcess {
    const user = unprivilegedUser();
    return spawn(join(this.#binaries, program), parameters, {
      ...(user && { uid: user.uid, gid: user.gid }),
      cwd: this.#options.dataFolder,
      env: { LC_ALL: 'C', PATH: process.env['PATH'] ?? '' },
      stdio: ['ignore', 'ignore', 'pipe'],
      // Ctrl+C is sent to the terminal's whole process group, but we determine the order of stopping.
      detached: true,
    });
  }

  async #answers(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url(), connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.end();
      return true;
    } catch {
      return false;
    }
  }
}

const KEPT_CHARACTERS = 2_000;

function lastOutput(process: ChildProcess): () => string {
  let text = '';
  process.stderr?.on('data', (chunk: Buffer) => (text = (text + chunk.toString()).slice(-KEPT_CHARACTERS)));
  return () => text.trim();
}
