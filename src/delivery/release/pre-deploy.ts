import type { Service } from '@aws-sdk/client-ecs';
import { stopSignal } from '../../core/cancellation.ts';
import { stopTasks } from '../../ecs/one-off/one-off-task.ts';
import { placementOf } from '../../ecs/one-off/placement.ts';
import { describeService, targetTaskDefinition } from '../../ecs/service.ts';
import { applyChanges, factsOf, mainContainer } from '../../ecs/task-definition/changes.ts';
import { taskDefinitionDiff } from '../../ecs/task-definition/diff.ts';
import { readTaskDefinition, registerTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { type CommandEnd, runCommand } from '../one-off/run-command.ts';
import type { PreDeploy, ServiceContext, ServiceRequest } from './request.ts';
import { Release } from './release.ts';

/** The note about a pre-deploy command that was skipped. */
export function skippedPreDeploy({ command }: PreDeploy): string {
  return `Skipped the pre-deploy command ${command.join(' ')} because the service does not change. Set pre-deploy-when: always to run it every time.`;
}

/** Runs the command before the deployment. If it fails, the service must not be changed. */
export async function runPreDeploy(
  context: ServiceContext,
  release: Release,
  service: Service,
  command: readonly string[],
  run: {
    taskDefinition: string;
    definition: TaskDefinition;
    container: string | undefined;
    timeoutMs: number;
  },
): Promise<CommandEnd> {
  const { definition } = run;
  const facts = factsOf(service, release.report.service, run.container);
  return await runCommand(context, release, 'preDeploy', {
    ...run,
    command,
    container: mainContainer(definition, facts, 'pre-deploy').name,
    placement: placementOf(service, definition),
  });
}

/** Time limit in a cancelled job. */
const STOP_WITHIN_MS = 5000;

/** The result of the command, or success if there is none. */
type StackPreDeployEnd = { ok: true } | CommandEnd;

/**
 * Runs the pre-deploy command of a service whose stack rolls out the image: after the stack is created, because there
 * was no network to run it in before, and otherwise before the update, with the running task definition and the new
 * image. If the command cannot finish, its task is stopped.
 */
export async function runStackPreDeploy(
  context: ServiceContext,
  request: ServiceRequest,
): Promise<StackPreDeployEnd> {
  const { preDeploy, timeoutMs, container } = request;
  if (!preDeploy) return { ok: true };
  const service = await describeService(context, request);
  const running = await readTaskDefinition(
    context,
    targetTaskDefinition(service) ?? service.taskDefinition ?? '',
  );
  const definition = applyChanges(
    running.definition,
    request.changes,
    factsOf(service, request.service, request.container),
  );
  const isRunning = taskDefinitionDiff(running.definition, definition).length === 0;
  const taskDefinition = isRunning ? running.arn : await registerTaskDefinition(context, definition);
  const release = new Release(context, request);
  const run = { taskDefinition, definition, container, timeoutMs };
  try {
    return await runPreDeploy(context, release, service, preDeploy.command, run);
  } catch (error) {
    const { oneOff: started } = release.started;
    if (started) await stopTasks({ ...context, signal: stopSignal(STOP_WITHIN_MS) }, started);
    throw error;
  }
}
