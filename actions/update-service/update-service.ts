import type { Session } from '../../src/aws/session.ts';
import { serviceContext } from '../../src/release/service/context.ts';
import { releaseService } from '../../src/release/service/release-service.ts';
import { rollbackService } from '../../src/release/service/rollback-service.ts';
import { serviceStatus } from '../../src/release/service/service-status.ts';
import type { ServiceReport } from '../../src/release/service/report.ts';
import type { RollbackRequest, ServiceRequest, ServiceTarget } from '../../src/release/service/request.ts';
import type { Context } from '../../src/runtime/context.ts';
import type { Outcome } from '../../src/runtime/outcome.ts';
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
