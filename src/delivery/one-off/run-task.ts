import { type PlacementChoice, placementOf, type TaskPlacement } from '../../ecs/one-off/placement.ts';
import { mainContainer } from '../../ecs/task-definition/changes.ts';
import { runRelease } from '../release/on-failure.ts';
import type { ServiceContext } from '../release/request.ts';
import type { ServiceResult } from '../release/result.ts';
import {
  type CheckedRevision,
  prepareRevision,
  type RevisionRequest,
} from '../revision/register-revision.ts';
import { runCommand } from './run-command.ts';

/** A command to run as a one-off task. */
export interface RunRequest extends RevisionRequest {
  command: readonly string[];
  placement: PlacementChoice;
}

/**
 * Runs a command as a one-off task of the service's task definition or a given one. The service does not change, so no
 * lock is taken, and holds and the order of releases do not apply. Never throws.
 */
export async function runTask(context: ServiceContext, request: RunRequest): Promise<ServiceResult> {
  const { command, timeoutMs } = request;
  const text = command.join(' ');
  return await runRelease(context, { ...request, what: `the command ${text}` }, async (inner, release) => {
    const prepared = await prepareRevision(inner, release, request, (revision) => placeOf(revision, request));
    if ('verdict' in prepared) return prepared;
    const { arn, definition } = prepared;
    release.stage = 'run';
    const ended = await runCommand(inner, release, 'run', {
      command,
      ...placeOf(prepared, request),
      taskDefinition: arn,
      definition,
      timeoutMs,
    });
    if (ended.ok)
      return release.end({ verdict: 'ran', reason: `${text} exited with code 0.`, run: ended.run });
    const reason = `The command ${text} failed: ${ended.reason}`;
    const { run, error } = ended;
    return release.end({ verdict: 'run-failed', reason, run, ...(error && { error }) });
  });
}

/** Finds the container and the placement of the task. @throws InputError */
function placeOf(
  { definition, facts, service }: CheckedRevision,
  { placement }: RunRequest,
): { container: string; placement: TaskPlacement } {
  return {
    container: mainContainer(definition, facts, 'run').name,
    placement: placementOf(service, definition, placement),
  };
}
