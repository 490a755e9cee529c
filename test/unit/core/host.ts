import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Host } from '../../../src/core/cancellation.ts';

/**
 * A process to run an action in, with signals that a test sends and files that it reads. Until it is removed, it
 * replaces the environment of this process, and standard output is its log.
 */
export class FakeHost extends EventEmitter {
  readonly directory = mkdtempSync(join(tmpdir(), 'host-'));
  readonly env: NodeJS.ProcessEnv = {
    GITHUB_ACTIONS: 'true',
    GITHUB_OUTPUT: join(this.directory, 'output'),
    GITHUB_STEP_SUMMARY: join(this.directory, 'summary'),
  };
  readonly exits: (number | string | null | undefined)[] = [];
  exitCode: number | undefined;
  log = '';
  readonly #ownEnv = process.env;
  readonly #ownWrite = process.stdout.write.bind(process.stdout);

  constructor() {
    super();
    writeFileSync(join(this.directory, 'output'), '');
    process.env = this.env;
    process.stdout.write = (text: unknown): boolean => {
      this.log += String(text);
      return true;
    };
  }

  exit(code?: number | string | null): never {
    this.exits.push(code ?? this.exitCode);
    return undefined as never;
  }

  /** The host as runAction takes it; EventEmitter's types are wider than those of a process. */
  asHost(): Host {
    return this as unknown as Host;
  }

  /** The step's outputs, as the runner would read them. */
  outputs(): Record<string, string> {
    const blocks = this.#read('output').matchAll(/^(.+?)<<(\S+)\n([\s\S]*?)\n\2$/gm);
    return Object.fromEntries([...blocks].map(([, name = '', , value = '']) => [name, value]));
  }

  result(): Record<string, unknown> {
    return JSON.parse(this.outputs()['result'] ?? '') as Record<string, unknown>;
  }

  summary(): string {
    return this.#read('summary');
  }

  remove(): void {
    process.env = this.#ownEnv;
    process.stdout.write = this.#ownWrite;
    rmSync(this.directory, { recursive: true });
  }

  #read(name: string): string {
    try {
      return readFileSync(join(this.directory, name), 'utf8');
    } catch {
      return '';
    }
  }
}
