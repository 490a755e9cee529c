/** A step of a build. */
export interface BuildStep {
  name: string;
  durationMs: number;
  cached: boolean;
}

/** A vertex of BuildKit: an instruction of the Dockerfile, or internal work such as a pull or the export. */
interface Vertex {
  name: string;
  durationMs: number;
  state: 'running' | 'done' | 'cached' | 'failed';
  /** Whether layers were unpacked for it. For an instruction, this means that its result is from a registry cache. */
  unpacked: boolean;
  /** Why it failed. */
  error: string;
  /** The last lines of its output. */
  output: string[];
}

/** The vertex that failed the build. */
export interface FailedVertex {
  name: string;
  output: string;
}

const KEPT_OUTPUT = 40;
/** The name of an instruction: `[2/3] RUN …`, `[linux/arm64 build 2/3] RUN …`. */
const INSTRUCTION = /^\[(?:[^\]]* )?\d+\/\d+\] /;
const BASE_IMAGE = /^\[[^\]]*\] FROM /;

/** Whether a vertex is an instruction of the Dockerfile. */
export function isInstruction(name: string): boolean {
  return INSTRUCTION.test(name);
}

/**
 * Reads BuildKit's plain progress, line by line.
 *
 * @see https://github.com/moby/buildkit/blob/v0.34.2/util/progress/progressui/printer.go
 */
export class BuildProgress {
  readonly #vertices = new Map<string, Vertex>();
  /** The vertex whose error is being read. Only the first line of an error has the number of the vertex. */
  #failing: Vertex | undefined;

  readLine(line: string): void {
    const [, id = '', text = ''] = /^#(\d+) (.*)$/.exec(line) ?? [];
    if (id === '') {
      if (/^-{6,}$|^\s*$/.test(line)) this.#failing = undefined;
      if (this.#failing) this.#failing.error += `\n${line}`;
      return;
    }
    this.#failing = undefined;
    const vertex = this.#vertices.get(id);
    if (vertex) this.#readUpdate(vertex, text);
    else {
      const started = { durationMs: 0, state: 'running', unpacked: false, error: '', output: [] } as const;
      this.#vertices.set(id, { ...started, name: text, output: [] });
    }
  }

  #readUpdate(vertex: Vertex, text: string): void {
    const done = /^DONE(?: ([\d.]+)s)?$/.exec(text);
    const [, error] = /^ERROR: (.*)$/.exec(text) ?? [];
    const [, written] = /^\d+\.\d+(?: (.*))?$/.exec(text) ?? [];
    if (done) {
      vertex.durationMs = Number(done[1] ?? 0) * 1000;
      if (vertex.state !== 'cached') vertex.state = 'done';
    } else if (text === 'CACHED') vertex.state = 'cached';
    else if (error !== undefined) {
      Object.assign(vertex, { state: 'failed', error });
      this.#failing = vertex;
    } else if (text.startsWith('extracting sha256:')) vertex.unpacked = true;
    // After a failure, BuildKit repeats the output of the step.
    else if (written !== undefined && vertex.state !== 'failed') keep(vertex.output, written);
  }

  /** The instructions of the Dockerfile that were completed or failed, in order. */
  get steps(): BuildStep[] {
    return [...this.#vertices.values()]
      .filter(({ name, state }) => isInstruction(name) && state !== 'running')
      .map((vertex) => ({ name: vertex.name, durationMs: vertex.durationMs, cached: isCached(vertex) }));
  }

  /**
   * The vertex that failed the build: the one whose error is part of the build's message. Others may have failed too, such
   * as the import of a cache that does not exist, which BuildKit tolerates.
   */
  failedFor(message: string): FailedVertex | undefined {
    const [vertex] = [...this.#vertices.values()]
      .filter(({ error }) => error !== '' && message.includes(error.trim()))
      .sort((a, b) => b.error.length - a.error.length);
    return vertex && { name: vertex.name, output: vertex.output.join('\n') };
  }
}

/** A step whose result is from a registry cache is reported as CACHED, as DONE after its layers, or as both. */
function isCached({ name, state, unpacked, output }: Vertex): boolean {
  const isRestored = unpacked && output.length === 0 && !BASE_IMAGE.test(name);
  return state === 'cached' || (state === 'done' && isRestored);
}

function keep(output: string[], line: string): void {
  output.push(line);
  if (output.length > KEPT_OUTPUT) output.shift();
}
