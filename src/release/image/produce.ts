import { stat } from 'node:fs/promises';
import { ImageLayout } from '../../ecr/layout.ts';
import { unpackLayout } from '../../ecr/layout-archive.ts';
import type { Manifest } from '../../ecr/manifest.ts';
import { pushLayout } from '../../ecr/push.ts';
import type { RegistryClient } from '../../ecr/registry.ts';
import { InputError } from '../../runtime/errors.ts';
import type { Context } from '../../runtime/context.ts';
import type { Progress } from './progress.ts';
import type { ImageRequest } from './request.ts';

/** What a run works from, checked before anything is asked of AWS. */
export type Source = { kind: 'layout'; layout: ImageLayout };

/** Checks what the image is to be made from. Throws InputError. */
export async function openSource(
  request: ImageRequest,
  folder: string,
  signal: AbortSignal,
): Promise<Source> {
  const { source } = request;
  if (source.kind === 'build') throw new InputError('oci-layout', '', 'not yet');
  return { kind: 'layout', layout: await openLayout(source.path, folder, signal) };
}

/** Opens a layout's folder; a tar is unpacked into `folder` first. */
async function openLayout(path: string, folder: string, signal: AbortSignal): Promise<ImageLayout> {
  const found = await stat(path).catch(() => undefined);
  if (!found) throw new InputError('oci-layout', path, 'there is no such folder or file');
  if (found.isDirectory()) return ImageLayout.open('oci-layout', path);
  await unpackLayout('oci-layout', path, folder, signal);
  return ImageLayout.open('oci-layout', folder);
}

/** The image that the repository has already; undefined when it must be made. */
export function findExisting(source: Source, registry: RegistryClient): Promise<Manifest | undefined> {
  return registry.manifest(source.layout.root.digest);
}

/** Brings the image into the repository, without a tag. */
export async function bring(
  source: Source,
  registry: RegistryClient,
  progress: Progress,
  context: Pick<Context, 'log'>,
): Promise<Manifest> {
  const { layout } = source;
  progress.report.push = await progress.in('push', () => pushLayout(layout, registry, context));
  return layout.root;
}
