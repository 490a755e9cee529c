import { join } from 'node:path';
import type { Sandbox } from '../../../sandbox/index.ts';
import type { BaseDigests } from '../../../src/images/bases.ts';
import { buildPushImage, findImage } from '../../../src/images/build-push-image.ts';
import type { BuildRequest } from '../../../src/images/build/command.ts';
import type { ImageContext, ImageRequest } from '../../../src/images/context.ts';
import type { ImageResult } from '../../../src/images/result.ts';
import type { DockerPlayback } from '../../support/docker-playback.ts';
import { ecrOf, REPOSITORY } from '../../support/image.ts';
import { contextOf } from './registry/context.ts';

/** The library in this process, against a sandbox. Sleeps take no time. */
export interface ImageStage {
  lines: string[];
  /** Sets the clock of the following runs. */
  setTime: (time: Date) => void;
  push: (request?: Partial<ImageRequest>) => Promise<ImageResult>;
  find: (request?: Partial<ImageRequest>) => Promise<string | undefined>;
}

export function imageStage(
  sandbox: Sandbox,
  workspace: string,
  { docker, env = {}, bases }: { docker?: DockerPlayback; env?: NodeJS.ProcessEnv; bases?: BaseDigests } = {},
): ImageStage {
  const context = contextOf();
  const images: ImageContext = {
    ...context,
    env: { PATH: '/usr/bin:/bin', DOCKER_CONFIG: '/nowhere', ...docker?.env, ...env },
    ecr: (region) => Promise.resolve(ecrOf(sandbox, undefined, region)),
    ...(bases && { bases }),
  };
  const whole = (request: Partial<ImageRequest>): ImageRequest => ({
    repository: REPOSITORY,
    region: 'eu-west-1',
    tags: ['v1'],
    numberTags: false,
    source: docker
      ? { kind: 'build', build: buildRequest(workspace) }
      : { kind: 'layout', path: join(workspace, 'image') },
    createRepository: true,
    reuse: true,
    scan: 'off',
    sign: 'none',
    also: [],
    timeoutMs: 600_000,
    ...request,
  });
  return {
    lines: context.lines,
    setTime: (time) => {
      context.clock.advance(time.getTime() - context.clock.now());
    },
    push: (request = {}) => buildPushImage(images, whole(request)),
    find: (request = {}) => findImage(images, whole(request)),
  };
}

/** The build of the workspace's folder `api`. */
export function buildRequest(workspace: string, changes: Partial<BuildRequest> = {}): BuildRequest {
  const context = join(workspace, 'api');
  return {
    workspace,
    context,
    file: join(context, 'Dockerfile'),
    platforms: [],
    target: undefined,
    buildArgs: {},
    buildContexts: {},
    secrets: {},
    ssh: [],
    labels: {},
    cache: 'none',
    provenance: 'auto',
    sbom: 'false',
    ...changes,
  };
}
