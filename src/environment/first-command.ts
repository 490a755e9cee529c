import { stopTasks } from '../ecs/one-off-task.ts';
import { describeService, goalOf } from '../ecs/service.ts';
import { readTaskDefinition } from '../ecs/task-definitions.ts';
import { preDeploy } from '../release/service/pre-deploy.ts';
import { Release } from '../release/service/release.ts';
import type { ServiceRequest } from '../release/service/request.ts';
import type { EnvironmentContext } from './context.ts';

/** A cancelled job has seconds. */
const STOP_WITHIN_MS = 5000;

/**
 * Runs the pre-deploy command of a service that was just made, such as the first migration of its database: before
 * its stack was there, there was no network to run it in.
 *
 * @returns why it failed; undefined when all is well, or there is no command.
 */
export async function firstCommand(
  { services }: EnvironmentContext,
  request: ServiceRequest,
): Promise<string | undefined> {
  const { preDeploy: command, timeoutMs } = request;
  if (!command) return undefined;
  const service = await describeService(services, request);
  const { arn, definition } = await readTaskDefinition(
    services,
    goalOf(service) ?? service.taskDefinition ?? '',
  );
  const release = new Release(services, request);
  try {
    return await preDeploy(services, release, service, {
      command,
      taskDefinition: arn,
      definition,
      timeoutMs,
    });
  } catch (error) {
    const { preDeploy: begun } = release.begun;
    if (begun) await stopTasks({ ...services, signal: AbortSignal.timeout(STOP_WITHIN_MS) }, begun);
    throw error;
  }
}
