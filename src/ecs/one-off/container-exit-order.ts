import type { Container } from '@aws-sdk/client-ecs';

/** Exit codes of a container that was killed or stopped: SIGKILL and SIGTERM. */
const STOP_EXIT_CODES = new Set([137, 143]);

/**
 * Determines which essential container of a task exited first and so ended the task. ECS does not report when
 * containers exited, so the states seen while the task stops decide, otherwise the exit codes. A container that was
 * stopped because another one exited may exit with 0, so the main container's exit code alone proves nothing.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html (essential)
 */
export class ContainerExitOrder {
  readonly #main: string;
  readonly #others: ReadonlySet<string>;
  #first: string | undefined;

  /** @param essential the names of all essential containers. */
  constructor(main: string, essential: readonly string[]) {
    this.#main = main;
    this.#others = new Set(essential.filter((name) => name !== main));
  }

  /** Records the current states of the task's containers. */
  observe(containers: readonly Container[]): void {
    const main = containers.find(({ name }) => name === this.#main);
    const others = containers.filter(({ name = '' }) => this.#others.has(name));
    const exited = others.find(({ lastStatus }) => lastStatus === 'STOPPED');
    if (main?.lastStatus === 'STOPPED') {
      if (others.some(({ lastStatus }) => lastStatus !== 'STOPPED')) this.#first ??= this.#main;
    } else if (main && exited) {
      this.#first ??= exited.name;
    }
  }

  /** The other container that exited first, or must be assumed to have; undefined if the main one did. */
  otherThatExitedFirst(containers: readonly Container[]): Container | undefined {
    if (this.#first === this.#main) return undefined;
    const others = containers.filter(({ name = '' }) => this.#others.has(name));
    const seen = others.find(({ name }) => name === this.#first);
    if (seen) return seen;
    const main = containers.find(({ name }) => name === this.#main);
    const mainFailed = (main?.exitCode ?? 0) !== 0 && !STOP_EXIT_CODES.has(main?.exitCode ?? 0);
    return mainFailed ? undefined : others.find(failed);
  }
}

function failed({ exitCode, reason = '' }: Container): boolean {
  return reason !== '' || (exitCode !== undefined && exitCode !== 0 && !STOP_EXIT_CODES.has(exitCode));
}
