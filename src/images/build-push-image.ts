import { mkdtempSync, rmSync } from 'node:fs';
import { appendFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ECRClient } from '@aws-sdk/client-ecr';
import { errorText } from '../aws/errors.ts';
import type { Context } from '../core/context.ts';
import { TimeoutError } from '../core/errors.ts';
import type { Outcome } from '../core/outcome.ts';
import type { BuildRequest } from './build/build.ts';
import { failureOutcome, outcomeOf } from './outcome.ts';
import { findExisting, openSource, produce, type Source } from './produce.ts';
import { Progress } from './progress.ts';
import { registryAccess, registryPassword, type RegistryPassword } from './registry/authorization.ts';
import { RegistryClient } from './registry/client.ts';
import { type Manifest, readImage } from './registry/manifest.ts';
import { openRepository, type Repository } from './registry/repository.ts';
import { claimTag, previousImage, type PreviousImage, putTags } from './registry/tags.ts';
import { judgeScan, scanObjection, type Severity } from './scan.ts';

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

/** What build-push-image is asked for. */
export interface ImageRequest {
  /** The repository's name. */
  repository: string;
  region: string;
  /** At least one. */
  tags: readonly string[];
  source: { kind: 'build'; build: BuildRequest } | { kind: 'layout'; path: string };
  createRepository: boolean;
  /** Whether an image of the same content serves as well. */
  reuse: boolean;
  /** The mildest severity that blocks. */
  scan: Severity | 'off';
  timeoutMs: number;
}

/** Tells GitHub which image the job has made, where it asks for that: a line in the file `GITHUB_ARTIFACTS`. */
async function announceArtifact(image: string, env: NodeJS.ProcessEnv): Promise<void> {
  const file = env['GITHUB_ARTIFACTS'];
  if (file !== undefined && file !== '') await appendFile(file, `oci://${image}\n`);
}

interface ImageContext extends Context {
  env: NodeJS.ProcessEnv;
  /** Opens the client; nothing is asked of AWS before the inputs are known to be good. */
  ecr(): Promise<ECRClient>;
}

/** What a run works with once the repository is known. */
export interface Workshop {
  context: ImageContext;
  client: ECRClient;
  repository: Repository;
  registry: RegistryClient;
  /** The registry's host, as images are named. */
  registryHost: string;
  password: RegistryPassword;
  progress: Progress;
  /** Removed at the end, whatever happens. */
  folder: string;
}

/** Opens the repository, and the way into it. */
async function openWorkshop(
  context: ImageContext,
  request: ImageRequest,
  progress: Progress,
  folder: string,
): Promise<Workshop> {
  const client = await context.ecr();
  const [repository, password] = await Promise.all([
    openRepository(client, request.repository, { create: request.createRepository }, context),
    registryPassword(client, context),
  ]);
  if (repository.created) progress.note(`The repository ${repository.name} was created.`);
  const access = registryAccess(repository.uri, password);
  const registryHost = access.endpoint.host;
  const registry = new RegistryClient(access, context);
  return { context, client, repository, registry, registryHost, password, progress, folder };
}
