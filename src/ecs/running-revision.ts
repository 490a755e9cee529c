import { PlatformError } from '../core/errors.ts';
import {
  describeService,
  type EcsContext,
  targetTaskDefinition,
  isSteady,
  type ServiceAddress,
} from './service.ts';
import { readTaskDefinition } from './task-definition/revisions.ts';
import { revisionName } from './task-definition/task-definition.ts';

/** The target revision of a service. */
export interface RunningRevision {
  /** `family:revision` */
  name: string;
  /** The images of its containers, as in the task definition. */
  images: readonly string[];
  /** Whether the service runs only this revision. */
  isSteady: boolean;
}

/** Reads the revision that a service runs; undefined if the service does not exist. */
export async function readRunningRevision(
  context: EcsContext,
  address: ServiceAddress,
): Promise<RunningRevision | undefined> {
  try {
    const service = await describeService(context, address);
    const { arn, definition } = await readTaskDefinition(context, targetTaskDefinition(service) ?? '');
    const images = definition.containerDefinitions.map(({ image }) => image);
    return { name: revisionName(arn), images, isSteady: isSteady(service) };
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'not-found') return undefined;
    throw error;
  }
}
