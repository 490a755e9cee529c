import { releaseService } from './release-service.ts';
import type { RestartRequest, ServiceContext } from './request.ts';
import type { ServiceResult } from './result.ts';

/**
 * Starts all tasks of a service again, of the revision that it runs: they read rotated secrets, and pull what a tag
 * outside ECR points to now. It waits for the service's lock as a release does, and the ledger keeps its release. Never
 * throws.
 */
export async function restartService(
  context: ServiceContext,
  request: RestartRequest,
): Promise<ServiceResult> {
  return await releaseService(context, {
    ...request,
    source: { kind: 'current' },
    changes: { images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    forceNewDeployment: true,
    isUnrecorded: true,
  });
}
