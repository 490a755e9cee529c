import { resolve } from 'node:path';
import { InputError } from '../../core/errors.ts';
import type { Outcome } from '../../core/outcome.ts';
import { buildPushImage } from '../../images/build-push-image.ts';
import type { ImageRequest } from '../../images/context.ts';
import { IMAGE_VERDICTS, type ImageResult } from '../../images/result.ts';
import { presentImage } from '../../present/image.ts';
import { type BuildRequest, resolveContexts, sourceLabels } from '../../images/build/build.ts';
import { isDigest } from '../../images/registry/manifest.ts';
import { environmentImagesSections, type ReportedServiceImage } from '../../present/environment.ts';
import type { Service } from '../manifest/manifest.ts';
import { derived, type EnvironmentContext, type EnvironmentRequest } from './context.ts';
import { type Part, unitLog } from './parts.ts';
import type { Verdict } from './result.ts';
import { placeOf } from './services.ts';
import type { TargetGraph } from './targets.ts';

interface BuildOptions {
  /** The mildest severity that blocks. */
  scan: ImageRequest['scan'];
  timeoutMs: number;
}

/** The image of one service. */
interface BuiltImage {
  service: string;
  ok: boolean;
  result: ImageResult;
}

/**
 * Builds the images of services side by side, or finds those of the same content, or pushes ready layouts. The
 * repositories must be there: a stack of the environment makes them.
 *
 * @throws InputError where there is no commit to take the tag from.
 */
async function buildImages(
  context: EnvironmentContext,
  services: readonly Service[],
  options: BuildOptions,
): Promise<BuiltImage[]> {
  const width = Math.max(0, ...services.map(({ name }) => name.length));
  return await Promise.all(
    services.map((service) =>
      buildImage(derived(context, { log: unitLog(context.log, service.name, width) }), service, options),
    ),
  );
}

/** Builds the image of one service; see buildImages. */
async function buildImage(
  context: EnvironmentContext,
  service: Service,
  options: BuildOptions,
): Promise<BuiltImage> {
  const { env, services } = context;
  const result = await buildPushImage(
    { ...context, env, ecr: () => services.ecr() },
    imageRequest(context, service, options),
  );
  for (const annotation of presentImage(result).annotations ?? []) context.annotations.add(annotation);
  return { service: service.name, ok: IMAGE_VERDICTS[result.verdict].ok, result };
}

function imageRequest(
  { github, workspace, session }: EnvironmentContext,
  { repository, build }: Service,
  { scan, timeoutMs }: BuildOptions,
): ImageRequest {
  if (github.sha === '') {
    throw new InputError('GITHUB_SHA', '', 'there is no commit to take the tag of the images from');
  }
  const { ociLayout } = build;
  return {
    repository,
    region: session.region,
    tags: [tagOf(github)],
    source:
      ociLayout === undefined
        ? { kind: 'build', build: buildRequest(build, github, workspace) }
        : { kind: 'layout', path: resolve(workspace, ociLayout) },
    createRepository: false,
    reuse: true,
    scan,
    timeoutMs,
  };
}

/** A pull request's images go with its preview, which knows them by this tag. */
function tagOf({ sha, pullRequest }: EnvironmentContext['github']): string {
  return pullRequest ? `pr-${pullRequest.number}-${pullRequest.headSha ?? sha}` : sha;
}

function buildRequest(
  { context, file, platforms, target, buildArgs, buildContexts }: Service['build'],
  github: EnvironmentContext['github'],
  workspace: string,
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
    labels: sourceLabels(github),
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
        const { ok, result } = await buildImage(context, service, request);
        if (result.verdict === 'pushed' || result.verdict === 'reused') built.set(service.name, result.image);
        const { verdict, reason } = result;
        return { ok, verdict, reason, sections: ok ? [] : (presentImage(result).summary ?? []) };
      },
    };
  });
  return {
    parts,
    partOf: (service) => (builds ? imagePart(service) : undefined),
    imageOf: async (context, service) => {
      const digest = given[service.name];
      if (digest === undefined) return built.get(service.name);
      const { uri } = await placeOf(context, service);
      return `${uri}@${digest}`;
    },
    digests: () => ({
      ...given,
      ...Object.fromEntries([...built].map(([service, image]) => [service, digestOf(image)])),
    }),
  };
}

const imagePart = ({ name }: Service): string => `image of ${name}`;
const digestOf = (image: string): string => image.slice(image.indexOf('@') + 1);

function givenDigests({ images, choice, manifest }: EnvironmentRequest): Record<string, string> {
  const known = Object.keys(manifest.services);
  const chosen = new Set(choice.services.map(({ name }) => name));
  const digests = Object.entries(images).map(([service, image]): [string, string] => {
    if (!known.includes(service)) {
      throw new InputError('images', service, `${manifest.file} has the services ${known.join(', ')}`);
    }
    const digest = digestOf(image);
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

/** Builds the images of services as one set: all of them, or the run has failed. */
export async function buildCommand(
  context: EnvironmentContext,
  services: readonly Service[],
  options: BuildOptions,
): Promise<Outcome> {
  const built = await buildImages(context, services, options);
  const failed = built.filter(({ ok }) => !ok);
  const verdict = verdictOf(failed);
  const images = Object.fromEntries(built.map(({ service, result }) => [service, knownDigest(result)]));
  return {
    verdict,
    ok: verdict === 'built',
    reason: reasonOf(built, failed),
    outputs: verdict === 'built' ? { images: JSON.stringify(images) } : {},
    result: {
      images: built.map(({ service, result }) => ({
        service,
        verdict: result.verdict,
        reason: result.reason,
        digest: knownDigest(result),
      })),
    },
    summary: environmentImagesSections(built.map(reported)),
  };
}

/** What the worst of them ended with; a set that is blocked is one in which nothing else went wrong. */
function verdictOf(failed: readonly BuiltImage[]): Verdict {
  const ended = new Set(failed.map(({ result }) => result.verdict));
  if (ended.size === 0) return 'built';
  if (ended.has('cancelled')) return 'cancelled';
  if (ended.has('failed')) return 'failed';
  return ended.has('timed-out') ? 'timed-out' : 'blocked';
}

function reasonOf(built: readonly BuiltImage[], failed: readonly BuiltImage[]): string {
  const [first] = failed;
  if (first) {
    const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : '';
    return `${first.service}: ${first.result.reason}${more}`;
  }
  const reused = built.filter(({ result }) => result.verdict === 'reused').length;
  const count =
    built.length === 1 ? '1 image is in its repository' : `${built.length} images are in their repositories`;
  return `${count}; ${reused} ${reused === 1 ? 'was' : 'were'} there already.`;
}

/** Empty where no image is in the repository, or where it is not known to be the right one. */
function knownDigest(result: ImageResult): string {
  return 'digest' in result ? result.digest : '';
}

function reported({ service, ok, result }: BuiltImage): ReportedServiceImage {
  const { verdict, reason } = result;
  const sections = presentImage(result).summary ?? [];
  return { service, ok, verdict, reason, digest: knownDigest(result), sections };
}
