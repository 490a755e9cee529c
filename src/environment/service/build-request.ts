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
  /** The lowest severity that blocks. */
  scan: ImageRequest['scan'];
  timeoutMs: number;
}

/** A service whose image is built. */
export interface BuiltService extends Pick<Service, 'name' | 'repository' | 'build'> {
  /** Location of an existing service. */
  place?: ServicePlace;
}

/**
 * The services of a choice whose images are built in this run.
 *
 * @throws InputError for a service whose repository is not in ECR.
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
        `expected the digest of ${name}, because its repository ${repository.uri} is not in ECR. Build its image in a separate step`,
      );
    }),
  ];
}

/** Whether a run builds images: not if they are given, or if the environment has `promote-from`. */
export function buildsImages({ choice, images }: EnvironmentRequest): boolean {
  return choice.environment.promoteFrom === undefined && Object.keys(images).length === 0;
}

/**
 * The digest of the image that a build of the service would reuse, because the repository has one for the same
 * content. Undefined if an image would be built, and for a service whose image is not built.
 *
 * @param context the account and region of the service.
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

/** The build-push-image request for a service. @throws InputError if there is no commit for the tag. */
export function imageRequest(
  context: EnvironmentContext,
  { name: service, repository, build }: BuiltService,
  { scan, timeoutMs, buildArgs, buildSecrets }: BuildOptions,
): ImageRequest {
  const { session } = context;
  if (context.commit.commit === '') {
    throw new InputError('commit', '', 'no commit is known for the image tag');
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
    // A preview is not a release, and a pull request from a fork has no token.
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

/** A pull request's image is not a release, and must not get a tag such as `latest` in other registries. */
function copiesOf(
  { also }: BuiltService['build'],
  { github }: EnvironmentContext,
  tags: readonly string[],
): CopyRequest[] {
  if (github.pullRequest) return [];
  return also.map((name) => copyRequest(requireReference('also', parseTarget(name)), tags));
}

/** The manifest's schema has already checked this. */
function requireReference(key: string, image: ImageReference | undefined): ImageReference {
  if (image) return image;
  throw new InputError(key, '', 'expected an image reference');
}

/** The preview finds a pull request's images by this tag, and removes them with it. */
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
