import { ecrClient } from '../../aws/clients.ts';
import { inParallel } from '../../core/concurrency.ts';
import { PlatformError, reasonOf } from '../../core/errors.ts';
import { copyImage, type CopyReport } from '../../images/registry/copy/copy-image.ts';
import { ecrStore } from '../../images/registry/copy/ecr-store.ts';
import { readManifest, readManifests } from '../../images/registry/manifest-reader.ts';
import { ecrRegistry, parseReference } from '../../images/registry/reference.ts';
import { findRepositories, type ImageRepository, type Repository } from '../../images/registry/repository.ts';
import {
  groupPlaces,
  placeIn,
  type PromotionContext,
  type PromotionEnvironment,
  type ServicePlace,
} from './environment.ts';
import type { Finding } from './request.ts';
import { plural } from '../../core/text.ts';

/** Repository that the tasks which run an image pull it from. */
export interface ImageSource {
  /** Registry and path, without tag and digest. */
  uri: string;
  /** Absent if the registry is not ECR: its images cannot be read or copied. */
  ecr?: ImageRepository;
}

/** Repository that the target's tasks pull an image from. */
export interface ImageTarget {
  /** Registry and path. */
  uri: string;
  /** The service's own repository, which the image is copied to. Absent if the tasks pull it from its source. */
  copy?: {
    repository: ImageRepository;
    present: boolean;
    /** The environment's tag, if the image does not have it yet. */
    tag?: string;
  };
}

/**
 * The repositories that services pull their images from, by service. ECR repositories are identified by name and may
 * be in another account or region. An endpoint other than AWS has its own host name, which its repositories share.
 *
 * @param references the images by service, as in their container definitions.
 */
export async function imageSources(
  references: ReadonlyMap<string, string>,
  environment: PromotionEnvironment,
): Promise<Map<string, ImageSource>> {
  const uris = [...references].map(([service, reference]) => [service, repositoryUri(reference)] as const);
  const unknown = uris.filter(([, uri]) => !isEcr(uri)).map(([service]) => service);
  const own = await ownRepositories(unknown, environment);
  const sources = uris.map(async ([service, uri]) => {
    const place = placeIn(environment, service);
    const ecr = await ecrRepository(uri, place, own.get(service));
    return [service, { uri, ...(ecr && { ecr }) }] as const;
  });
  return new Map(await Promise.all(sources));
}

/** An image reference without tag and digest. */
function repositoryUri(reference: string): string {
  return parseReference(reference)?.name ?? reference;
}

function isEcr(uri: string): boolean {
  return ecrRegistry(parseReference(uri)?.registry ?? '') !== undefined;
}

async function ecrRepository(
  uri: string,
  { context, session, region: here }: ServicePlace,
  own: Repository | undefined,
): Promise<ImageRepository | undefined> {
  const { registry, path } = parseReference(uri) ?? { registry: '', path: '' };
  const region = ecrRegistry(registry)?.region;
  if (region === undefined && (!own || parseReference(own.uri)?.registry !== registry)) return undefined;
  const name = own && uri.endsWith(`/${own.name}`) ? own.name : path;
  const isHere = region === undefined || region === here;
  return {
    client: isHere ? await context.ecr() : await ecrClient({ ...session, region }, context),
    name,
    uri,
  };
}

/** The image to deploy to a service of the target. */
export interface ReleasedImage {
  service: string;
  digest: string;
  source: ImageSource;
  target: ImageTarget;
}

type Candidate = Omit<ReleasedImage, 'target'>;

const IMAGES_AT_ONCE = 8;

/** Where the target's tasks will pull each image from, by service, or a finding if they cannot. */
export async function imageTargets(
  candidates: readonly Candidate[],
  target: PromotionEnvironment,
): Promise<Map<string, ImageTarget | Finding>> {
  return await findTargets(candidates, target, async (candidate, repository) => {
    const { repository: wanted } = placeIn(target, candidate.service);
    return wanted.kind === 'shared'
      ? sharedTarget(candidate, wanted.uri, target)
      : await ownTarget(candidate, repository, target);
  });
}

/** Where the target's tasks pull earlier images from, by service, or a finding if they no longer can. */
export async function earlierTargets(
  candidates: readonly Candidate[],
  target: PromotionEnvironment,
): Promise<Map<string, ImageTarget | Finding>> {
  return await findTargets(candidates, target, (candidate, repository) =>
    earlierTarget(candidate, repository, target),
  );
}

/** @param find receives the service's own repository, if it has one. */
async function findTargets(
  candidates: readonly Candidate[],
  target: PromotionEnvironment,
  find: (candidate: Candidate, repository: Repository | undefined) => Promise<ImageTarget | Finding>,
): Promise<Map<string, ImageTarget | Finding>> {
  const services = candidates.map(({ service }) => service);
  const repositories = await ownRepositories(services, target);
  const targets = new Map<string, ImageTarget | Finding>();
  await inParallel(candidates, IMAGES_AT_ONCE, async (candidate) => {
    targets.set(candidate.service, await find(candidate, repositories.get(candidate.service)));
  });
  return targets;
}

function sharedTarget(
  { service, source }: Candidate,
  uri: string,
  target: PromotionEnvironment,
): ImageTarget | Finding {
  if (isSameRepository(source.uri, uri)) return { uri };
  return {
    gate: 'target',
    message: `The tasks of ${service} in ${target.name} pull from ${uri}, but the image that runs upstream is in ${source.uri}`,
    fix: `Deploy ${service} upstream from ${uri}, or set an ECR repository for it in ${target.name}, which images are then copied to.`,
  };
}

/** `nginx` is `docker.io/library/nginx`. */
function isSameRepository(one: string, other: string): boolean {
  const [a, b] = [parseReference(one), parseReference(other)];
  return a !== undefined && a.registry === b?.registry && a.path === b.path;
}

async function ownTarget(
  { service, digest, source }: Candidate,
  repository: Repository | undefined,
  target: PromotionEnvironment,
): Promise<ImageTarget | Finding> {
  const place = placeIn(target, service);
  if (!repository) {
    return {
      gate: 'target',
      message: `The repository ${repositoryName(place)} does not exist in the account of ${target.name}`,
      fix: 'Create it first. deploy-environment creates the repositories of services with a stack.',
    };
  }
  if (!source.ecr) {
    return {
      gate: 'target',
      message: `The image of ${service} that runs upstream is in ${source.uri}, but only images in ECR are copied`,
      fix: `Set the repository of ${service} in ${target.name} to ${source.uri}, which its tasks then pull from.`,
    };
  }
  const own = { client: await place.context.ecr(), name: repository.name, uri: repository.uri };
  const found = await findImage(own, digest, environmentTag(target, repository), place.context);
  return { uri: own.uri, copy: { repository: own, ...found } };
}

async function earlierTarget(
  { service, digest, source: { uri, ecr } }: Candidate,
  own: Repository | undefined,
  target: PromotionEnvironment,
): Promise<ImageTarget | Finding> {
  // The release checks whether another repository has the image, if it can be read.
  if (!ecr || own?.uri !== uri) return { uri };
  const { context } = placeIn(target, service);
  const found = await findImage(ecr, digest, environmentTag(target, own), context);
  if (found.present) return { uri, copy: { repository: ecr, ...found } };
  const message = `The previous image of ${service}, ${digest}, is no longer in ${ecr.name}`;
  return { gate: 'target', message, fix: 'Promote or deploy another image.' };
}

/**
 * Looks an image up in a repository.
 *
 * @param wanted the tag that it should have.
 * @returns the image, with the wanted tag if the image does not have it yet.
 */
async function findImage(
  repository: ImageRepository,
  digest: string,
  wanted: string | undefined,
  context: PromotionContext,
): Promise<{ present: boolean; tag?: string }> {
  const ids = [{ imageDigest: digest }, ...(wanted === undefined ? [] : [{ imageTag: wanted }])];
  const found = (await readManifests(repository, ids, context)).filter(
    ({ manifest }) => manifest.digest === digest,
  );
  const isTagged = found.some(({ tag }) => tag === wanted);
  return { present: found.length > 0, ...(wanted !== undefined && !isTagged && { tag: wanted }) };
}

/** The repositories in the services' own accounts, by service, without those that do not exist. */
async function ownRepositories(
  services: readonly string[],
  environment: PromotionEnvironment,
): Promise<Map<string, Repository>> {
  const own = services.filter((service) => placeIn(environment, service).repository.kind === 'own');
  const groups = groupPlaces(environment, own);
  const found = await Promise.all(
    groups.map((group) => findOwn(group.services, group.place.context, environment)),
  );
  return new Map(found.flat());
}

async function findOwn(
  services: readonly string[],
  context: PromotionContext,
  environment: PromotionEnvironment,
): Promise<[string, Repository][]> {
  const names = new Map(services.map((service) => [service, repositoryName(placeIn(environment, service))]));
  const found = await findRepositories(await context.ecr(), [...new Set(names.values())], context);
  return [...names].flatMap(([service, name]) => {
    const repository = found.get(name);
    return repository ? [[service, repository] as [string, Repository]] : [];
  });
}

function repositoryName({ repository }: ServicePlace): string {
  return repository.kind === 'own' ? repository.name : repository.uri;
}

/**
 * The tag that marks the image that an environment runs and keeps it from expiring. Undefined if tags are immutable,
 * because it could not move to the next image.
 */
function environmentTag(
  { name }: PromotionEnvironment,
  { isImmutable }: Pick<Repository, 'isImmutable'>,
): string | undefined {
  const tag = `env-${name}`;
  return isImmutable(tag) ? undefined : tag;
}

const COPIES_AT_ONCE = 3;

/** Copies all images to the target. No service changes before all of them are there. */
export async function copyImages(
  images: readonly ReleasedImage[],
  target: PromotionEnvironment,
): Promise<Map<string, CopyReport>> {
  const reports = new Map<string, CopyReport>();
  await inParallel(images, COPIES_AT_ONCE, async ({ service, digest, source, target: { copy } }) => {
    if (!source.ecr || !copy) return;
    const { context } = placeIn(target, service);
    const report = await copyImage(source.ecr, copy.repository, digest, context, copy.present);
    reports.set(service, report);
    for (const note of report.notes) context.log.info(`${service}: ${note}`);
    const moved = `${plural(report.copiedBlobs, 'blob')} copied, ${report.mountedBlobs} mounted, ${report.presentBlobs} already there`;
    context.log.info(`${service}: ${digest}: ${report.state === 'copied' ? moved : report.state}.`);
  });
  return reports;
}

/**
 * Sets the environment's tag on the images that run there now.
 *
 * @returns one sentence for each image that could not be tagged. This is not a failure, because the services run.
 */
export async function tagImages(
  images: readonly ReleasedImage[],
  target: PromotionEnvironment,
): Promise<string[]> {
  const notes: string[] = [];
  await inParallel(images, COPIES_AT_ONCE, async ({ service, digest, target: { copy } }) => {
    if (copy?.tag === undefined) return;
    const { repository, tag } = copy;
    const { context } = placeIn(target, service);
    try {
      const manifest = await readManifest(repository, digest, context);
      if (!manifest) throw new PlatformError('not-found', `the image is not in ${repository.name}`);
      await ecrStore(repository, context).putManifest(manifest, tag);
    } catch (error) {
      context.signal.throwIfAborted();
      notes.push(`Failed to set the tag ${tag} on the image of ${service}: ${reasonOf(error)}.`);
    }
  });
  return notes;
}
