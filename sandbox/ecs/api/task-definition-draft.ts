import type { AwsError } from '../../protocols/service.ts';
import type { ContainerDefinition, Given } from '../model.ts';

/** Why a definition is refused, or undefined if it is valid. */
export type Problem = AwsError | undefined;

/** A task definition before its registration. */
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
