import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorText } from '../../aws/errors.ts';
import { readImage } from '../../ecr/image.ts';
import type { Manifest } from '../../ecr/manifest.ts';
import { previousImage } from '../../ecr/previous.ts';
import type { PreviousImage } from '../../ecr/previous.ts';
import { claimTag, putTags } from '../../ecr/tags.ts';
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
  const folder = mkdtempSync(join(context.env['RUNNER_TEMP'] ?? tmpdir(), 'build-push-image-'));
  const remove = (): void => {
    rmSync(folder, { recursive: true, force: true });
  };
  // A second signal ends the process at once; a password must not stay behind even then.
  process.once('exit', remove);
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
    process.off('exit', remove);
    remove();
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
  const made = existing ?? (await make(shop, source));
  const objection = await judge(shop, request, made, existing !== undefined);
  if (objection !== undefined) return outcomeOf(progress, 'blocked', objection);
  const manifest = existing ?? (await claim(shop, source, made));
  if (manifest.digest !== made.digest) {
    progress.note('Another job built the same content meanwhile: its image serves.');
    const another = await judge(shop, request, manifest, true);
    if (another !== undefined) return outcomeOf(progress, 'blocked', another);
  }
  await progress.in('tag', () => putTags(shop.registry, shop.repository, manifest, request.tags));
  progress.report.tags = request.tags;
  await announceArtifact(progress.report.image ?? '', context.env);
  return progress.report.reused
    ? outcomeOf(progress, 'reused', `${request.repository} has this image already: ${manifest.digest}.`)
    : outcomeOf(progress, 'pushed', `The image is in ${request.repository}: ${manifest.digest}.`);
}

/** The image that has the content's tag from now on: this one, or that of a job that was quicker. */
async function claim(
  { registry, repository, progress }: Workshop,
  source: Source,
  made: Manifest,
): Promise<Manifest> {
  if (source.kind === 'layout' || source.contentTag === undefined) return made;
  progress.stage = 'tag';
  return claimTag(registry, repository, made, source.contentTag);
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

/** Notes what the image consists of, and has its scan judged: why it must not pass, or undefined. */
async function judge(
  shop: Workshop,
  { scan: threshold, timeoutMs }: ImageRequest,
  manifest: Manifest,
  reused: boolean,
): Promise<string | undefined> {
  const { client, registry, repository, progress, context } = shop;
  const { report } = progress;
  const { digest } = manifest;
  const platforms = await readImage(registry, manifest);
  Object.assign(report, { digest, image: `${repository.uri}@${digest}`, reused, platforms });
  if (threshold === 'off') return undefined;
  const found = await progress.in('scan', () =>
    judgeScan(client, repository, platforms, { threshold, timeoutMs }, context),
  );
  report.scan = found;
  return scanObjection(found);
}
