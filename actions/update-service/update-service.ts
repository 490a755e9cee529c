import type { Session } from '../../src/aws/session.ts';
import {
  type RollbackRequest,
  serviceContext,
  type ServiceReport,
  type ServiceRequest,
  type ServiceTarget,
} from '../../src/delivery/release/request.ts';
import { releaseService } from '../../src/delivery/release/release-service.ts';
import { rollbackService } from '../../src/delivery/release/rollback-service.ts';
import { serviceStatus } from '../../src/delivery/release/status.ts';
import type { Context } from '../../src/core/context.ts';
import type { Outcome } from '../../src/core/outcome.ts';
import { serviceOutcome } from './outcome.ts';

export type ServiceWork =
  | { command: 'deploy'; request: ServiceRequest }
  | { command: 'rollback'; request: RollbackRequest }
  | { command: 'status'; request: ServiceTarget };

/** Does what the inputs ask for, and tells it. */
export async function updateService(
  work: ServiceWork,
  session: Session,
  context: Context,
  env: NodeJS.ProcessEnv,
): Promise<Outcome> {
  const report = await run(work, serviceContext(session, context, env));
  return serviceOutcome(report, context);
}

function run(work: ServiceWork, context: ReturnType<typeof serviceContext>): Promise<ServiceReport> {
  switch (work.command) {
    case 'deploy':
      return releaseService(context, work.request);
    case 'rollback':
      return rollbackService(context, work.request);
    case 'status':
      return serviceStatus(context, work.request);
  }
}
