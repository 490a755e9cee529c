import type { Sandbox } from '../../sandbox/index.ts';
import { createSession } from '../../src/aws/session.ts';
import type { ServiceContext, ServiceRequest } from '../../src/delivery/release/request.ts';
import { serviceContext } from '../../src/delivery/release/request.ts';
import { releaseService } from '../../src/delivery/release/release-service.ts';
import type { ServiceResult } from '../../src/delivery/release/result.ts';
import { contextOf } from '../unit/images/registry/context.ts';
import { CLUSTER, type EcsWorld, SERVICE } from '../unit/sandbox/ecs/ecs-world.ts';
import { fastClock } from './fast-clock.ts';
import { NEXT } from './service.ts';

/** A context for the library in this process, against a sandbox. `lines` has its log. */
function inProcess(
  { sandbox, client }: Pick<EcsWorld, 'client'> & { sandbox: Sandbox },
  scale: number,
  signal?: AbortSignal,
): ServiceContext & { lines: string[] } {
  process.env['AWS_ENDPOINT_URL'] = sandbox.url;
  const context = { ...contextOf(signal), clock: fastClock(scale) };
  const session = {
    ...createSession({ region: 'eu-west-1', context }),
    credentials: client.config.credentials,
  };
  return { ...serviceContext(session, context, { PATH: process.env['PATH'] }), lines: context.lines };
}

/** The request to release an image to the service of an EcsWorld. */
export function releaseRequest(image: string): ServiceRequest {
  return {
    cluster: CLUSTER,
    service: SERVICE,
    wait: true,
    timeoutMs: 10_000_000,
    onFailure: 'rollback',
    lockWaitMs: 0,
    origin: { run: '', actor: '', from: '' },
    source: { kind: 'service' },
    changes: { image, images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
  };
}

/** Starts a release of NEXT in this process. `lines` has its log so far. */
export function startRelease(
  world: EcsWorld,
  request: Partial<ServiceRequest> = {},
  scale = 40,
): { result: Promise<ServiceResult>; lines: string[] } {
  const context = inProcess(world, scale);
  const result = releaseService(context, { ...releaseRequest(NEXT), ...request });
  return { result, lines: context.lines };
}

/** Completes a release of NEXT. */
export async function release(
  ...given: Parameters<typeof startRelease>
): Promise<{ result: ServiceResult; lines: string[] }> {
  const { result, lines } = startRelease(...given);
  return { result: await result, lines };
}
