import { resolve } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { buildPushImage } from '../../images/build-push-image.ts';
import { type BuildRequest, resolveContexts, sourceLabels } from '../../images/build/command.ts';
import { type CopyRequest, copyRequest, type ImageRequest } from '../../images/context.ts';
import { repositoryUrl } from '../../github/checkout.ts';
import { digestOfReference, isDigest } from '../../images/registry/manifest.ts';
import { type ImageReference, parseSource, parseTarget } from '../../images/registry/reference.ts';
import { IMAGE_VERDICTS, type ImageResult } from '../../images/result.ts';
import type { Environment, Service, ServicePlace } from '../manifest/manifest.ts';
import { contextAt, type EnvironmentContext, type EnvironmentRequest, withOverrides } from './context.ts';
import { type BuildValues, valuesFor } from '../service/build-values.ts';
import { type Part, unitLog } from './parts.ts';
import type { BuildResult, BuiltImage } from './result.ts';
import { serviceRepository } from '../service/first-release.ts';
import type { Choice, TargetGraph } from './targets.ts';

interface BuildOptions extends BuildValues {
  /** The mildest severity that blocks. */
  scan: ImageRequest['scan'];
  timeoutMs: number;
}

/** A service whose image is built. */
interface BuiltService extends Pick<Service, 'name' | 'repository' | 'build'> {
  /** Where a service is that exists already. */
  place?: ServicePlace;
}

/**
 * The services of a choice whose images are built here.
 *
 * @throws InputError for one whose repository is not in ECR.
 */
export function builtServices({ services, existing }: Choice): BuiltService[] {
  return [
    ...services,
    ...existing.flatMap(({ name, build, place }) => {
      if (!build) return [];
      const { repository } = place;
      if (repository.kind === 'own') return { name, build, place, repository: repository.name };
      throw new InputError(
        'images',
        '',
        `the digest of ${name}: its repository ${repository.uri} is not in ECR, so build its image in a step of its own`,
      );
    }),
  ];
}

/** Builds the image of one service, or finds one of the same content, or pushes a ready layout; see buildCommand. */
async function buildImage(
  context: EnvironmentContext,
  environment: Environment,
  service: BuiltService,
  options: BuildOptions,
): Promise<ImageResult> {
  const at = service.place ? contextAt(context, environment, service.place, 'change') : context;
  const { env, services } = at;
  return await buildPushImage(
    { ...at, env, ecr: (region) => services.ecr(region) },
    imageRequest(at, service, options),
  );
}

function imageRequest(
  context: EnvironmentContext,
  { name: service, repository, build }: BuiltService,
  { scan, timeoutMs, buildArgs, buildSecrets }: BuildOptions,
): ImageRequest {
  const { session } = context;
  if (context.commit.commit === '') {
    throw new InputError('commit', '', 'there is no commit to take the tag of the images from');
  }
  const tags = [tagOf(context)];
  return {
    repository,
    region: session.region,
    tags,
    source: sourceOf(build, context, {
      buildArgs: { ...build.buildArgs, ...valuesFor(service, buildArgs) },
      secrets: valuesFor(service, buildSecrets),
    }),
    createRepository: false,
    reuse: true,
    scan,
    also: copiesOf(build, context, tags),
    timeoutMs,
  };
}

function sourceOf(
  build: BuiltService['build'],
  context: EnvironmentContext,
  values: Pick<BuildRequest, 'buildArgs' | 'secrets'>,
): ImageRequest['source'] {
  const { ociLayout, from, bakeFiles, target = 'default' } = build;
  const { workspace } = context;
  if (from !== undefined) return { kind: 'mirror', image: requireReference('from', parseSource(from)) };
  if (ociLayout !== undefined) return { kind: 'layout', path: resolve(workspace, ociLayout) };
  const request = { ...buildRequest(build, context), ...values };
  if (bakeFiles.length === 0) return { kind: 'build', build: request };
  const files = bakeFiles.map((file) => resolve(workspace, file));
  return { kind: 'build', build: request, bake: { files, target, labels: {} } };
}

/** A pull request's image is not released, and must not take a tag such as `latest` elsewhere. */
function copiesOf(
  { also }: BuiltService['build'],
  { github }: EnvironmentContext,
  tags: readonly string[],
): CopyRequest[] {
  if (github.pullRequest) return [];
  return also.map((name) => copyRequest(requireReference('also', parseTarget(name)), tags));
}

/** The manifest was checked when it was read. */
function requireReference(key: string, image: ImageReference | undefined): ImageReference {
  if (image) return image;
  throw new InputError(key, '', 'expected the name of an image');
}

/** A pull request's images go with its preview, which knows them by this tag. */
function tagOf({ github: { pullRequest }, commit: { commit } }: EnvironmentContext): string {
  return pullRequest ? `pr-${pullRequest.number}-${pullRequest.headSha ?? commit}` : commit;
}

function buildRequest(
  { context, file, platforms, target, buildContexts }: Service['build'],
  { github, commit, workspace }: EnvironmentContext,
): Omit<BuildRequest, 'buildArgs' | 'secrets'> {
  return {
    workspace,
    context: resolve(workspace, context),
    file: resolve(workspace, file),
    platforms: [...new Set(platforms)].sort(),
    target,
    buildContexts: resolveContexts(buildContexts, workspace),
    ssh: [],
    labels: sourceLabels({ commit: commit.commit, url: repositoryUrl(commit, github) }),
    cache: 'registry',
    provenance: 'auto',
    sbom: 'auto',
  };
}

/** The images of a run: those that were given, and those that are built while it goes on. */
export interface RunImages {
  /** One for each service whose image is built here; each after the stack that makes its repository. */
  parts: readonly Part[];
  /** The name of the part that the release of a service waits for. */
  partOf(service: string): string | undefined;
  /** The image of a service, whole, once its part is done; undefined keeps what runs. */
  imageOf(context: EnvironmentContext, service: string): Promise<string | undefined>;
  /** Service → digest, of all that is known. */
  digests(): Record<string, string>;
}

/**
 * Where the images of a run come from: `images` where they are given; else they are built, unless the environment
 * takes them from another one.
 *
 * @throws InputError for an image of a service that is not part of the run, or that is no digest.
 */
export function runImages(request: EnvironmentRequest, { graph }: TargetGraph): RunImages {
  const { choice } = request;
  const given = givenDigests(request);
  const built = new Map<string, string>();
  const building = buildsImages(request) ? builtServices(choice) : [];
  const parts = building.map((service): Part => {
    const maker = graph.repositories.get(service.repository);
    return {
      name: imagePart(service.name),
      kind: 'image',
      after: maker === undefined ? [] : [maker],
      work: async (context) => {
        const result = await buildImage(context, choice.environment, service, request);
        const { verdict, reason } = result;
        if (verdict === 'pushed' || verdict === 'reused') built.set(service.name, result.image);
        const { ok } = IMAGE_VERDICTS[verdict];
        return { ok, verdict, reason, work: { kind: 'image', result } };
      },
    };
  });
  return {
    parts,
    partOf: (service) => (building.some(({ name }) => name === service) ? imagePart(service) : undefined),
    imageOf: async (context, service) => {
      const digest = given[service];
      if (digest === undefined) return built.get(service);
      const target = choice.existing.find(({ name }) => name === service);
      const owner = choice.services.find(({ name }) => name === service);
      if (target) {
        const at = contextAt(context, choice.environment, target.place, 'change');
        return `${await existingUri(at, target.place)}@${digest}`;
      }
      return owner && `${(await serviceRepository(context, owner)).uri}@${digest}`;
    },
    digests: () => ({
      ...given,
      ...Object.fromEntries([...built].map(([service, image]) => [service, digestOfReference(image)])),
    }),
  };
}

/** Whether a run builds images: not where they are given, or come by promotion. */
export function buildsImages({ choice, images }: EnvironmentRequest): boolean {
  return choice.environment.promoteFrom === undefined && Object.keys(images).length === 0;
}

/** How the images of a service that exists already are named, without tag and digest. */
export async function existingUri(at: EnvironmentContext, { repository }: ServicePlace): Promise<string> {
  if (repository.kind === 'shared') return repository.uri;
  return (await serviceRepository(at, { repository: repository.name })).uri;
}

const imagePart = (service: string): string => `image of ${service}`;

function givenDigests({ images, choice, manifest }: EnvironmentRequest): Record<string, string> {
  const known = [...Object.keys(manifest.services), ...Object.keys(manifest.existing)];
  const chosen = new Set([...choice.services, ...choice.existing].map(({ name }) => name));
  const digests = Object.entries(images).map(([service, image]): [string, string] => {
    if (!known.includes(service)) {
      throw new InputError('images', service, `${manifest.file} has the services ${known.join(', ')}`);
    }
    const digest = digestOfReference(image);
    if (!isDigest(digest)) {
      throw new InputError(
        'images',
        image,
        `the image of ${service} must be given by digest: sha256:… with 64 hex digits`,
      );
    }
    return [service, digest];
  });
  return Object.fromEntries(digests.filter(([service]) => chosen.has(service)));
}

/**
 * Builds the images of services side by side, as one set: all of them, or the run has failed. The repositories must
 * exist.
 *
 * @throws InputError where there is no commit to take the tag from.
 */
export async function buildImages(
  context: EnvironmentContext,
  environment: Environment,
  services: readonly BuiltService[],
  options: BuildOptions,
): Promise<BuildResult> {
  const width = Math.max(0, ...services.map(({ name }) => name.length));
  const images = await Promise.all(
    services.map(async (service): Promise<BuiltImage> => {
      const own = withOverrides(context, { log: unitLog(context.log, service.name, width) });
      return { service: service.name, result: await buildImage(own, environment, service, options) };
    }),
  );
  const { name, region } = environment;
  return { command: 'build', environment: name, region, ...judgeImages(images), images };
}

/** The verdict of the worst image; a set that is blocked is one in which nothing else went wrong. */
function judgeImages(images: readonly BuiltImage[]): Pick<BuildResult, 'verdict' | 'reason'> {
  const failed = images.filter(({ result }) => !IMAGE_VERDICTS[result.verdict].ok);
  const [first] = failed;
  if (first) {
    const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
    const reason = `${first.service}: ${first.result.reason}${more}`;
    const verdicts = new Set(failed.map(({ result }) => result.verdict));
    const worst = (['cancelled', 'failed', 'timed-out'] as const).find((verdict) => verdicts.has(verdict));
    return { verdict: worst ?? 'blocked', reason };
  }
  const reused = images.filter(({ result }) => result.verdict === 'reused').length;
  const count =
    images.length === 1
      ? '1 image is in its repository'
      : `${images.length} images are in their repositories`;
  const reason = `${count}; ${reused} ${reused === 1 ? 'was' : 'were'} there already.`;
  return { verdict: 'built', reason };
}
