import type { Session } from '../../src/aws/session.ts';
import {
  type RestartRequest,
  type RollbackRequest,
  serviceContext,
  type ServiceRequest,
  type ServiceTarget,
} from '../../src/delivery/release/request.ts';
import { type RunRequest, runTask } from '../../src/delivery/one-off/run-task.ts';
import { registerOnly, type RevisionRequest } from '../../src/delivery/revision/register-revision.ts';
import { releaseService, restartService } from '../../src/delivery/release/release-service.ts';
import { rollbackService } from '../../src/delivery/release/rollback-service.ts';
import type { ServiceResult } from '../../src/delivery/release/result.ts';
import { serviceStatus } from '../../src/delivery/release/status.ts';
import type { Context } from '../../src/core/context.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { presentRollback, presentService } from '../../src/present/service.ts';

export type ServiceWork =
  | { command: 'deploy'; request: ServiceRequest }
  | { command: 'restart'; request: RestartRequest }
  | { command: 'run'; request: RunRequest }
  | { command: 'register'; request: RevisionRequest }
  | { command: 'rollback'; request: RollbackRequest }
  | { command: 'status'; request: ServiceTarget };

/** Runs the command and presents its result. */
export async function updateService(
  work: ServiceWork,
  session: Session,
  context: Context,
  env: NodeJS.ProcessEnv,
): Promise<Outcome> {
  const present = work.command === 'rollback' ? presentRollback : presentService;
  return present(await run(work, serviceContext(session, context, env)));
}

function run(work: ServiceWork, context: ReturnType<typeof serviceContext>): Promise<ServiceResult> {
  switch (work.command) {
    case 'deploy':
      return releaseService(context, work.request);
    case 'restart':
      return restartService(context, work.request);
    case 'run':
      return runTask(context, work.request);
    case 'register':
      return registerOnly(context, work.request);
    case 'rollback':
      return rollbackService(context, work.request);
    case 'status':
      return serviceStatus(context, work.request);
  }
}
