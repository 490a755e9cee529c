import { join } from 'node:path';
import { tmpdir } from 'node:os';
import type { TrustedRoot } from '@sigstore/protobuf-specs';
import { PlatformError } from '../../core/errors.ts';

let publicTrust: Promise<TrustedRoot> | undefined;

/**
 * The certificate authorities and logs for the verification of signatures: from the given trust root, or else from
 * Sigstore's public good instance. The latter is loaded once for each process with TUF, which verifies that it is
 * authentic and current.
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
    throw new PlatformError('input-invalid', `Cannot read the trust root: ${messageOf(error)}`, {
      fix: 'Use the file trusted_root.json of the Sigstore instance.',
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
      `Cannot load the trust root of Sigstore: "${messageOf(error)}"`,
      {
        fix: 'Allow HTTPS to tuf-repo-cdn.sigstore.dev, or set `trusted-root` to a file with the trust root.',
        cause: error,
      },
    );
  }
}

function messageOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return cause instanceof Error ? cause.message : String(cause);
}
