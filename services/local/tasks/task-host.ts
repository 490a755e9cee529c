import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Databases } from './databases.ts';
import { idOf, parseRequest } from './protocol.ts';
import type { Event, StartRequest, StopRequest } from './protocol.ts';
import { ReleaseFiles } from './release.ts';
import { startTask } from './task.ts';
import type { Task } from './task.ts';

interface Hosted {
  /** Undefined until the task has started. */
  task?: Task;
  /** A stop was requested, with this timeout in seconds. */
  stopWithin?: number;
  /** Resolves once the task has been cleaned up. */
  over: Promise<void>;
}

/** The stop timeout of tasks when the host itself exits. */
const LAST_STOP_SECONDS = 5;

/** Runs tasks for one caller: it receives requests and sends events, and cleans up everything when it closes. */
export class TaskHost {
  readonly #emit: (event: Event) => void;
  readonly #folder: string;
  readonly #releases: ReleaseFiles;
  readonly #databases = new Databases();
  readonly #tasks = new Map<string, Hosted>();

  private constructor(folder: string, emit: (event: Event) => void) {
    this.#folder = folder;
    this.#releases = new ReleaseFiles(folder);
    this.#emit = emit;
  }

  static async open(emit: (event: Event) => void): Promise<TaskHost> {
    return new TaskHost(await mkdtemp(join(tmpdir(), 'tasks-')), emit);
  }

  /** Handles one line; an error is sent back as an event. */
  handle(line: string): void {
    try {
      const request = parseRequest(line);
      if (request.do === 'start') this.#start(request);
      else this.#stop(request);
    } catch (error) {
      this.#refuse(idOf(line), error);
    }
  }

  /** Stops all tasks and the database, and removes their files. */
  async close(): Promise<void> {
    const ids = [...this.#tasks.keys()];
    for (const id of ids) this.#stop({ do: 'stop', id, timeoutSeconds: LAST_STOP_SECONDS });
    await Promise.all([...this.#tasks.values()].map(({ over }) => over));
    await this.#databases.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  #start(request: StartRequest): void {
    if (this.#tasks.has(request.id)) throw new Error(`id: "${request.id}" is already in use by another task`);
    const hosted: Hosted = { over: Promise.resolve() };
    this.#tasks.set(request.id, hosted);
    hosted.over = this.#live(request, hosted)
      .catch((error: unknown) => {
        this.#refuse(request.id, error);
      })
      .finally(() => this.#tasks.delete(request.id));
  }

  async #live({ id, service, release, command, environment }: StartRequest, hosted: Hosted): Promise<void> {
    const [folder, variables] = await Promise.all([
      this.#releases.of(service, release),
      this.#databases.localise(environment),
    ]);
    if (hosted.stopWithin !== undefined) {
      this.#emit({ event: 'exited', id, exitCode: null });
      return;
    }
    await new Promise<void>((resolve, reject) => {
      startTask({
        folder,
        command,
        environment: variables,
        onLog: (line) => {
          this.#emit({ event: 'log', id, line });
        },
        onExit: (exitCode) => {
          this.#emit({ event: 'exited', id, exitCode });
          resolve();
        },
      }).then((task) => {
        hosted.task = task;
        this.#emit({ event: 'started', id, pid: task.pid, port: task.port });
        if (hosted.stopWithin !== undefined) void task.stop(hosted.stopWithin);
      }, reject);
    });
  }

  /** A task that has already exited is ignored: its exit and the request may have crossed. */
  #stop({ id, timeoutSeconds }: StopRequest): void {
    const hosted = this.#tasks.get(id);
    if (hosted === undefined) return;
    hosted.stopWithin = timeoutSeconds;
    void hosted.task?.stop(timeoutSeconds);
  }

  #refuse(id: string | undefined, error: unknown): void {
    this.#emit({ event: 'refused', id, reason: error instanceof Error ? error.message : String(error) });
  }
}
