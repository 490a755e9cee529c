import { PlatformError } from '../../core/errors.ts';
import { outOf, sentence } from '../../core/text.ts';
import type { FollowedDeployment } from '../../ecs/deployment.ts';
import { type ProvenTasks, proveRunning } from '../../ecs/proof.ts';
import { TaskFailures } from '../../ecs/task-failures.ts';
import type { TaskDefinition } from '../../ecs/task-definition/task-definition.ts';
import { revisionName } from '../../ecs/task-definition/task-definition.ts';
import { indexMembership } from '../release/images.ts';
import { explainFailure, type Release } from '../release/release.ts';
import type { ServiceContext, ServiceRequest } from '../release/request.ts';
import type { ServiceResult } from '../release/result.ts';

/** Time reserved for the steps after the proof: the ledger, and a pending smoke test. */
const RESERVED_MS = 15_000;

/** The tasks that prove a release, or its result if it cannot be proven. */
export type ReleaseProof = { tasks: ProvenTasks; proven: boolean } | { ended: ServiceResult };

/**
 * Verifies a complete deployment by its tasks. With a desired count of 0, the release is complete but not proven,
 * unless tasks of the revision had failed before.
 *
 * @throws PlatformError as `proveRunning`; `tasks-failed` if the service was scaled to 0 after tasks had failed.
 */
export async function proveRelease(
  context: ServiceContext,
  release: Release,
  request: Pick<ServiceRequest, 'cluster' | 'service' | 'timeoutMs' | 'smokeTest'>,
  {
    deployment,
    definition,
    isNew,
  }: { deployment: FollowedDeployment; definition: TaskDefinition; isNew: boolean },
): Promise<ReleaseProof> {
  const { taskDefinition } = deployment;
  const name = revisionName(taskDefinition);
  const failures = release.failures ?? new TaskFailures(context, deployment, definition);
  const proof = await proveRunning(context, {
    cluster: request.cluster,
    service: request.service,
    taskDefinition,
    definition,
    indexMembership: (image, digest) => indexMembership(context, image, digest),
    waitMs: waitMs(context, release, request),
    ...(isNew && { failures }),
    ...(deployment.isRestart && { restart: deployment }),
  });
  if (proof.kind === 'superseded') {
    delete release.started.deployment;
    const other = revisionName(proof.taskDefinition);
    const reason = `Another deployment (${other}) started after the deployment of ${name} completed.`;
    return { ended: release.end({ verdict: 'superseded', reason }) };
  }
  const { tasks } = proof;
  release.report.digests = tasks.digests;
  for (const note of tasks.notes) release.addNote(note);
  if (tasks.wanted > 0) {
    if (tasks.tasks < tasks.wanted) release.warn(shortfall(request.service, tasks, name));
    return { tasks, proven: true };
  }
  const noTasks = `The desired count of ${request.service} is 0`;
  if (isNew) {
    await requireNoFailedTask(context, release, deployment, definition, failures);
    release.warn(
      `${noTasks}, so ${name} is not proven. Promotions and rollbacks skip this release until it has run a task.`,
    );
  } else release.addNote(`${noTasks}, so there is no task to verify.`);
  return { tasks, proven: false };
}

function shortfall(service: string, { tasks, wanted }: ProvenTasks, name: string): string {
  return `${service} runs ${outOf(tasks, wanted, 'task')} of ${name}. No task runs another revision; the missing tasks did not start within the timeout.`;
}

/** How long to wait for missing tasks, in milliseconds. */
function waitMs(
  { clock }: ServiceContext,
  release: Release,
  { timeoutMs, smokeTest }: Pick<ServiceRequest, 'timeoutMs' | 'smokeTest'>,
): number {
  const left = Math.max(0, release.startedAt + timeoutMs - clock.now());
  const test = smokeTest && !release.report.smokeTest ? smokeTest.timeoutMs : 0;
  return left - Math.min(left / 2, RESERVED_MS + test);
}

/** Scaling to 0 completes any deployment, so earlier task failures count. */
async function requireNoFailedTask(
  context: ServiceContext,
  release: Release,
  deployment: FollowedDeployment,
  definition: TaskDefinition,
  failures: TaskFailures,
): Promise<void> {
  await failures.update();
  if (!failures.onlyFailed) return;
  if (!release.report.failure) await explainFailure(context, release, deployment, definition);
  const cause = release.report.failure ? sentence(release.report.failure.cause) : '';
  throw new PlatformError(
    'tasks-failed',
    `The service was scaled to 0 after tasks of ${revisionName(deployment.taskDefinition)} failed and none became healthy. ${cause}`.trim(),
  );
}
