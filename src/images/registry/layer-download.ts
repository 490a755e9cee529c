import { send } from '../../aws/send.ts';
import type { Context } from '../../core/context.ts';
import { PlatformError } from '../../core/errors.ts';
import { withRetry } from '../../core/retry.ts';
import { exchange } from './http.ts';
import { architectureIn, type ImageManifest } from './manifest.ts';
import { type ImageRepository, repositoryOf } from './repository.ts';

const RETRIES = { attempts: 4, baseMs: 200 };

/** A short-lived URL of a blob. Needs ecr:GetDownloadUrlForLayer. */
export async function layerDownloadUrl(
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
 * The CPU architecture of a single image from its config: `amd64`, `arm64`. Undefined if the config does not have it. An
 * index contains the architectures of its images, but a single manifest does not.
 *
 * @see https://github.com/opencontainers/image-spec/blob/main/config.md
 * @throws AwsError; PlatformError if the config cannot be downloaded.
 */
export async function architectureOf(
  source: ImageRepository,
  { config }: ImageManifest,
  context: Pick<Context, 'clock' | 'signal' | 'log'>,
): Promise<string | undefined> {
  const isTransient = (error: unknown): boolean => error instanceof DownloadError && error.transient;
  const body = await withRetry(context, { ...RETRIES, isTransient }, async () => {
    const url = await layerDownloadUrl(source, config.digest, context);
    return await download(url, context.signal);
  });
  return architectureIn(body);
}

class DownloadError extends PlatformError {
  override readonly name = 'DownloadError';
  readonly transient: boolean;

  constructor(problem: string, options: { transient: boolean; cause?: unknown }) {
    super('registry-rejected', `cannot download the image config: ${problem}`, options);
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
