/** What builds: buildx with a driver, or docker without buildx. */
export type Driver = 'remote' | 'docker-container' | 'docker' | 'docker without buildx';

/** A real engine of one test file, with data of its own. */
export interface Engine {
  readonly driver: Driver;
  /** What makes docker, and so the action, use it: nothing of the user's own configuration is read or written. */
  readonly env: Record<string, string>;
  /** Runs docker with this engine; its output. */
  docker(...args: string[]): Promise<string>;
  /** Versions of all that takes part. */
  version(): Promise<string>;
  /** Makes it as new: without any layer. */
  renew(): Promise<void>;
  /** Kills what builds, as a crash does: it cannot be used any more. */
  kill(): Promise<void>;
  /** Ends all its processes and removes its data. */
  stop(): Promise<void>;
}

export interface EngineOptions {
  /** The host of a registry that BuildKit asks for the images of Docker Hub. */
  mirror?: string;
}
