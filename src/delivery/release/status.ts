import { findService } from '../../ecs/find-service.ts';
import { isSteady, primaryDeployment } from '../../ecs/service.ts';
import { revisionName } from '../../ecs/task-definition/task-definition.ts';
import { readTaskDefinition } from '../../ecs/task-definition/revisions.ts';
import { runRelease } from './on-failure.ts';
import type { ServiceContext, ServiceTarget } from './request.ts';
import type { ServiceResult } from './result.ts';
import { proveRelease } from '../rollout/prove-release.ts';
import { outOf } from '../../core/text.ts';

/**
 * Reports what a service runs: `reported` if it is steady and proven, otherwise `failed`. Changes nothing; never
 * throws.
 */
export async function serviceStatus(context: ServiceContext, target: ServiceTarget): Promise<ServiceResult> {
  return await runRelease(context, target, async (inner, release) => {
    const service = await findService(inner, target);
    const arn = service.taskDefinition ?? '';
    const name = revisionName(arn);
    release.setTaskDefinition(arn);
    release.report.strategy = service.deploymentConfiguration?.strategy ?? 'ROLLING';
    const primary = primaryDeployment(service);
    if (!isSteady(service)) {
      const { runningCount = 0, desiredCount = 0 } = service;
      const state =
        primary?.rolloutState === undefined ? '' : `, and its deployment is ${primary.rolloutState}`;
      const reason = `${name} is not steady: ${outOf(runningCount, desiredCount, 'task')} running${state}.`;
      return release.end({ verdict: 'failed', reason });
    }
    const { definition } = await readTaskDefinition(inner, arn);
    const proof = await proveRelease(inner, release, target, {
      deployment: { ...target, id: '', taskDefinition: arn, previous: '' },
      definition,
      isNew: false,
    });
    if ('ended' in proof) return proof.ended;
    const { tasks, wanted } = proof.tasks;
    const reason = `${name} serves with ${outOf(tasks, wanted, 'task')}.`;
    return release.end({ verdict: 'reported', reason, taskDefinition: name });
  });
}
