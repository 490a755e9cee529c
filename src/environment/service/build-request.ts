import { resolve } from 'node:path';
import { InputError } from '../../core/errors.ts';
import { findImage } from '../../images/build-push-image.ts';
import {
  type BuildRequest,
  resolveContext,
  resolveContexts,
  sourceLabels,
} from '../../images/build/command.ts';
import { type CopyRequest, copyRequest, type ImageRequest } from '../../images/context.ts';
import { repositoryUrl } from '../../github/checkout.ts';
import { type ImageReference, parseSource, parseTarget } from '../../images/registry/reference.ts';
import type { Service, ServicePlace } from '../manifest/manifest.ts';
import type { EnvironmentContext, EnvironmentRequest } from '../run/context.ts';
import type { Choice } from '../run/targets.ts';
import { type BuildValues, valuesFor } from './build-values.ts';

export interface BuildOptions extends BuildValues {
  /** The mildest severity that blocks. */
  scan: ImageRequest['scan'];
  timeoutMs: number;
}

/** A service whose image is built. */
export interface BuiltService extends Pick<Service, 'name' | 'repository' | 'build'> {
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

/** Whether a run builds images: not where they are given, or come by promotion. */
export function buildsImages({ choice, images }: EnvironmentRequest): boolean {
  return choice.environment.promoteFrom === undefined && Object.keys(images).length === 0;
}

/**
 * The digest of the image that building a service would reuse, since the repository has one of the same content.
 * Undefined where an image would be made, and for a service that none is built for.
 *
 * @param context where the service is.
 */
export async function findServiceImage(
  context: EnvironmentContext,
  request: EnvironmentRequest,
  name: string,
): Promise<string | undefined> {
  const service = builtServices(request.choice).find((one) => one.name === name);
  if (!service) return undefined;
  const { env, services } = context;
  const images = { ...context, env, ecr: (region?: string) => services.ecr(region) };
  return await findImage(images, imageRequest(context, service, request));
}

/** What build-push-image is asked for, for a service. Throws InputError where there is no commit for the tag. */
export function imageRequest(
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
    numberTags: true,
    source: sourceOf(build, context, {
      buildArgs: { ...build.buildArgs, ...valuesFor(service, buildArgs) },
      secrets: valuesFor(service, buildSecrets),
    }),
    createRepository: false,
    reuse: true,
    ...(build.rebuildAfterMs !== undefined && { rebuildAfterMs: build.rebuildAfterMs }),
    scan,
    // A preview is not released, and a pull request of a fork has no token.
    sign: context.github.pullRequest ? 'none' : build.sign,
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
    context: resolveContext('context', context, workspace),
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
