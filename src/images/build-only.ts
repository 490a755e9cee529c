import { tryBuild } from './build/build.ts';
import { DockerClient } from './build/docker.ts';
import type { BuildContext, BuildOnlyRequest } from './context.ts';
import { prepareBuild } from './create-image.ts';
import { withImageRun } from './image-run.ts';
import type { ImageResult } from './result.ts';
import { openBuild } from './source.ts';

/** Builds an image without pushing it: a check for pull requests that needs no credentials. Never throws. */
export async function buildOnly(context: BuildContext, request: BuildOnlyRequest): Promise<ImageResult> {
  const { repository: name, timeoutMs, source } = request;
  const about = { repository: name, timeoutMs, what: `building ${name}` };
  return withImageRun(context, about, async (own, progress, folder) => {
    const build = await progress.runStage('check', () => openBuild(source, folder, progress, own));
    await progress.runStage('try-build', async () => {
      const docker = new DockerClient(folder, undefined, own.env, own);
      const part = { progress, context: own };
      const prepared = await prepareBuild(docker, build, { name, mayWrite: false }, part);
      await tryBuild(docker, build, { ...prepared, folder }, own);
    });
    return {
      ...progress.run,
      verdict: 'built',
      reason: 'Built the image without pushing it (push: false).',
    };
  });
}
