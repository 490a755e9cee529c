import type { ECRClient } from '@aws-sdk/client-ecr';
import type { Slots } from '../core/concurrency.ts';
import type { Context } from '../core/context.ts';
import type { BaseDigests } from './bases.ts';
import type { BakeRequest } from './build/bake.ts';
import type { BuildRequest } from './build/command.ts';
import type { Progress } from './progress.ts';
import { registryAccess, registryPassword, type RegistryPassword } from './registry/access/ecr.ts';
import { RegistryClient } from './registry/client.ts';
import type { ImageReference } from './registry/reference.ts';
import { openRepository, type Repository } from './registry/repository.ts';
import type { Severity } from './scan.ts';

/** An image that is built. */
export interface BuildSource {
  kind: 'build';
  build: BuildRequest;
  /** A bake target that the inputs add to; absent if the build is described only by inputs. */
  bake?: BakeRequest;
}

/** A build without a push. */
export interface BuildOnlyRequest {
  /** The repository that the image would be pushed to. */
  repository: string;
  source: BuildSource;
  timeoutMs: number;
}

/** The validated inputs of build-push-image. */
export interface ImageRequest {
  /** The repository's name. */
  repository: string;
  region: string;
  /** At least one. */
  tags: readonly string[];
  /**
   * Whether an immutable tag that an older build of the same content has is numbered, `<tag>-2`. This applies to the
   * default tag, a commit. For a tag that was set explicitly, it is an error.
   */
  numberTags: boolean;
  source: BuildSource | { kind: 'layout'; path: string } | { kind: 'mirror'; image: ImageReference };
  createRepository: boolean;
  /** Whether an existing image of the same content is used instead of a new build. */
  reuse: boolean;
  /** An image of the same content is not reused from this age, in milliseconds; absent: at any age. */
  rebuildAfterMs?: number;
  /** The lowest severity that blocks. */
  scan: Severity | 'off';
  /** Whether the image is signed with the identity of the job. */
  sign: 'none' | 'keyless';
  /** Other repositories that the finished image is copied to. */
  also: readonly CopyRequest[];
  timeoutMs: number;
}

/** A repository of another registry, and the tags for the image there. */
export interface CopyRequest {
  repository: Pick<ImageReference, 'registry' | 'path'>;
  tags: readonly string[];
}

/** The copy in a repository: with the tag in the repository's reference, or else with all tags of the image. */
export function copyRequest(repository: ImageReference, tags: readonly string[]): CopyRequest {
  return { repository, tags: repository.tag === undefined ? tags : [repository.tag] };
}

/** The context of a build without a push. */
export interface BuildContext extends Context {
  env: NodeJS.ProcessEnv;
}

export interface ImageContext extends BuildContext {
  /** Opens the client of a region, by default that of the request. AWS is called only after the inputs are validated. */
  ecr(region?: string): Promise<ECRClient>;
  /** Shared by the builds of one command; absent for a single build. */
  bases?: BaseDigests;
  /** Shared by the builds of one command; absent for a single build. */
  builds?: Slots;
}

/** The state of a run after the repository is opened. */
export interface ImageBuildContext {
  context: ImageContext;
  client: ECRClient;
  repository: Repository;
  registry: RegistryClient;
  /** The host of the registry in image names. */
  registryHost: string;
  password: RegistryPassword;
  progress: Progress;
  /** The folder for temporary files, which is removed when the run ends. */
  folder: string;
}

/** Opens the repository, creates it if requested, and gets a password for its registry. */
export async function openImageBuildContext(
  context: ImageContext,
  request: ImageRequest,
  progress: Progress,
  folder: string,
): Promise<ImageBuildContext> {
  const client = await context.ecr();
  const [repository, password] = await Promise.all([
    openRepository(client, request.repository, { create: request.createRepository }, context),
    registryPassword(client, context),
  ]);
  if (repository.created) progress.note(`Created the repository ${repository.name}.`);
  const access = registryAccess(repository.uri, password);
  const registryHost = access.endpoint.host;
  const registry = new RegistryClient(access, context);
  return { context, client, repository, registry, registryHost, password, progress, folder };
}
