import { resolve } from 'node:path';
import { readFileSync } from 'node:fs';
import { type IdentityToken, mayRequestToken, requestIdentityToken } from '../../aws/oidc.ts';
import { withTimeLimit } from '../../core/concurrency.ts';
import type { Context } from '../../core/context.ts';
import { InputError, PlatformError } from '../../core/errors.ts';
import type { RegistryClient } from '../registry/client.ts';
import { registryStore } from '../registry/copy/registry-store.ts';
import type { Manifest } from '../registry/manifest.ts';
import { type ExpectedSigner, GITHUB_ISSUER } from './expected.ts';
import { pushReferrer } from './referrer.ts';
import { SIGNATURE_PREDICATE, signatureStatement, STATEMENT_TYPE } from './statement.ts';
import { verifyImage } from './verify.ts';

/** The audience of the token that Fulcio accepts. @see https://docs.sigstore.dev/certificate_authority/oidc-in-fulcio/ */
const AUDIENCE = 'sigstore';
const SIGN_TIMEOUT_MS = 120_000;
/** The values of actions/attest. @see https://github.com/actions/toolkit/blob/main/packages/attest/src/sign.ts */
const REQUESTS = { timeout: 10_000, retry: 3 };
const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** The services of a Sigstore instance. Without a URL, Sigstore's public good instance is used. */
interface Instance {
  fulcio?: string;
  rekor?: string;
  tsa?: string;
  trustedRoot?: string;
}

interface SignContext extends Pick<Context, 'clock' | 'signal' | 'log'> {
  env: NodeJS.ProcessEnv;
}

/** The signer of an image, and whether it was signed by this run. */
export interface SignedImage {
  signer: string;
  state: 'signed' | 'present';
}

/**
 * Signs an image with the identity of the job, unless it already has this signature, and verifies the signature in the
 * registry.
 *
 * @param uri host and path of the repository.
 * @throws PlatformError without a token, or if Sigstore or the registry rejects the request.
 */
export async function signImage(
  registry: RegistryClient,
  uri: string,
  image: Manifest,
  context: SignContext,
): Promise<SignedImage> {
  const instance = instanceOf(context.env);
  const token = await identityToken(context);
  const expected = ownSigner(token, instance);
  requirePublication(token, context.env);
  const store = registryStore(registry, uri);
  const present = await verifyImage(store, image.digest, expected, context.env);
  if (present.verified) return { signer: present.signer, state: 'present' };
  const bundle = await createBundle(signatureStatement(image.digest), token, instance, context);
  await pushReferrer(registry, image, { type: BUNDLE_TYPE, content: bundle, predicate: SIGNATURE_PREDICATE });
  const verification = await verifyImage(store, image.digest, expected, context.env);
  if (!verification.verified)
    throw new PlatformError(
      'signature-unverified',
      `The new signature cannot be verified: ${verification.reason}`,
    );
  return { signer: verification.signer, state: 'signed' };
}

/** Reads the Sigstore instance from environment variables, which an organisation can set for all its jobs. */
function instanceOf(env: NodeJS.ProcessEnv): Instance {
  const value = (name: string): string | undefined => env[name] || undefined;
  const [fulcio, rekor, tsa] = ['SIGSTORE_FULCIO_URL', 'SIGSTORE_REKOR_URL', 'SIGSTORE_TSA_URL'].map(value);
  const root = value('SIGSTORE_TRUSTED_ROOT');
  for (const url of [fulcio, rekor, tsa]) {
    if (url !== undefined && !URL.canParse(url))
      throw new InputError(
        'SIGSTORE_FULCIO_URL, SIGSTORE_REKOR_URL, SIGSTORE_TSA_URL',
        url,
        'expected a URL',
      );
  }
  if (fulcio === undefined && (rekor ?? tsa) !== undefined)
    throw new InputError(
      'SIGSTORE_FULCIO_URL',
      '',
      'expected a URL, because SIGSTORE_REKOR_URL or SIGSTORE_TSA_URL is set',
    );
  if (fulcio !== undefined && rekor === undefined && tsa === undefined)
    throw new InputError(
      'SIGSTORE_REKOR_URL',
      '',
      'expected a URL here or in SIGSTORE_TSA_URL, because SIGSTORE_FULCIO_URL is set',
    );
  return {
    ...(fulcio !== undefined && { fulcio }),
    ...(rekor !== undefined && { rekor }),
    ...(tsa !== undefined && { tsa }),
    ...(root !== undefined && { trustedRoot: readRoot(root, env) }),
  };
}

function readRoot(file: string, env: NodeJS.ProcessEnv): string {
  try {
    return readFileSync(resolve(env['GITHUB_WORKSPACE'] ?? '.', file), 'utf8');
  } catch (error) {
    throw new InputError('SIGSTORE_TRUSTED_ROOT', '', `cannot read ${file} (${(error as Error).message})`);
  }
}

async function identityToken(context: SignContext): Promise<IdentityToken> {
  if (mayRequestToken(context.env)) return await requestIdentityToken(context.env, context, AUDIENCE);
  throw new PlatformError(
    'oidc-unavailable',
    'sign: keyless needs an OIDC token, but the job is not allowed to request one',
    {
      fix: 'Grant the job the permission `id-token: write`. Pull requests from forks never get a token.',
    },
  );
}

/** The identity in Fulcio's certificate for a token. @see https://github.com/sigstore/fulcio/blob/main/docs/oidc.md */
function ownSigner({ claims }: IdentityToken, { trustedRoot }: Instance): ExpectedSigner {
  const { iss, job_workflow_ref: workflow, repository } = claims;
  return {
    kind: 'identity',
    issuer: typeof iss === 'string' ? iss : GITHUB_ISSUER,
    identity: `https://github.com/${String(workflow)}`,
    repository: String(repository),
    ...(trustedRoot !== undefined && { trustedRoot }),
  };
}

/** Sigstore's public log shows the names of the repository, workflow and branch to everyone, permanently. */
function requirePublication({ claims }: IdentityToken, env: NodeJS.ProcessEnv): void {
  if (claims['repository_visibility'] === 'public' || env['SIGSTORE_FULCIO_URL']) return;
  throw new PlatformError(
    'input-invalid',
    'sign: keyless would publish the names of this repository, its workflow and branch in the public log of Sigstore, but the repository is not public',
    {
      fix: 'Set SIGSTORE_FULCIO_URL, SIGSTORE_REKOR_URL and SIGSTORE_TRUSTED_ROOT to a private instance, or SIGSTORE_FULCIO_URL to https://fulcio.sigstore.dev and SIGSTORE_REKOR_URL to https://rekor.sigstore.dev to publish them.',
    },
  );
}

async function createBundle(
  statement: string,
  { jwt }: IdentityToken,
  { fulcio, rekor, tsa }: Instance,
  context: SignContext,
): Promise<Buffer> {
  const { DSSEBundleBuilder, FulcioSigner, RekorWitness, TSAWitness } = await import('@sigstore/sign');
  const { bundleToJSON } = await import('@sigstore/bundle');
  const signer = new FulcioSigner({
    identityProvider: { getToken: () => Promise.resolve(jwt) },
    ...(fulcio !== undefined && { fulcioBaseURL: fulcio }),
    ...REQUESTS,
  });
  const isLogged = fulcio === undefined || rekor !== undefined;
  const witnesses = [
    ...(isLogged
      ? [
          new RekorWitness({
            entryType: 'dsse',
            ...(rekor !== undefined && { rekorBaseURL: rekor }),
            ...REQUESTS,
          }),
        ]
      : []),
    ...(tsa === undefined ? [] : [new TSAWitness({ tsaBaseURL: tsa, ...REQUESTS })]),
  ];
  const builder = new DSSEBundleBuilder({ signer, witnesses });
  const limit = { what: 'signing the image', timeoutMs: SIGN_TIMEOUT_MS };
  try {
    const created = await withTimeLimit(context, limit, (signal) =>
      Promise.race([builder.create({ data: Buffer.from(statement), type: STATEMENT_TYPE }), aborted(signal)]),
    );
    return Buffer.from(JSON.stringify(bundleToJSON(created)));
  } catch (error) {
    context.signal.throwIfAborted();
    if (error instanceof PlatformError) throw error;
    // The library's message about an invalid token contains the token, which is masked in the log.
    throw new PlatformError('service-unavailable', `Sigstore did not sign the image: "${causesOf(error)}"`, {
      cause: error,
    });
  }
}

/** The library does not support signals. After a cancellation, its result is ignored. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error);
    };
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}

function causesOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${causesOf(error.cause)}` : error.message;
}
