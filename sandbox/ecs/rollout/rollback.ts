import { stopStartingTasks, newDeployment } from './revisions.ts';
import { addEvent, type Deployment, type Revision, type ServiceDeployment, shiftsTraffic } from '../model.ts';
import { stopOtherDeployments, replaceTasks, scaleUp } from './rolling.ts';
import { newRollout, type Rollout, RolloutStop, setStatus } from './context.ts';
import { aliveTasks } from './scheduler.ts';
import { setProductionWeight, setTestTraffic } from './weights.ts';

const NO_CANDIDATE = 'No rollback candidate was found to run the rollback.';

/** Rolls the service back to the revision of the last completed deployment. */
export async function rollBack(failed: Rollout, reason: string): Promise<void> {
  const { record } = failed;
  const { service } = record;
  const candidate = service.lastGood;
  record.rollback = {
    reason,
    startedAt: failed.now(),
    ...(candidate && { serviceRevisionArn: candidate.arn }),
  };
  if (!candidate) {
    failed.deployment.wanted = 0;
    record.finishedAt = failed.now();
    setStatus(failed, 'ROLLBACK_FAILED', NO_CANDIDATE);
    return;
  }
  record.stop = new AbortController();
  const rollout = newRollout(record, returnTo(record, candidate), failed.actions);
  setStatus(rollout, 'ROLLBACK_IN_PROGRESS', reason);
  try {
    await restoreRevision(rollout);
    finish(rollout, 'ROLLBACK_SUCCESSFUL', reason);
    rollout.deployment.rolloutState = 'COMPLETED';
    addEvent(service, `(deployment ${rollout.deployment.id}) deployment completed.`);
    addEvent(service, 'has reached a steady state.');
  } catch (error) {
    if (!(error instanceof RolloutStop) || error !== rollout.signal.reason) throw error;
    giveUp(rollout, error);
  }
}

/** The rollback was stopped too: its tasks remain. */
function giveUp(rollout: Rollout, { why }: RolloutStop): void {
  const { deployment } = rollout;
  if (why === 'breaker') stopStartingTasks(rollout);
  deployment.rolloutState = 'FAILED';
  deployment.rolloutStateReason = `ECS deployment ${deployment.id} failed.`;
  const reason =
    why === 'breaker'
      ? 'The rollback failed because the circuit breaker threshold was exceeded.'
      : 'The rollback was stopped because a newer service deployment was started.';
  finish(rollout, 'ROLLBACK_FAILED', reason);
}

async function restoreRevision(rollout: Rollout): Promise<void> {
  if (!shiftsTraffic(rollout.record.service)) return replaceTasks(rollout);
  await scaleUp(rollout);
  setProductionWeight(rollout, 100);
  // AWS does not document where the test rule points after a rollback. Assumed: to the revision that serves.
  setTestTraffic(rollout);
  await stopOtherDeployments(rollout);
}

/** A new primary deployment of the old revision, including those of its tasks that still exist. */
function returnTo({ service }: ServiceDeployment, revision: Revision): Deployment {
  const deployment = newDeployment(service, revision);
  for (const task of service.tasks) {
    if (task.deployment?.revision === revision) task.deployment = deployment;
  }
  const before = service.deployments.filter((old) => old.revision !== revision);
  deployment.rolloutStateReason = `ECS deployment circuit breaker: rolling back to deploymentId ${deployment.id}.`;
  deployment.wanted = aliveTasks(deployment, service).length;
  // The failed deployment starts no more tasks.
  for (const old of before) Object.assign(old, { status: 'ACTIVE', wanted: aliveTasks(old, service).length });
  service.deployments = [deployment, ...before];
  addEvent(service, `rolling back to deployment ${deployment.id}.`);
  return deployment;
}

function finish(rollout: Rollout, status: 'ROLLBACK_SUCCESSFUL' | 'ROLLBACK_FAILED', reason: string): void {
  rollout.record.finishedAt = rollout.now();
  setStatus(rollout, status, reason);
}
