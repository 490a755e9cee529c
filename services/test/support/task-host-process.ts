import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import type { Event } from '../../local/tasks/protocol.ts';

export interface Ended {
  exitCode: number | null;
  log: string[];
}

const entry = fileURLToPath(new URL('../../local/tasks/start.js', import.meta.url));

/** The process that runs tasks, as seen by another program: lines in, lines out. */
export class TaskHostProcess {
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #events: Event[] = [];
  #number = 0;

  constructor() {
    this.#process = spawn(process.execPath, [entry], { cwd: '/' });
    this.#process.stderr.pipe(process.stderr);
    createInterface({ input: this.#process.stdout }).on('line', (line) => {
      this.#events.push(JSON.parse(line) as Event);
    });
    this.ended = once(this.#process, 'close').then(([code]) => code as number | null);
  }

  send(request: object | string): void {
    this.#process.stdin.write(`${typeof request === 'string' ? request : JSON.stringify(request)}\n`);
  }

  /** @returns the task's id. */
  start(request: object): string {
    this.#number += 1;
    const id = `task-${this.#number}`;
    this.send({ do: 'start', id, ...request });
    return id;
  }

  async event<K extends Event['event']>(kind: K, id?: string): Promise<Extract<Event, { event: K }>> {
    for (;;) {
      const found = this.#events.find((event) => event.event === kind && event.id === id);
      if (found !== undefined) return found as Extract<Event, { event: K }>;
      await delay(10);
    }
  }

  async exited(id: string): Promise<Ended> {
    const { exitCode } = await this.event('exited', id);
    const log = this.#events.flatMap((event) =>
      event.event === 'log' && event.id === id ? [event.line] : [],
    );
    return { exitCode, log };
  }

  /** Starts a service and waits for any response. @returns its id and its URL. */
  async serve(request: object): Promise<{ id: string; url: string }> {
    const id = this.start(request);
    const { port } = await this.event('started', id);
    const url = `http://127.0.0.1:${port}`;
    const answers = () =>
      fetch(`${url}/version`).then(
        () => true,
        () => false,
      );
    while (!(await answers())) await delay(20);
    return { id, url };
  }

  /** Closes standard input, as when the caller exits. */
  hangUp(): Promise<number | null> {
    this.#process.stdin.end();
    return this.ended;
  }
}
