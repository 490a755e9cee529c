import type { Severity } from '../ecr/scan.ts';
import type { Choice } from './choice.ts';
import type { EnvironmentContext } from './context.ts';
import type { Manifest } from './manifest.ts';

/** What a run on an environment is asked for. */
export interface EnvironmentRequest {
  manifest: Manifest;
  choice: Choice;
  /** A digest, or `repository@digest`, by service. */
  images: Readonly<Record<string, string>>;
  allowReplace: readonly string[];
  allowDelete: readonly string[];
  /** The mildest severity that blocks an image that is built. */
  scan: Severity | 'off';
  lockMs: number;
  timeoutMs: number;
  /** The environment that images are promoted from. Opened when it is asked for. */
  upstream?: { name: string; open: () => EnvironmentContext };
}
