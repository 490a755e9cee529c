import { ledgerNames } from '../../delivery/ledger.ts';
import type { ServiceRequest } from '../../delivery/release/request.ts';
import { sourceOfRun } from '../../delivery/source.ts';
import type { Service } from '../manifest/manifest.ts';
import { approvalsIn, type EnvironmentContext, type EnvironmentRequest } from '../run/context.ts';
import { smokeTestOf } from '../run/targets.ts';

/** A service, and its location in ECS. */
interface ReleasedService extends Pick<Service, 'name' | 'preDeploy' | 'smokeTest'> {
  /** Name or ARN. */
  cluster: string;
  /** Name of the ECS service. */
  service: string;
  /** The container that runs the image. Absent: the main container. */
  container?: string;
}

/** The request to release an image to a service, for a run on an environment. */
export function serviceRequest(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  released: ReleasedService,
  image: string,
): ServiceRequest {
  const { github, commit } = context;
  const { manifest, choice, timeoutMs, lockMs, bypassReason: bypass } = request;
  const { name, cluster, service, container, preDeploy } = released;
  const environment = choice.environment.name;
  const smokeTest = smokeTestOf(choice.environment, released.smokeTest);
  return {
    cluster,
    service,
    wait: true,
    timeoutMs,
    onFailure: 'rollback',
    ledger: ledgerNames({ project: manifest.project, environment, service: name }),
    lockWaitMs: lockMs,
    origin: {
      source: sourceOfRun(github, commit),
      run: github.runUrl,
      actor: github.actor,
      ...approvalsIn(context),
      from: '',
      ...(bypass !== undefined && { bypass }),
    },
    order: request.order,
    source: { kind: 'service' },
    changes: { image, images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    ...(container !== undefined && { container }),
    ...(preDeploy && { preDeploy }),
    ...(smokeTest && { smokeTest }),
  };
}
