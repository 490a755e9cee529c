import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { PlatformError } from '../../core/errors.ts';
import type { BuildRequest } from './command.ts';
import { isTransient } from './docker.ts';

/** One step of a build, as BuildKit reports it. */
export interface BuildStep {
  name: string;
  durationMs: number;
  cached: boolean;
}

interface Vertex {
  name: string;
  durationMs: number;
  state: 'running' | 'done' | 'cached' | 'failed';
  output: string[];
}

const KEPT_OUTPUT = 40;
/** Steps of BuildKit that are not instructions of the Dockerfile. */
const INTERNAL = /^\[(?:internal|auth)\]/;

/** Reads BuildKit's plain progress, line by line. */
export class BuildProgress {
  readonly #vertices = new Map<string, Vertex>();

  readLine(line: string): void {
    const [, id = '', said = ''] = /^#(\d+) (.*)$/.exec(line) ?? [];
    if (id === '') return;
    const vertex = this.#vertices.get(id);
    if (!vertex) {
      this.#vertices.set(id, { name: said, durationMs: 0, state: 'running', output: [] });
      return;
    }
    const done = /^DONE ([\d.]+)s$/.exec(said)?.[1];
    if (done !== undefined) Object.assign(vertex, { state: 'done', durationMs: Number(done) * 1000 });
    else if (said === 'CACHED') vertex.state = 'cached';
    else if (/^(?:ERROR|CANCELED)\b/.test(said))
      vertex.state = said.startsWith('ERROR') ? 'failed' : 'running';
    // After a failure BuildKit repeats the step's output.
    else if (vertex.state !== 'failed') keep(vertex.output, said);
  }

  /** The instructions of the Dockerfile that were started, in order. */
  get steps(): BuildStep[] {
    return [...this.#vertices.values()]
      .filter(({ name, state }) => name.startsWith('[') && !INTERNAL.test(name) && state !== 'running')
      .map(({ name, durationMs, state }) => ({ name, durationMs, cached: state === 'cached' }));
  }

  /** The step that failed, with the last lines of its output. */
  get failed(): { name: string; output: string } | undefined {
    const vertex = [...this.#vertices.values()].find(({ state }) => state === 'failed');
    return vertex && { name: vertex.name, output: vertex.output.join('\n') };
  }

  /** Whether the build reached its export: a failure from there on is one of the push. */
  get exporting(): boolean {
    return [...this.#vertices.values()].some(
      ({ name, state }) => /^(?:exporting to|pushing)/.test(name) && state !== 'cached',
    );
  }
}

/** Keeps a line without its time, and drops the digest that old versions print first. */
function keep(output: string[], said: string): void {
  if (/^sha256:[0-9a-f]{64}$/.test(said)) return;
  output.push(said.replace(/^\d+\.\d+ ?/, ''));
  if (output.length > KEPT_OUTPUT) output.shift();
}

/** Why a build failed. */
export class BuildFailedError extends PlatformError {
  override readonly name = 'BuildFailedError';
  /** The step that failed, as BuildKit names it. */
  readonly step: string;
  /** The last lines of its output. */
  readonly output: string;
  /** The Dockerfile, relative to the workspace, and the line in it; undefined when they are not known. */
  readonly place: { file: string; line: number } | undefined;

  /** Whether only the push failed, and may succeed a moment later. */
  readonly transient: boolean;

  constructor(message: string, details: Pick<BuildFailedError, 'step' | 'output' | 'place' | 'transient'>) {
    super('build-failed', message);
    this.transient = details.transient;
    this.step = details.step;
    this.output = details.output;
    this.place = details.place;
  }
}

/** What to do about failures whose own message does not say it. */
const HINTS: readonly (readonly [RegExp, string])[] = [
  [
    /pull access denied|insufficient_scope|authorization failed|403 Forbidden/i,
    'The base image is private or does not exist: log in to its registry before this step (docker/login-action).',
  ],
  [
    /toomanyrequests|pull rate limit/i,
    'The registry of the base image limits how often it may be pulled: log in to it.',
  ],
  [/no match for platform/i, 'The base image does not exist for this platform.'],
  [
    /exec format error/i,
    'A program for another platform was run: build on a runner of that platform, or add docker/setup-qemu-action before this step (in the reusable workflows: `emulate`).',
  ],
  [/no space left on device/i, 'The disk of the runner is full.'],
];

/** Finds the cause of a failed build in the output of BuildKit. */
export function explainFailure(
  stderr: string,
  progress: BuildProgress,
  request: BuildRequest,
): BuildFailedError {
  const lines = stderr.split('\n');
  const message = messageOf(lines);
  const { name: step = 'docker build', output = '' } = progress.failed ?? {};
  const line = lineOf(lines, step, request.file);
  const place = line === undefined ? undefined : { file: relative(request.workspace, request.file), line };
  const hint = HINTS.find(([pattern]) => pattern.test(`${message}\n${output}`))?.[1];
  const text = hint === undefined ? message : `${message.replace(/\.?$/, '.')} ${hint}`;
  const transient = progress.exporting && !progress.failed?.name.startsWith('[') && isTransient(text);
  return new BuildFailedError(text, { step, output, place, transient });
}

/** The last error line, without the prefixes that all errors have. */
function messageOf(lines: readonly string[]): string {
  const said = lines.map((line) => line.trim()).filter((line) => line !== '');
  const found = said.findLast((line) => /^(?:ERROR|error):|failed to solve/.test(line)) ?? said.at(-1);
  return (found ?? 'docker build failed without a word')
    .replace(/^(?:ERROR|error):\s*/, '')
    .replace(/^failed to solve(?: with frontend [\w.]+)?:\s*/, '')
    .replace(/^(?:rpc error: code = \w+ desc = |failed to create LLB definition: )+/, '');
}

/** The Dockerfile line that BuildKit names, or the line of the failed instruction. */
function lineOf(lines: readonly string[], step: string, file: string): number | undefined {
  for (const line of lines) {
    const named = /parse error (?:on )?line (\d+)/.exec(line) ?? /^\S*Dockerfile\S*:(\d+)$/.exec(line.trim());
    if (named) return Number(named[1]);
  }
  const instruction = step.replace(/^\[[^\]]*\]\s*/, '').replace(/\s+/g, ' ');
  if (instruction === step) return undefined;
  const index = readFileSync(file, 'utf8')
    .split('\n')
    .findIndex((line) => {
      const written = line
        .trim()
        .replace(/\s*\\$/, '')
        .replace(/\s+/g, ' ');
      return /\s/.test(written) && instruction.startsWith(written);
    });
  return index < 0 ? undefined : index + 1;
}
