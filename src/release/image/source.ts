import { stat } from 'node:fs/promises';
import { contentOf } from '../../docker/content-hash.ts';
import type { BuildRequest } from '../../docker/request.ts';
import { ImageLayout } from '../../ecr/layout.ts';
import { unpackLayout } from '../../ecr/layout-archive.ts';
import { InputError } from '../../runtime/errors.ts';
import type { Progress } from './progress.ts';
import type { ImageRequest } from './request.ts';

/** What an image is made from, checked before anything is asked of AWS or Docker. */
export type Source =
  | { kind: 'layout'; layout: ImageLayout }
  | {
      kind: 'build';
      build: BuildRequest;
      /** The tag of an image of this very content; absent when none may serve. */
      contentTag?: string;
    };

/** Checks the source, and hashes what is to be built. Throws InputError. */
export async function openSource(
  { source, reuse }: ImageRequest,
  folder: string,
  progress: Progress,
  context: { env: NodeJS.ProcessEnv; signal: AbortSignal },
): Promise<Source> {
  if (source.kind === 'layout') {
    return { kind: 'layout', layout: await openLayout(source.path, folder, context.signal) };
  }
  const { build } = source;
  await requireFiles(build);
  if (!reuse) return { kind: 'build', build };
  const { hash, files, seesGit } = await contentOf(build, context.env, context.signal);
  progress.say(`The content of the build, ${files} files, has the hash ${hash}.`);
  if (seesGit) {
    progress.note('The build sees the folder .git, so every commit is built anew: name it in .dockerignore.');
  }
  return { kind: 'build', build, contentTag: `content-${hash}` };
}

/** Opens a layout's folder; a tar is unpacked into `folder` first. */
export async function openLayout(path: string, folder: string, signal: AbortSignal): Promise<ImageLayout> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new InputError('oci-layout', path, 'there is no such folder or file');
  if (found.isDirectory()) return ImageLayout.open('oci-layout', path);
  await unpackLayout('oci-layout', path, folder, signal);
  return ImageLayout.open('oci-layout', folder);
}

async function requireFiles({ context, file, buildContexts }: BuildRequest): Promise<void> {
  await requireFolder('context', context);
  const dockerfile = await stat(file).catch(() => undefined);
  if (!dockerfile?.isFile()) throw new InputError('file', file, 'there is no such Dockerfile');
  for (const folder of Object.values(buildContexts)) {
    if (!folder.includes('://')) await requireFolder('build-contexts', folder);
  }
}

async function requireFolder(input: string, path: string): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) throw new InputError(input, path, 'there is no such folder');
}
