import type { AwsError } from '../../protocols/service.ts';
import type { ContainerDefinition, Given } from '../model.ts';

/** Why a definition is refused; undefined where it is not. */
export type Problem = AwsError | undefined;

/** A task definition before it is registered. */
export interface Draft {
  family: string;
  containers: readonly ContainerDefinition[];
  given: Given;
  /** Whether an image is in ECR. */
  isInEcr: (image: string) => boolean;
}

export function networkMode(given: Given): unknown {
  return given['networkMode'] ?? 'bridge';
}
