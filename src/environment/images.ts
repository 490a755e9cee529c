import { resolve } from 'node:path';
import { resolveContexts, type BuildRequest } from '../docker/request.ts';
import { sourceLabels } from '../docker/labels.ts';
import { buildPushImage } from '../release/image/build-push-image.ts';
import type { ImageRequest } from '../release/image/request.ts';
import { InputError } from '../runtime/errors.ts';
import type { Outcome } from '../runtime/outcome.ts';
import { derived, type EnvironmentContext } from './context.ts';
import type { Service } from './manifest.ts';
import { unitLog } from './unit-log.ts';

export interface BuildOptions {
  /** The mildest severity that blocks. */
  scan: ImageRequest['scan'];
  timeoutMs: number;
}

/** The image of one service. */
export interface BuiltImage {
  service: string;
  ok: boolean;
  /** build-push-image's own. */
  verdict: string;
  reason: string;
  /** `sha256:…`, once it is known. */
  digest: string;
  outcome: Outcome;
}

/**
 * Builds the images of services side by side, or finds those of the same content, or pushes ready layouts. The
 * repositories must be there: a stack of the environment makes them.
 *
 * @throws InputError where there is no commit to take the tag from.
 */
export async function buildImages(
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
export async function buildImage(
  context: EnvironmentContext,
  service: Service,
  options: BuildOptions,
): Promise<BuiltImage> {
  const { env, services } = context;
  const outcome = await buildPushImage(
    { ...context, env, ecr: () => services.ecr() },
    imageRequest(context, service, options),
  );
  const { ok, verdict, reason, outputs } = outcome;
  return { service: service.name, ok, verdict, reason, digest: outputs['digest'] ?? '', outcome };
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
