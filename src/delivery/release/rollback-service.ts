import type { Service } from '@aws-sdk/client-ecs';
import { findService } from '../../ecs/find-service.ts';
import { requireEcsController } from '../../ecs/service.ts';
import { readTaskDefinition, revisionsOf } from '../../ecs/task-definition/revisions.ts';
import { factsOf, mainContainer } from '../../ecs/task-definition/changes.ts';
import { familyOf, revisionName } from '../../ecs/task-definition/task-definition.ts';
import { PlatformError } from '../../core/errors.ts';
import { releaseHistory } from '../ledger.ts';
import { runRelease } from './on-failure.ts';
import type { RollbackRequest, ServiceContext } from './request.ts';
import type { ServiceResult } from './result.ts';
import { releaseService } from './release-service.ts';
/** How many revisions are looked through for an image of the ledger. */
const LOOKED_THROUGH = 25;

/** Releases the revision that a service ran before. Never throws. */
export async function rollbackService(
  context: ServiceContext,
  request: RollbackRequest,
): Promise<ServiceResult> {
  return await runRelease(context, request, async (inner, release) => {
    const service = await findService(inner, request);
    requireEcsController(service);
    const to = request.to ?? (await previousRelease(inner, request, service));
    if (to === undefined) {
      const why = request.ledger
        ? 'the ledger and the service have no earlier release'
        : 'the service has no earlier revision';
      const reason = `There is nothing to go back to: ${why}. Nothing was changed.`;
      return release.end({ verdict: 'failed', reason });
    }
    inner.log.info(`Going back from ${revisionName(service.taskDefinition ?? '')} to ${revisionName(to)}.`);
    return await releaseService(context, {
      ...request,
      source: { kind: 'revision', revision: to },
      changes: { images: {}, environment: {}, secrets: {}, environmentMode: 'merge' },
    });
  });
}

/** The revision with the ledger's last image but one; without a ledger, the newest older revision of the family. */
async function previousRelease(
  context: ServiceContext,
  request: RollbackRequest,
  service: Service,
): Promise<string | undefined> {
  const current = service.taskDefinition ?? '';
  const revisions = await revisionsOf(context, familyOf(current));
  const others = revisions.filter((arn) => arn !== current);
  if (!request.ledger) return others.find((arn) => revisions.indexOf(arn) > revisions.indexOf(current));
  const [now, ...earlier] = await releaseHistory(context, request.ledger);
  const running = await imageOf(context, request, service, current);
  // After a deployment that was never recorded, the ledger's newest is what ran before.
  const wanted = now !== undefined && now.image !== running ? [now, ...earlier] : earlier;
  const images = wanted.map(({ image }) => image).filter((image) => image !== running);
  const [image] = images;
  if (image === undefined) return undefined;
  for (const arn of others.slice(0, LOOKED_THROUGH)) {
    if ((await imageOf(context, request, service, arn)) === image) return arn;
  }
  const reason = `none of the last ${LOOKED_THROUGH} revisions has the image ${image} that the ledger has`;
  throw new PlatformError('not-found', reason);
}

async function imageOf(
  context: ServiceContext,
  { service: name }: RollbackRequest,
  service: Service,
  revision: string,
): Promise<string> {
  const { definition } = await readTaskDefinition(context, revision);
  return mainContainer(definition, factsOf(service, name), 'image').image;
}
