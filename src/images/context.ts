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
  /** Describes the build beside the inputs; absent: the inputs are all of it. */
  bake?: BakeRequest;
}

/** A build whose image is pushed nowhere. */
export interface BuildOnlyRequest {
  /** The name of the repository that it would be pushed to. */
  repository: string;
  source: BuildSource;
  timeoutMs: number;
}

/** What build-push-image is asked for. */
export interface ImageRequest {
  /** The repository's name. */
  repository: string;
  region: string;
  /** At least one. */
  tags: readonly string[];
  /**
   * Whether a tag that cannot move from an older build of the same content is numbered, `<tag>-2`: the default tag,
   * which means a commit. A tag that was asked for is refused instead.
   */
  numberTags: boolean;
  source: BuildSource | { kind: 'layout'; path: string } | { kind: 'mirror'; image: ImageReference };
  createRepository: boolean;
  /** Whether an existing image of the same content is used instead of a new build. */
  reuse: boolean;
  /** The age from which an image of the same content is not used, in milliseconds; absent: none is too old. */
  rebuildAfterMs?: number;
  /** The lowest severity that blocks. */
  scan: Severity | 'off';
  /** Whether the image gets a signature with the identity of the job. */
  sign: 'none' | 'keyless';
  /** Where else the finished image is copied to. */
  also: readonly CopyRequest[];
  timeoutMs: number;
}

/** A repository of another registry, and the tags for the image there. */
export interface CopyRequest {
  repository: Pick<ImageReference, 'registry' | 'path'>;
  tags: readonly string[];
}

/** The copy in a repository: under the tag that is given with its name, else under all tags of the image. */
export function copyRequest(repository: ImageReference, tags: readonly string[]): CopyRequest {
  return { repository, tags: repository.tag === undefined ? tags : [repository.tag] };
}

/** What a build needs that is pushed nowhere. */
export interface BuildContext extends Context {
  env: NodeJS.ProcessEnv;
}

export interface ImageContext extends BuildContext {
  /** Opens the client of a region, by default the request's own. AWS is called once the inputs are known to be valid. */
  ecr(region?: string): Promise<ECRClient>;
  /** Shared by the builds of one command; absent: there is one build. */
  bases?: BaseDigests;
  /** Shared by the builds of one command; absent: there is one build. */
  builds?: Slots;
}

/** What a run works with once the repository is known. */
export interface ImageBuildContext {
  context: ImageContext;
  client: ECRClient;
  repository: Repository;
  registry: RegistryClient;
  /** The registry's host, as in the names of images. */
  registryHost: string;
  password: RegistryPassword;
  progress: Progress;
  /** For temporary files; removed when the run ends. */
  folder: string;
}

/** Opens the repository, creates it where that is asked for, and gets a password for its registry. */
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
  if (repository.created) progress.note(`The repository ${repository.name} was created.`);
  const access = registryAccess(repository.uri, password);
  const registryHost = access.endpoint.host;
  const registry = new RegistryClient(access, context);
  return { context, client, repository, registry, registryHost, password, progress, folder };
}
