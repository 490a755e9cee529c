import { PlatformError } from '../core/errors.ts';
import { describeService, type EcsContext, goalOf, isSteady, type ServiceAddress } from './service.ts';
import { readTaskDefinition } from './task-definition/revisions.ts';
import { revisionName } from './task-definition/task-definition.ts';

/** The revision that a service works towards. */
export interface RunningRevision {
  /** `family:revision` */
  name: string;
  /** Of its containers, as the task definition names them. */
  images: readonly string[];
  /** Whether the service runs it, and nothing else. */
  isSteady: boolean;
}

/** Reads what a service runs; undefined when there is no such service. */
export async function readRunningRevision(
  context: EcsContext,
  address: ServiceAddress,
): Promise<RunningRevision | undefined> {
  try {
    const service = await describeService(context, address);
    const { arn, definition } = await readTaskDefinition(context, goalOf(service) ?? '');
    const images = definition.containerDefinitions.map(({ image }) => image);
    return { name: revisionName(arn), images, isSteady: isSteady(service) };
  } catch (error) {
    if (error instanceof PlatformError && error.code === 'not-found') return undefined;
    throw error;
  }
}
