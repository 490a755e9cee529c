import { resolve } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { buildPushImage } from '../../images/build-push-image.ts';
import { type BuildRequest, resolveContexts, sourceLabels } from '../../images/build/command.ts';
import type { ImageRequest } from '../../images/context.ts';
import { repositoryUrl } from '../../github/checkout.ts';
import { digestOfReference, isDigest } from '../../images/registry/manifest.ts';
import { IMAGE_VERDICTS, type ImageResult } from '../../images/result.ts';
import type { Environment, Service } from '../manifest/manifest.ts';
import { type EnvironmentContext, type EnvironmentRequest, withOverrides } from './context.ts';
import { type Part, unitLog } from './parts.ts';
import type { BuildResult, BuiltImage } from './result.ts';
import { serviceRepository } from '../service/first-release.ts';
import type { TargetGraph } from './targets.ts';

interface BuildOptions {
  /** The mildest severity that blocks. */
  scan: ImageRequest['scan'];
  timeoutMs: number;
}

/** Builds the image of one service, or finds one of the same content, or pushes a ready layout; see buildCommand. */
async function buildImage(
  context: EnvironmentContext,
  service: Service,
  options: BuildOptions,
): Promise<ImageResult> {
  const { env, services } = context;
  return await buildPushImage(
    { ...context, env, ecr: (region) => services.ecr(region) },
    imageRequest(context, service, options),
  );
}

function imageRequest(
  context: EnvironmentContext,
  { repository, build }: Service,
  { scan, timeoutMs }: BuildOptions,
): ImageRequest {
  const { workspace, session } = context;
  if (context.commit.commit === '') {
    throw new InputError('commit', '', 'there is no commit to take the tag of the images from');
  }
  const { ociLayout } = build;
  return {
    repository,
    region: session.region,
    tags: [tagOf(context)],
    source:
      ociLayout === undefined
        ? { kind: 'build', build: buildRequest(build, context) }
        : { kind: 'layout', path: resolve(workspace, ociLayout) },
    createRepository: false,
    reuse: true,
    scan,
    timeoutMs,
  };
}

/** A pull request's images go with its preview, which knows them by this tag. */
function tagOf({ github: { pullRequest }, commit: { commit } }: EnvironmentContext): string {
  return pullRequest ? `pr-${pullRequest.number}-${pullRequest.headSha ?? commit}` : commit;
}

function buildRequest(
  { context, file, platforms, target, buildArgs, buildContexts }: Service['build'],
  { github, commit, workspace }: EnvironmentContext,
): BuildRequest {
  return {
    workspace,
    context: resolve(workspace, context),
    file: resolve(workspace, file),
    platforms: [...new Set(platforms)].sort(),
    target,
    buildArgs,
    buildContexts: resolveContexts(buildContexts, workspace),
    secrets: {},
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
  /** The name of the part that a service's stack waits for. */
  partOf(service: Service): string | undefined;
  /** The image of a service, whole, once its part is done; undefined keeps what runs. */
  imageOf(context: EnvironmentContext, service: Service): Promise<string | undefined>;
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
  const { images, choice } = request;
  const given = givenDigests(request);
  const built = new Map<string, string>();
  const builds = choice.environment.promoteFrom === undefined && Object.keys(images).length === 0;
  const parts = (builds ? choice.services : []).map((service): Part => {
    const maker = graph.repositories.get(service.repository);
    return {
      name: imagePart(service),
      kind: 'image',
      after: maker === undefined ? [] : [maker],
      work: async (context) => {
        const result = await buildImage(context, service, request);
        const { verdict, reason } = result;
        if (verdict === 'pushed' || verdict === 'reused') built.set(service.name, result.image);
        const { ok } = IMAGE_VERDICTS[verdict];
        return { ok, verdict, reason, work: { kind: 'image', result } };
      },
    };
  });
  return {
    parts,
    partOf: (service) => (builds ? imagePart(service) : undefined),
    imageOf: async (context, service) => {
      const digest = given[service.name];
      if (digest === undefined) return built.get(service.name);
      const { uri } = await serviceRepository(context, service);
      return `${uri}@${digest}`;
    },
    digests: () => ({
      ...given,
      ...Object.fromEntries([...built].map(([service, image]) => [service, digestOfReference(image)])),
    }),
  };
}

const imagePart = ({ name }: Service): string => `image of ${name}`;

function givenDigests({ images, choice, manifest }: EnvironmentRequest): Record<string, string> {
  const known = Object.keys(manifest.services);
  const chosen = new Set(choice.services.map(({ name }) => name));
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
 * be there: a stack of the environment makes them.
 *
 * @throws InputError where there is no commit to take the tag from.
 */
export async function buildImages(
  context: EnvironmentContext,
  environment: Environment,
  services: readonly Service[],
  options: BuildOptions,
): Promise<BuildResult> {
  const width = Math.max(0, ...services.map(({ name }) => name.length));
  const images = await Promise.all(
    services.map(async (service): Promise<BuiltImage> => {
      const own = withOverrides(context, { log: unitLog(context.log, service.name, width) });
      return { service: service.name, result: await buildImage(own, service, options) };
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
