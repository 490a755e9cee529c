import type { ServiceContext } from './context.ts';
import type { ServiceReport } from './report.ts';
import type { RollbackRequest, ServiceRequest, ServiceTarget } from './request.ts';

/** Releases one service: checks, pre-deploy, rollout, smoke test, rollback, ledger. Never throws: the report tells. */
export function releaseService(context: ServiceContext, request: ServiceRequest): Promise<ServiceReport> {
  return Promise.resolve(notYet(context, request));
}

/** Takes a service back to what ran before, and follows that to its end. Never throws. */
export function rollbackService(context: ServiceContext, request: RollbackRequest): Promise<ServiceReport> {
  return Promise.resolve(notYet(context, request));
}

/** Tells what a service runs, and changes nothing. Never throws. */
export function serviceStatus(context: ServiceContext, request: ServiceTarget): Promise<ServiceReport> {
  return Promise.resolve(notYet(context, request));
}

function notYet({ region }: ServiceContext, { cluster, service }: ServiceTarget): ServiceReport {
  return {
    cluster,
    service,
    region,
    digests: {},
    changes: [],
    findings: [],
    timeline: [],
    durationMs: 0,
    notes: [],
    verdict: 'failed',
    ok: false,
    reason: 'update-service cannot do this yet. Nothing was changed.',
  };
}
