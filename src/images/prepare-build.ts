import { type Builder, findBuilder } from './build/builder.ts';
import {
  type BuildRequest,
  type BuildTarget,
  cacheOptions,
  type CacheRepository,
  requireBuilderSupport,
} from './build/command.ts';
import type { DockerClient } from './build/docker.ts';
import type { BuildStep } from './build/output.ts';
import type { BuildContext } from './context.ts';
import type { Progress } from './progress.ts';

interface PreparedBuild {
  builder: Builder;
  cache?: NonNullable<BuildTarget['cache']>;
  onProgress: (steps: readonly BuildStep[]) => void;
}

/** Finds the builder and the cache of a build, and notes what they cannot do. Throws for what an input requires. */
export async function prepareBuild(
  docker: DockerClient,
  request: BuildRequest,
  repository: CacheRepository,
  { progress, context }: { progress: Progress; context: BuildContext },
): Promise<PreparedBuild> {
  const builder = await findBuilder(docker);
  context.log.info(`Building with ${builder.description}.`);
  const { cache, note } = cacheOptions(request, builder, repository, context.env);
  const notes = [...requireBuilderSupport(request, builder), ...(note === undefined ? [] : [note])];
  for (const text of notes) progress.note(text);
  const onProgress = (steps: readonly BuildStep[]): void => {
    progress.run.build = { steps };
  };
  return { builder, ...(cache && { cache }), onProgress };
}
