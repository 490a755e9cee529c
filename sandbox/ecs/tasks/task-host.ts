import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { resolve } from 'node:path';
import type { World } from '../../world.ts';

const SERVICES = resolve(import.meta.dirname, '../../../services');
const PROGRAM = resolve(SERVICES, 'local/tasks/start.js');
const PACKAGES = resolve(SERVICES, 'node_modules');
/** The longest delay that a timer supports, in ms. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export interface ProcessRequest {
  service: string;
  release: string;
  command?: string[];
  environment: Record<string, string>;
}

/** An event of a task. The protocol is documented in services/local/tasks/README.md. */
type HostEvent =
  | { event: 'started'; id: string; port: number }
  | { event: 'log'; id: string; line: string }
  | { event: 'exited'; id: string; exitCode: number | null }
  | { event: 'refused'; id?: string; reason: string };

/** A container as a process. */
export interface TaskProcess {
  /** As soon as it has one. */
  port?: number;
  /** Its port on 127.0.0.1, or undefined if it failed to start. */
  started: Promise<number | undefined>;
  /** Its exit code, or null if it failed to start. Rejects with the reason if the host refused it. */
  exited: Promise<number | null>;
  stop(timeoutSeconds: number): void;
}

interface Watcher {
  started(port: number | undefined): void;
  log(line: string): void;
  exited(code: number | null): void;
  refused(reason: Error): void;
}

/** Throws an Error with a fix if the reference services cannot run on this machine. */
export function requireServices(): void {
  if (existsSync(PROGRAM) && existsSync(PACKAGES)) return;
  throw new Error(
    'ecs.tasks: real runs the reference services as processes, and their packages are not installed: npm ci --prefix services',
  );
}

/** The process of services/ that runs reference services as tasks, with its own database. It ends with the sandbox. */
export class TaskHost {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #tasks = new Map<string, Watcher>();
  readonly #processes = new Map<string, TaskProcess>();

  constructor(world: World) {
    this.#process = spawn(process.execPath, [PROGRAM], { stdio: 'pipe' });
    this.#process.stderr.on('data', (data: Buffer) =>
      process.stderr.write(`sandbox tasks: ${data.toString()}`),
    );
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      this.#handle(JSON.parse(line) as HostEvent);
    });
    const closed = once(this.#process, 'close');
    void closed.then(() => {
      for (const task of this.#tasks.values()) task.refused(new Error('the host of the tasks has ended'));
    });
    world.run(async () => {
      try {
        await world.clock.pause(MAX_DELAY_MS);
      } finally {
        this.#process.stdin.end();
        await closed;
      }
    });
  }

  start(id: string, request: ProcessRequest, onLog: (line: string) => void): TaskProcess {
    let watcher: Watcher | undefined;
    const started = new Promise<number | undefined>((resolve) => {
      watcher = { started: resolve, log: onLog, exited: () => undefined, refused: () => undefined };
    });
    const exited = new Promise<number | null>((resolve, reject) => {
      if (!watcher) return;
      watcher.exited = resolve;
      watcher.refused = reject;
      this.#tasks.set(id, watcher);
    });
    this.#send({ do: 'start', id, ...request });
    const task: TaskProcess = {
      started,
      exited,
      stop: (timeoutSeconds) => {
        this.#send({ do: 'stop', id, timeoutSeconds });
      },
    };
    this.#processes.set(id, task);
    return task;
  }

  #send(message: object): void {
    if (this.#process.stdin.writable) this.#process.stdin.write(`${JSON.stringify(message)}\n`);
  }

  #handle(event: HostEvent): void {
    const task = this.#tasks.get(event.id ?? '');
    if (!task) return;
    if (event.event === 'log') task.log(event.line);
    else if (event.event === 'started') {
      // Immediately, because the next lines may be in the same chunk of output.
      const running = this.#processes.get(event.id);
      if (running) running.port = event.port;
      task.started(event.port);
    } else {
      this.#tasks.delete(event.id ?? '');
      this.#processes.delete(event.id ?? '');
      task.started(undefined);
      if (event.event === 'exited') task.exited(event.exitCode);
      else task.refused(new Error(event.reason));
    }
  }
}

export function taskHostOf(world: World): TaskHost {
  return world.store('', '', 'task-host', () => new TaskHost(world));
}
