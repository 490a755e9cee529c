import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ImageContext, type ImageRequest, openImageBuildContext } from './context.ts';
import { Progress } from './progress.ts';
import { findExisting, openSource } from './source.ts';

/**
 * The digest of the image that `buildPushImage` would reuse for a request: the repository's image of the same content.
 * Undefined where it would make one. Nothing is built, pushed or tagged.
 *
 * @throws InputError for a source that cannot be used, and the errors of the registry.
 */
export async function findImage(context: ImageContext, request: ImageRequest): Promise<string | undefined> {
  const { repository, region } = request;
  const progress = new Progress({ repository, region }, context);
  const folder = mkdtempSync(join(context.env['RUNNER_TEMP'] ?? tmpdir(), 'find-image-'));
  try {
    const source = await openSource(request, folder, progress, context);
    const { registry } = await openImageBuildContext(context, request, progress, folder);
    return (await findExisting(source, registry))?.digest;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
