import type { ECRClient, Repository as EcrRepository } from '@aws-sdk/client-ecr';
import { isNotFound } from '../../aws/errors.ts';
import { send } from '../../aws/send.ts';
import { inParallel } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import { registryAccess, registryPassword } from './authorization.ts';
import { DigestMismatchError, RegistryClient } from './client.ts';
import {
  allAttachmentsOf,
  attachmentsOf,
  type FoundManifest,
  moveBlobs,
  type MovedBlobs,
  putManifestTo,
  readManifestOf,
  readManifests,
  withChildren,
} from './copy-content.ts';
import type { Manifest } from './manifest.ts';
import { type Repository, repositoryFrom } from './repository.ts';

const PUTS_AT_ONCE = 6;

/** What the copy of one image has moved. */
export interface CopyReport extends MovedBlobs {
  digest: string;
  /** `same`: both names are one repository. `present`: the target had all of it. */
  state: 'copied' | 'present' | 'same';
  /** Manifests that were put: the image's, its platforms', and what refers to them. */
  manifests: number;
  /** Signatures, SBOMs and attestations that refer to the image, as far as they were copied. */
  attachments: number;
  /** Tags that the image got. */
  tags: string[];
}

/** Tags that say what runs where, or are a build's own matter; they are not the image's for ever. */
const MOVABLE = /^(?:env-|cache-|content-|latest$)/;
const NOTHING: MovedBlobs = {
  copiedBlobs: 0,
  copiedBytes: 0,
  mountedBlobs: 0,
  presentBlobs: 0,
  presentBytes: 0,
};

/**
 * Copies an image by its exact manifest: blobs that are missing, then the images of an index, then the index with
 * its tags, then signatures and SBOMs. Whatever can be seen in the target is complete. At the end the target
 * gives the image back, and its digest must be the one that was asked for.
 *
 * @throws Error when the source does not have the image, or a repository refuses.
 */
export async function copyImage(
  source: ImagePlace,
  target: ImagePlace,
  digest: string,
  context: CopyContext,
): Promise<CopyReport> {
  const there = (await readManifestOf(target, digest, context)) !== undefined;
  return copyImageUnless(there, source, target, digest, context);
}

/** The same for whoever knows already whether the target has the image. */
export async function copyImageUnless(
  there: boolean,
  source: ImagePlace,
  target: ImagePlace,
  digest: string,
  context: CopyContext,
): Promise<CopyReport> {
  const nothing = { digest, ...NOTHING, manifests: 0, attachments: 0, tags: [] };
  if (source.uri === target.uri) {
    if (!there) throw missing(source, digest);
    return { ...nothing, state: 'same' };
  }
  return there
    ? copyNewAttachments(source, target, nothing, context)
    : copyAll(source, target, digest, context);
}

async function copyAll(
  source: ImagePlace,
  target: ImagePlace,
  digest: string,
  context: CopyContext,
): Promise<CopyReport> {
  const root = await readManifestOf(source, digest, context);
  if (!root) throw missing(source, digest);
  const image = await withChildren(source, root, context);
  const digests = image.map((manifest) => manifest.digest);
  // What belongs to the image is looked up while its layers are on their way.
  const [moved, attached, tags] = await Promise.all([
    moveBlobs(source, target, image, context),
    allAttachmentsOf(source, digests, context),
    permanentTags(source, target, digest, context),
  ]);
  const parts = await partsOf(source, attached, context);
  if (parts.length > 0) add(moved, await moveBlobs(source, target, parts, context));
  await putAll(target, image.slice(0, -1), context);
  for (const tag of tags) await putManifestTo(target, root, tag, context);
  await putAttached(target, attached, parts, context);
  await requireSame(target, digest, context);
  const manifests = image.length + parts.length;
  return { digest, state: 'copied', ...moved, manifests, attachments: attached.length, tags };
}

function add(sum: MovedBlobs, more: MovedBlobs): void {
  sum.copiedBlobs += more.copiedBlobs;
  sum.copiedBytes += more.copiedBytes;
  sum.mountedBlobs += more.mountedBlobs;
  sum.presentBlobs += more.presentBlobs;
  sum.presentBytes += more.presentBytes;
}

/** The image is there. What was signed or attested since it was copied comes after it. */
async function copyNewAttachments(
  source: ImagePlace,
  target: ImagePlace,
  nothing: Omit<CopyReport, 'state'>,
  context: CopyContext,
): Promise<CopyReport> {
  const known = async (digests: readonly string[]): Promise<Set<string>> => {
    const ids = digests.map((imageDigest) => ({ imageDigest }));
    return new Set((await readManifests(target, ids, context)).map(({ manifest }) => manifest.digest));
  };
  const fresh = await attachmentsOf(source, [nothing.digest], known, context);
  if (fresh.length === 0) return { ...nothing, state: 'present' };
  const parts = await partsOf(source, fresh, context);
  const moved = await moveBlobs(source, target, parts, context);
  await putAttached(target, fresh, parts, context);
  return { ...nothing, ...moved, state: 'copied', manifests: parts.length, attachments: fresh.length };
}

/** The manifests of attachments and what is below them, which is mostly nothing. */
async function partsOf(
  source: ImagePlace,
  attached: readonly FoundManifest[],
  context: CopyContext,
): Promise<Manifest[]> {
  const all = await Promise.all(attached.map(({ manifest }) => withChildren(source, manifest, context)));
  return [...new Map(all.flat().map((manifest) => [manifest.digest, manifest])).values()];
}

async function putAttached(
  target: ImagePlace,
  attached: readonly FoundManifest[],
  parts: readonly Manifest[],
  context: CopyContext,
): Promise<void> {
  const tagOf = new Map(attached.map(({ manifest, tag }) => [manifest.digest, tag]));
  for (const part of parts) await putManifestTo(target, part, tagOf.get(part.digest), context);
}

/** Puts images before the indexes that name them; the order of `withChildren` has each after its parts. */
async function putAll(
  target: ImagePlace,
  manifests: readonly Manifest[],
  context: CopyContext,
): Promise<void> {
  const images = manifests.filter(({ kind }) => kind === 'image');
  await inParallel(images, PUTS_AT_ONCE, (manifest) => putManifestTo(target, manifest, undefined, context));
  for (const manifest of manifests) {
    if (manifest.kind === 'index') await putManifestTo(target, manifest, undefined, context);
  }
}

/**
 * The tags that the image keeps: its own from the source, as far as they are free in the target. One it must have:
 * what has no tag expires, and could not be rolled back to.
 */
async function permanentTags(
  source: ImagePlace,
  target: ImagePlace,
  digest: string,
  context: CopyContext,
): Promise<string[]> {
  const { DescribeImagesCommand } = await import('@aws-sdk/client-ecr');
  const imageIds = [{ imageDigest: digest }];
  const command = new DescribeImagesCommand({ ...repositoryOf(source), imageIds });
  const { imageDetails = [] } = await send(source.client, command, context);
  const own = (imageDetails[0]?.imageTags ?? []).filter((tag) => !MOVABLE.test(tag));
  const ids = own.map((imageTag) => ({ imageTag }));
  const taken = new Set((await readManifests(target, ids, context)).map(({ tag }) => tag));
  const free = own.filter((tag) => !taken.has(tag));
  return free.length > 0 ? free : [`release-${digest.slice('sha256:'.length, 'sha256:'.length + 16)}`];
}

async function requireSame(target: ImagePlace, digest: string, context: CopyContext): Promise<void> {
  if (await readManifestOf(target, digest, context)) return;
  throw new DigestMismatchError(`${target.name} does not give back ${digest}, which was copied to it`);
}

function missing({ name }: ImagePlace, digest: string): Error {
  return new Error(`The image ${digest} is not in the repository ${name} that it should be copied from`);
}

/** A repository to copy from or to. */
export interface ImagePlace {
  client: ECRClient;
  /** The repository's name. */
  name: string;
  /** Host and path, as images are named: `111111111111.dkr.ecr.eu-west-1.amazonaws.com/shop/app`. */
  uri: string;
}

/** What a copy works with. */
export type CopyContext = Pick<Context, 'clock' | 'signal' | 'log'>;

/** How the API names a repository: one of another account by that account's id, which its URI tells. */
export function repositoryOf({ name, uri }: ImagePlace): { repositoryName: string; registryId?: string } {
  const account = /^(\d{12})\.dkr[.-]ecr[.-]/.exec(uri)?.[1];
  return { repositoryName: name, ...(account !== undefined && { registryId: account }) };
}

/** The registry that the repository is in: its URI without its name. */
export function registryUri({ name, uri }: ImagePlace): string {
  return uri.endsWith(`/${name}`) ? uri.slice(0, -name.length - 1) : uri;
}

/** Opens a repository for the registry protocol, with a password of its account. */
export async function openRegistry(place: ImagePlace, context: CopyContext): Promise<RegistryClient> {
  const password = await registryPassword(place.client, context);
  return new RegistryClient(registryAccess(place.uri, password), context);
}

const NAMES_A_CALL = 100;

/** Repositories by name; those that do not exist are left out. One call, unless one is missing. */
export async function findRepositories(
  client: ECRClient,
  names: readonly string[],
  context: Pick<Context, 'signal'>,
): Promise<Map<string, Repository>> {
  const found: EcrRepository[] = [];
  for (let from = 0; from < names.length; from += NAMES_A_CALL) {
    found.push(...(await describe(client, names.slice(from, from + NAMES_A_CALL), context)));
  }
  return new Map(found.map((one) => [one.repositoryName ?? '', repositoryFrom(one, false)]));
}

/** ECR refuses all of them when one does not exist; then each is asked for by itself. */
async function describe(
  client: ECRClient,
  names: readonly string[],
  context: Pick<Context, 'signal'>,
): Promise<EcrRepository[]> {
  const { DescribeRepositoriesCommand } = await import('@aws-sdk/client-ecr');
  try {
    const command = new DescribeRepositoriesCommand({ repositoryNames: [...names] });
    return (await send(client, command, context)).repositories ?? [];
  } catch (error) {
    if (!isNotFound(error)) throw error;
    if (names.length === 1) return [];
    return (await Promise.all(names.map((name) => describe(client, [name], context)))).flat();
  }
}
