import type { BuildRequest } from '../../docker/request.ts';
import type { Severity } from '../../ecr/scan.ts';

/** What build-push-image is asked for. */
export interface ImageRequest {
  /** The repository's name. */
  repository: string;
  region: string;
  /** At least one. */
  tags: readonly string[];
  source: { kind: 'build'; build: BuildRequest } | { kind: 'layout'; path: string };
  createRepository: boolean;
  /** Whether an image of the same content serves as well. */
  reuse: boolean;
  /** The mildest severity that blocks. */
  scan: Severity | 'off';
  timeoutMs: number;
}
