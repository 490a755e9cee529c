/** The builder: buildx with a driver, or docker without buildx. */
export type Driver = 'remote' | 'docker-container' | 'docker' | 'docker without buildx';

/** A real engine for a test file, with its own data. */
export interface Engine {
  readonly driver: Driver;
  /** Makes docker, and therefore the action, use it. The user's configuration is neither read nor written. */
  readonly env: Record<string, string>;
  /** Runs docker with this engine. Returns its output. */
  docker(...args: string[]): Promise<string>;
  /** The versions of all its programs. */
  version(): Promise<string>;
  /** Resets it: without any layer. */
  renew(): Promise<void>;
  /** Kills the builder like a crash. It cannot be used afterwards. */
  kill(): Promise<void>;
  /** Stops all its processes and removes its data. */
  stop(): Promise<void>;
}

export interface EngineOptions {
  /** The host of a registry that serves as mirror of Docker Hub. */
  mirror?: string;
}
