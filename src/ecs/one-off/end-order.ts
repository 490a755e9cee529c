import type { Container } from '@aws-sdk/client-ecs';

/** Exit codes of a container that was stopped from outside: SIGKILL and SIGTERM. */
const STOPPED_FROM_OUTSIDE = new Set([137, 143]);

/**
 * Finds out which essential container of a task ended first, and so ended the task. ECS gives no times of containers:
 * what is seen while the task stops decides, and else the exit codes. A container that was stopped because another
 * one ended may well exit with 0, so the exit code of the main container alone proves nothing.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html (essential)
 */
export class EndOrder {
  readonly #main: string;
  readonly #others: ReadonlySet<string>;
  #first: string | undefined;

  /** @param essential the names of all essential containers. */
  constructor(main: string, essential: readonly string[]) {
    this.#main = main;
    this.#others = new Set(essential.filter((name) => name !== main));
  }

  /** Looks at the containers of a task that still exists. */
  see(containers: readonly Container[]): void {
    const main = containers.find(({ name }) => name === this.#main);
    const others = containers.filter(({ name = '' }) => this.#others.has(name));
    const ended = others.find(({ lastStatus }) => lastStatus === 'STOPPED');
    if (main?.lastStatus === 'STOPPED') {
      if (others.some(({ lastStatus }) => lastStatus !== 'STOPPED')) this.#first ??= this.#main;
    } else if (main && ended) {
      this.#first ??= ended.name;
    }
  }

  /** The other container that ended first, or that must be taken to have; undefined when the main one did. */
  otherFirst(containers: readonly Container[]): Container | undefined {
    if (this.#first === this.#main) return undefined;
    const others = containers.filter(({ name = '' }) => this.#others.has(name));
    const seen = others.find(({ name }) => name === this.#first);
    if (seen) return seen;
    const main = containers.find(({ name }) => name === this.#main);
    const mainFailed = (main?.exitCode ?? 0) !== 0 && !STOPPED_FROM_OUTSIDE.has(main?.exitCode ?? 0);
    return mainFailed ? undefined : others.find(failed);
  }
}

function failed({ exitCode, reason = '' }: Container): boolean {
  return reason !== '' || (exitCode !== undefined && exitCode !== 0 && !STOPPED_FROM_OUTSIDE.has(exitCode));
}
