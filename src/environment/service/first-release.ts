import {
  ledgerNames,
  type LedgerNames,
  type NewRelease,
  readRelease,
  recordRelease,
} from '../../delivery/ledger.ts';
import { upstreamRelease } from './upstream.ts';
import { type ReleaseSource, sourceOf, sourceOfRun } from '../../delivery/source.ts';
import { copyImage } from '../../images/registry/copy/copy-image.ts';
import { digestOfReference } from '../../images/registry/manifest.ts';
import { type ImageRepository, openRepository } from '../../images/registry/repository.ts';
import type { ExpectedSigner } from '../../images/signature/expected.ts';
import { requireSigned, requireSignedImage } from '../../images/signature/verify.ts';
import { ecrStore } from '../../images/registry/copy/ecr-store.ts';
import type { Service } from '../manifest/manifest.ts';
import { signerOf } from '../manifest/places.ts';
import { approvalsIn, type EnvironmentContext, type EnvironmentRequest } from '../run/context.ts';

/** The ledger parameters of a service in the request's environment. */
export function ledgerOf(
  { manifest, choice }: EnvironmentRequest,
  service: Pick<Service, 'name'>,
): LedgerNames {
  const { project } = manifest;
  return ledgerNames({ project, environment: choice.environment.name, service: service.name });
}

/**
 * Makes sure that the ledger has an image for a service that does not exist yet, because its stack reads the image
 * from there: the given image, otherwise the ledger's, otherwise the upstream environment's. A first release replaces
 * nothing, so it is recorded before it runs, as not proven.
 *
 * @param image full reference, `repository@digest`, of a given or built image.
 * @throws PlatformError if there is no image, or the given one does not exist.
 */
export async function firstRelease(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  image: string | undefined,
): Promise<NewRelease> {
  const names = ledgerOf(request, service);
  const known = await readRelease(context.services, names);
  if (known && (image === undefined || image === known.image)) return known;
  const signer = signerOf(request.choice.environment, service, context.workspace);
  const found =
    image === undefined || request.upstream
      ? await fromUpstream(context, request, service, image, signer)
      : directRelease(context, image);
  if (signer && !request.upstream) await requireSignedImage(found.image, signer, context.services);
  const release: NewRelease = {
    ...found,
    proven: false,
    ...(service.preDeploy && { preDeploy: 'pending' }),
  };
  await recordRelease(context.services, names, release);
  context.log.info(`Recorded ${release.image} as the first image of ${service.name}.`);
  return release;
}

function directRelease(
  context: EnvironmentContext,
  image: string,
  source: ReleaseSource = sourceOfRun(context.github, context.commit),
): NewRelease {
  const { runUrl: run, actor } = context.github;
  const at = new Date(context.clock.now()).toISOString();
  return { ...source, image, proven: true, run, actor, ...approvalsIn(context), at, from: '' };
}

/** The given image, otherwise the upstream environment's image, copied into this account by digest. */
async function fromUpstream(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  service: Service,
  image: string | undefined,
  signer: ExpectedSigner | undefined,
): Promise<NewRelease> {
  const { name } = service;
  const { source, release: upstreamRecord, upstream } = await upstreamRelease(request, name);
  const target = await serviceRepository(context, service);
  const digest = digestOfReference(image ?? upstreamRecord.image);
  const repository = await serviceRepository(source, service);
  if (signer) await requireSigned(ecrStore(repository, context), digest, signer, context);
  const report = await copyImage(repository, target, digest, context);
  for (const note of report.notes) context.log.info(`${name}: ${note}`);
  context.log.info(`${digest} of ${upstream} was ${report.state} in ${service.repository}.`);
  const origin = digest === digestOfReference(upstreamRecord.image) ? sourceOf(upstreamRecord) : undefined;
  return { ...directRelease(context, `${target.uri}@${digest}`, origin), from: upstream };
}

/** The service's repository in a context's account. */
export async function serviceRepository(
  { services, signal, log }: EnvironmentContext,
  { repository }: Pick<Service, 'repository'>,
): Promise<ImageRepository> {
  const client = await services.ecr();
  const { name, uri } = await openRepository(client, repository, { create: false }, { signal, log });
  return { client, name, uri };
}
