/** One step of a build, as BuildKit tells it. */
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
/** What BuildKit does besides the Dockerfile's own instructions. */
const INTERNAL = /^\[(?:internal|auth)\]/;

/** Reads BuildKit's plain progress, line by line. */
export class BuildProgress {
  readonly #vertices = new Map<string, Vertex>();

  take(line: string): void {
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
    // What comes after a failure is BuildKit's own repetition.
    else if (vertex.state !== 'failed') keep(vertex.output, said);
  }

  /** The Dockerfile's instructions that were reached, in their order. */
  get steps(): BuildStep[] {
    return [...this.#vertices.values()]
      .filter(({ name, state }) => name.startsWith('[') && !INTERNAL.test(name) && state !== 'running')
      .map(({ name, durationMs, state }) => ({ name, durationMs, cached: state === 'cached' }));
  }

  /** The step that has failed, with the last lines of what it wrote. */
  get failed(): { name: string; output: string } | undefined {
    const vertex = [...this.#vertices.values()].find(({ state }) => state === 'failed');
    return vertex && { name: vertex.name, output: vertex.output.join('\n') };
  }

  /** Whether all was built, and what went wrong, if anything did, was bringing it to the registry. */
  get exporting(): boolean {
    return [...this.#vertices.values()].some(
      ({ name, state }) => /^(?:exporting to|pushing)/.test(name) && state !== 'cached',
    );
  }
}

/** Without the time in front of each line, and without the digest that old versions print first. */
function keep(output: string[], said: string): void {
  if (/^sha256:[0-9a-f]{64}$/.test(said)) return;
  output.push(said.replace(/^\d+\.\d+ ?/, ''));
  if (output.length > KEPT_OUTPUT) output.shift();
}
