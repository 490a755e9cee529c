import { mkdtempSync, rmSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reasonOf } from '../core/errors.ts';
import {
  type ImageBuildContext,
  type ImageContext,
  type ImageRequest,
  openImageBuildContext,
} from './context.ts';
import { copyToAll, mirrorImage, openRepositories } from './other-registries.ts';
import { createImage } from './create-image.ts';
import { withImageRun } from './image-run.ts';
import { type ImageDescription, Progress } from './progress.ts';
import { generationTag } from './generations.ts';
import { isAttestation, type Manifest } from './registry/manifest.ts';
import { readImage } from './registry/manifest-reader.ts';
import { claimTag, findPreviousImage, type PreviousImage, putTags } from './registry/tags.ts';
import type { ImageResult } from './result.ts';
import { signImage } from './signature/sign.ts';
import { evaluateScan, scanBlockReason } from './scan.ts';
import { findReuse, type Reuse, tagsFor } from './reuse.ts';
import { type ImageSource, openSource } from './source.ts';

/** Builds or loads an image, pushes it to ECR and sets its tags. Never throws. */
export async function buildPushImage(context: ImageContext, request: ImageRequest): Promise<ImageResult> {
  const { repository, region, timeoutMs } = request;
  const about = { repository, region, timeoutMs, what: `building and pushing ${repository}` };
  return withImageRun(context, about, (own, progress, folder) => run(own, request, progress, folder));
}

async function run(
  context: ImageContext,
  request: ImageRequest,
  progress: Progress,
  folder: string,
): Promise<ImageResult> {
  const source = await progress.runStage('check', () => openSource(request, folder, progress, context));
  const [build, others] = await progress.runStage('look-up', () =>
    Promise.all([
      openImageBuildContext(context, request, progress, folder),
      openRepositories(request.also, context),
    ]),
  );
  const reuse = await findReuse(source, request, build);
  const { existing } = reuse;
  if (existing && source.kind === 'mirror') await mirrorImage(source, build, existing);
  if (existing) noteMissingAttestations(source, existing, progress);
  const created = existing ?? (await createAndCompare(build, freshSource(source, reuse)));
  let image = await describeImage(build, request, created, existing !== undefined);
  let blocked = blockedResult(progress, image);
  if (blocked) return blocked;
  const manifest = existing ?? (await claimContentTag(build, source, created, reuse));
  if (manifest.digest !== created.digest) {
    progress.note('Another job pushed an image of the same content in the meantime. That image is used.');
    image = await describeImage(build, request, manifest, true);
    blocked = blockedResult(progress, image);
    if (blocked) return blocked;
  }
  if (request.sign === 'keyless') await progress.runStage('sign', () => sign(build, manifest));
  const tags = tagsFor(manifest, reuse, request, build);
  await progress.runStage('tag', () => putTags(build.registry, build.repository, manifest, tags, context));
  await announceArtifact(image.image, context.env);
  if (others.length > 0) await progress.runStage('copy', () => copyToAll(build, manifest, others));
  const ready = { ...progress.run, ...image, tags };
  return image.reused
    ? {
        ...ready,
        verdict: 'reused',
        reason: `${request.repository} already has this image: ${image.digest}.`,
      }
    : { ...ready, verdict: 'pushed', reason: `Pushed the image to ${request.repository}: ${image.digest}.` };
}

function blockedResult({ run: done }: Progress, image: ImageDescription): ImageResult | undefined {
  const { scan } = image;
  if (!scan) return undefined;
  const reason = scanBlockReason(scan);
  return reason === undefined ? undefined : { ...done, ...image, scan, verdict: 'blocked', reason };
}

/** Claims the content tag. Returns the image that has it: this one, or the one of another job that was faster. */
async function claimContentTag(
  { registry, repository, progress, context }: ImageBuildContext,
  source: ImageSource,
  created: Manifest,
  { generation, content }: Reuse,
): Promise<Manifest> {
  if (source.kind !== 'build' || source.contentTag === undefined) return created;
  // The rebuild resulted in the same image, which already has the tag.
  if (content.generations.at(-1)?.manifest.digest === created.digest) return created;
  progress.stage = 'tag';
  return claimTag(registry, repository, created, generationTag(source.contentTag, generation), context);
}

/** An image from a builder that does not support attestations is reused too, with a note. */
function noteMissingAttestations(source: ImageSource, existing: Manifest, progress: Progress): void {
  if (source.kind !== 'build' || source.build.provenance !== 'auto') return;
  if (existing.kind === 'index' && existing.children.some(isAttestation)) return;
  progress.note(
    'The reused image has no provenance, because its builder did not support it. ' +
      'To add it, run build-push-image with reuse: false after docker/setup-buildx-action.',
  );
}

/** A rebuild for security patches pulls all images and runs all steps, because cached results do not have the patches. */
function freshSource(source: ImageSource, { fresh }: Reuse): ImageSource {
  if (!fresh || source.kind !== 'build') return source;
  const { build } = source;
  return { ...source, build: { ...build, options: [...(build.options ?? []), '--pull', '--no-cache'] } };
}

async function sign(
  { registry, repository, progress, context }: ImageBuildContext,
  image: Manifest,
): Promise<void> {
  const signature = await signImage(registry, repository.uri, image, context);
  progress.run.signature = signature;
  context.log.info(`${signature.state === 'signed' ? 'Signed' : 'Already signed'} by ${signature.signer}.`);
}

/** Creates the image, and at the same time reads the previous one for comparison. */
async function createAndCompare(build: ImageBuildContext, source: ImageSource): Promise<Manifest> {
  const reading = readPreviousImage(build);
  const manifest = await createImage(source, build, reading);
  const previous = await reading;
  if (previous) {
    const { tags, digest, platforms } = previous;
    build.progress.run.previous = { name: tags[0] ?? digest, platforms };
  }
  return manifest;
}

/** The newest image of the repository. A failure to read it does not fail the run. */
async function readPreviousImage(build: ImageBuildContext): Promise<PreviousImage | undefined> {
  const { client, repository, registry, context, progress } = build;
  try {
    return await findPreviousImage(client, repository.name, registry, context);
  } catch (error) {
    if (!context.signal.aborted) {
      progress.note(`Cannot compare with the previous image of the repository: ${reasonOf(error)}`);
    }
    return undefined;
  }
}

/** Reads the platforms and layers of the image, and waits for its scan if one is requested. */
async function describeImage(
  { client, registry, repository, progress, context }: ImageBuildContext,
  { scan: threshold, timeoutMs }: ImageRequest,
  manifest: Manifest,
  reused: boolean,
): Promise<ImageDescription> {
  const { digest } = manifest;
  const platforms = await readImage(registry, manifest);
  const size = platforms.reduce((sum, platform) => sum + platform.size, 0);
  const image = { digest, image: `${repository.uri}@${digest}`, reused, platforms, size };
  progress.image = image;
  if (threshold === 'off') return image;
  const scan = await progress.runStage('scan', () =>
    evaluateScan(client, repository, platforms, { threshold, timeoutMs }, context),
  );
  progress.image = { ...image, scan };
  return progress.image;
}

/** Announces the image to GitHub: a line in the file `GITHUB_ARTIFACTS`, if that is set. */
async function announceArtifact(image: string, env: NodeJS.ProcessEnv): Promise<void> {
  const file = env['GITHUB_ARTIFACTS'];
  if (file !== undefined && file !== '') await appendFile(file, `oci://${image}\n`);
}

/**
 * The digest of the image that `buildPushImage` would reuse for a request: the repository's image of the same content.
 * Undefined if it would create one. Nothing is built, pushed or tagged.
 *
 * @throws InputError for a source that cannot be used, and the errors of the registry.
 */
export async function findImage(context: ImageContext, request: ImageRequest): Promise<string | undefined> {
  const { repository, region } = request;
  const progress = new Progress({ repository, region }, context);
  const folder = mkdtempSync(join(context.env['RUNNER_TEMP'] ?? tmpdir(), 'find-image-'));
  try {
    const source = await openSource(request, folder, progress, context);
    const build = await openImageBuildContext(context, request, progress, folder);
    return (await findReuse(source, request, build)).existing?.digest;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
