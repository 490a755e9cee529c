import { send } from '../../aws/send.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import { withRetry } from '../../core/retry.ts';
import { exchange } from './http.ts';
import { architectureIn, type ImageManifest } from './manifest.ts';
import { type ImageRepository, repositoryOf } from './repository.ts';

const RETRIES = { attempts: 4, baseMs: 200 };

/** A short-lived address of a blob. Needs ecr:GetDownloadUrlForLayer. */
export async function downloadAddress(
  source: ImageRepository,
  digest: string,
  context: Pick<Context, 'signal'>,
): Promise<URL> {
  const { GetDownloadUrlForLayerCommand } = await import('@aws-sdk/client-ecr');
  const command = new GetDownloadUrlForLayerCommand({ ...repositoryOf(source), layerDigest: digest });
  const { downloadUrl = '' } = await send(source.client, command, context);
  return new URL(downloadUrl);
}

/**
 * The CPU architecture that an image of one manifest is built for, as its config says: `amd64`, `arm64`. Undefined
 * when the config does not say. An index says it itself; a manifest alone says it only in its config.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md
 * @throws AwsError; PlatformError when the config cannot be downloaded.
 */
export async function architectureOf(
  source: ImageRepository,
  { config }: ImageManifest,
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<string | undefined> {
  const isTransient = (error: unknown): boolean => error instanceof DownloadError && error.transient;
  const body = await withRetry(context, { ...RETRIES, isTransient }, async () => {
    const url = await downloadAddress(source, config.digest, context);
    return await download(url, context.signal);
  });
  return architectureIn(body);
}

class DownloadError extends PlatformError {
  override readonly name = 'DownloadError';
  readonly transient: boolean;

  constructor(problem: string, options: { transient: boolean; cause?: unknown }) {
    super('registry-rejected', `the image's config cannot be downloaded: ${problem}`, options);
    this.transient = options.transient;
  }
}

async function download(url: URL, signal: AbortSignal): Promise<Buffer> {
  const { status, body } = await exchange({ method: 'GET', url }, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    throw new DownloadError(error instanceof Error ? error.message : String(error), {
      transient: true,
      cause: error,
    });
  });
  if (status !== 200) throw new DownloadError(`HTTP ${status}`, { transient: status >= 500 });
  return body;
}
