import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ECRClient } from '@aws-sdk/client-ecr';
import { errorText } from '../../aws/errors.ts';
import { basicAuthorization, registryPassword } from '../../ecr/authorization.ts';
import type { RegistryPassword } from '../../ecr/authorization.ts';
import { readImage } from '../../ecr/image.ts';
import type { Manifest } from '../../ecr/manifest.ts';
import { previousImage } from '../../ecr/previous.ts';
import { RegistryClient } from '../../ecr/registry.ts';
import { openRepository } from '../../ecr/repository.ts';
import type { Repository } from '../../ecr/repository.ts';
import { putTags } from '../../ecr/tags.ts';
import type { Context } from '../../runtime/context.ts';
import { TimeoutError } from '../../runtime/errors.ts';
import type { Outcome } from '../../runtime/outcome.ts';
import { announceArtifact } from './artifacts.ts';
import { judgeScan, scanObjection } from './gate.ts';
import { failureOutcome, outcomeOf } from './outcome.ts';
import { bring, findExisting, openSource } from './produce.ts';
import type { Source } from './produce.ts';
import { Progress } from './progress.ts';
import type { ImageRequest } from './request.ts';

export interface ImageContext extends Context {
  env: NodeJS.ProcessEnv;
  /** Opens the client; nothing is asked of AWS before the inputs are known to be good. */
  ecr(): Promise<ECRClient>;
}

/** What the stages after the first work with. */
interface Workshop {
  context: ImageContext;
  client: ECRClient;
  repository: Repository;
  password: RegistryPassword;
  registry: RegistryClient;
  progress: Progress;
  /** Removed at the end, whatever happens. */
  folder: string;
}

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
    return await work({ ...context, signal }, request, progress, folder);
  } catch (error) {
    return failureOutcome(progress, signal.aborted ? signal.reason : error);
  } finally {
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  }
}

async function work(
  context: ImageContext,
  request: ImageRequest,
  progress: Progress,
  folder: string,
): Promise<Outcome> {
  const source = await progress.in('check', () => openSource(request, folder, context.signal));
  const shop = await progress.in('look-up', () => openWorkshop(context, request, progress, folder));
  const existing = await progress.in('look-up', () => findExisting(source, shop.registry));
  const manifest = existing ?? (await make(shop, source));
  await describe(shop, manifest, existing !== undefined);
  const objection = await gate(shop, request);
  if (objection !== undefined) return outcomeOf(progress, 'blocked', objection);
  await progress.in('tag', () => tag(shop, request, manifest));
  await announceArtifact(progress.report.image ?? '', context.env);
  return existing
    ? outcomeOf(progress, 'reused', `${request.repository} has this image already: ${manifest.digest}.`)
    : outcomeOf(progress, 'pushed', `The image is in ${request.repository}: ${manifest.digest}.`);
}

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
  const registry = new RegistryClient(accessTo(repository, password), context);
  return { context, client, repository, password, registry, progress, folder };
}

/** The registry is where the repository's own URI says; its protocol is what the password's endpoint has. */
function accessTo(repository: Repository, password: RegistryPassword) {
  const slash = repository.uri.indexOf('/');
  const host = repository.uri.slice(0, slash);
  const protocol = password.endpoint.host === host ? password.endpoint.protocol : 'https:';
  return {
    endpoint: new URL(`${protocol}//${host}`),
    path: repository.uri.slice(slash + 1),
    authorization: basicAuthorization(password),
  };
}

/** Makes the image, and meanwhile looks at the last one, to compare. */
async function make(shop: Workshop, source: Source): Promise<Manifest> {
  const { client, repository, registry, progress, context } = shop;
  const comparing = previousImage(client, repository.name, registry, context).then(
    (previous) => {
      if (!previous) return;
      const { tags, digest, platforms } = previous;
      progress.report.previous = { name: tags[0] ?? digest, platforms };
    },
    (error: unknown) => {
      if (context.signal.aborted) return;
      progress.note(`The last image of the repository cannot be compared: ${errorText(error)}`);
    },
  );
  const manifest = await bring(source, registry, progress, context);
  await comparing;
  return manifest;
}

/** Notes what the image consists of. */
async function describe(
  { registry, repository, progress }: Workshop,
  manifest: Manifest,
  reused: boolean,
): Promise<void> {
  const { report } = progress;
  Object.assign(report, { digest: manifest.digest, image: `${repository.uri}@${manifest.digest}`, reused });
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

async function tag(
  { registry, repository, progress }: Workshop,
  request: ImageRequest,
  manifest: Manifest,
): Promise<void> {
  await putTags(registry, repository, manifest, request.tags);
  progress.report.tags = request.tags;
}
