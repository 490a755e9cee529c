import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorText } from '../../aws/errors.ts';
import { readImage } from '../../ecr/image.ts';
import type { Manifest } from '../../ecr/manifest.ts';
import { previousImage } from '../../ecr/previous.ts';
import type { PreviousImage } from '../../ecr/previous.ts';
import { putTags } from '../../ecr/tags.ts';
import { TimeoutError } from '../../runtime/errors.ts';
import type { Outcome } from '../../runtime/outcome.ts';
import { announceArtifact } from './artifacts.ts';
import { judgeScan, scanObjection } from './gate.ts';
import { failureOutcome, outcomeOf } from './outcome.ts';
import { findExisting, produce } from './produce.ts';
import { Progress } from './progress.ts';
import type { ImageRequest } from './request.ts';
import { openSource } from './source.ts';
import type { Source } from './source.ts';
import { openWorkshop } from './workshop.ts';
import type { ImageContext, Workshop } from './workshop.ts';

/** Brings one image into ECR, built or ready made, and puts its tags on. Never throws: the outcome tells. */
export async function buildPushImage(context: ImageContext, request: ImageRequest): Promise<Outcome> {
  const { repository, region, timeoutMs } = request;
  const report = { repository, region, tags: [], reused: false, platforms: [], steps: [], notes: [] };
  const progress = new Progress(report, context);
  const folder = await mkdtemp(join(context.env['RUNNER_TEMP'] ?? tmpdir(), 'build-push-image-'));
  const limit = new AbortController();
  const timer = setTimeout(() => {
    limit.abort(new TimeoutError(`building and pushing ${repository}`, timeoutMs));
  }, timeoutMs);
  const signal = AbortSignal.any([context.signal, limit.signal]);
  try {
    return await run({ ...context, signal }, request, progress, folder);
  } catch (error) {
    return failureOutcome(progress, signal.aborted ? signal.reason : error, context);
  } finally {
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  }
}

async function run(
  context: ImageContext,
  request: ImageRequest,
  progress: Progress,
  folder: string,
): Promise<Outcome> {
  const source = await progress.in('check', () => openSource(request, folder, progress, context));
  const shop = await progress.in('look-up', () => openWorkshop(context, request, progress, folder));
  const existing = await findExisting(source, shop);
  const manifest = existing ?? (await make(shop, source));
  await describe(shop, manifest, existing !== undefined);
  const objection = await gate(shop, request);
  if (objection !== undefined) return outcomeOf(progress, 'blocked', objection);
  await progress.in('tag', () => tag(shop, request, source, manifest));
  await announceArtifact(progress.report.image ?? '', context.env);
  return existing
    ? outcomeOf(progress, 'reused', `${request.repository} has this image already: ${manifest.digest}.`)
    : outcomeOf(progress, 'pushed', `The image is in ${request.repository}: ${manifest.digest}.`);
}

/** Makes the image, and meanwhile looks at the last one, to compare. */
async function make(shop: Workshop, source: Source): Promise<Manifest> {
  const { report } = shop.progress;
  const looking = lookAtLast(shop);
  const manifest = await produce(source, shop, looking);
  const previous = await looking;
  if (previous) {
    report.previous = { name: previous.tags[0] ?? previous.digest, platforms: previous.platforms };
  }
  return manifest;
}

/** The image before this one. Not to know it is no failure, and is said. */
async function lookAtLast(shop: Workshop): Promise<PreviousImage | undefined> {
  const { client, repository, registry, context, progress } = shop;
  try {
    return await previousImage(client, repository.name, registry, context);
  } catch (error) {
    if (!context.signal.aborted) {
      progress.note(`The last image of the repository cannot be compared: ${errorText(error)}`);
    }
    return undefined;
  }
}

/** Notes what the image consists of. */
async function describe(
  { registry, repository, progress }: Workshop,
  manifest: Manifest,
  reused: boolean,
): Promise<void> {
  const { report } = progress;
  const { digest } = manifest;
  Object.assign(report, { digest, image: `${repository.uri}@${digest}`, reused });
  report.platforms = await readImage(registry, manifest);
}

async function gate(shop: Workshop, request: ImageRequest): Promise<string | undefined> {
  const { client, repository, progress, context } = shop;
  const { scan: threshold, timeoutMs } = request;
  if (threshold === 'off') return undefined;
  const { report } = progress;
  const found = await progress.in('scan', () =>
    judgeScan(client, repository, report.platforms, { threshold, timeoutMs }, context),
  );
  report.scan = found;
  return scanObjection(found);
}

/** The tag of the content goes on last: an image that has it is one that has passed. */
async function tag(
  { registry, repository, progress }: Workshop,
  request: ImageRequest,
  source: Source,
  manifest: Manifest,
): Promise<void> {
  const contentTag = source.kind === 'build' ? source.contentTag : undefined;
  await putTags(registry, repository, manifest, request.tags);
  progress.report.tags = request.tags;
  if (contentTag !== undefined) await putTags(registry, repository, manifest, [contentTag]);
}
