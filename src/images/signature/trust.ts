import { join } from 'node:path';
import { tmpdir } from 'node:os';
import type { TrustedRoot } from '@sigstore/protobuf-specs';
import { PlatformError } from '../../core/errors.ts';

let publicTrust: Promise<TrustedRoot> | undefined;

/**
 * The certificate authorities and logs that signatures are verified against: those of a trust root that is given as
 * JSON, else those of Sigstore's public good instance. The latter are loaded by TUF, which proves that they are genuine
 * and current, once in a process.
 *
 * @see https://github.com/sigstore/root-signing
 */
export async function loadTrust(json: string | undefined, env: NodeJS.ProcessEnv): Promise<TrustedRoot> {
  if (json !== undefined) return await parseTrust(json);
  publicTrust ??= loadPublicTrust(join(env['RUNNER_TEMP'] ?? tmpdir(), 'sigstore-trust')).catch(
    (error: unknown) => {
      publicTrust = undefined;
      throw error;
    },
  );
  return await publicTrust;
}

async function parseTrust(json: string): Promise<TrustedRoot> {
  const { TrustedRoot: reader } = await import('@sigstore/protobuf-specs');
  try {
    return reader.fromJSON(JSON.parse(json));
  } catch (error) {
    throw new PlatformError('input-invalid', `The trust root cannot be read: ${messageOf(error)}`, {
      fix: 'Give the file trusted_root.json of the Sigstore instance.',
      cause: error,
    });
  }
}

async function loadPublicTrust(cachePath: string): Promise<TrustedRoot> {
  const { getTrustedRoot } = await import('@sigstore/tuf');
  try {
    return await getTrustedRoot({ cachePath });
  } catch (error) {
    throw new PlatformError(
      'service-unavailable',
      `The trust root of Sigstore cannot be loaded: "${messageOf(error)}"`,
      {
        fix: 'Allow HTTPS to tuf-repo-cdn.sigstore.dev, or give the trust root as a file (`trusted-root`).',
        cause: error,
      },
    );
  }
}

function messageOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
