import type { KeyObject } from 'node:crypto';
import type { Bundle } from '@sigstore/bundle';
import type { SignedEntity } from '@sigstore/verify';
import type { TrustedRoot } from '@sigstore/protobuf-specs';
import { PlatformError } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import { shortDigest } from '../../core/text.ts';
import { ecrStore } from '../registry/copy/ecr-store.ts';
import { registryStore } from '../registry/copy/registry-store.ts';
import type { ImageStore } from '../registry/copy/store.ts';
import { openRegistry, type RegistryContext } from '../registry/open.ts';
import { ecrRegistry, type ImageReference, parseReference } from '../registry/reference.ts';
import { type AttachedSignature, attachedSignatures } from './attached.ts';
import { certificateIdentity } from './certificate.ts';
import {
  type CertificateIdentity,
  type ExpectedSigner,
  identityMismatch,
  describeSigner,
} from './expected.ts';
import { simpleSigningBundle, simpleSigningDigest } from './simple-signing.ts';
import { requireSubject } from './statement.ts';
import { loadTrust } from './trust.ts';

/** The signer of an image, or why it is not signed as expected. */
export type Verification = { verified: true; signer: string } | { verified: false; reason: string };

/** The maximum number of reasons in a message. An image may have many attestations. */
const SHOWN = 4;

/** An image is not signed as required. */
export class UnverifiedError extends PlatformError {
  override readonly name = 'UnverifiedError';

  constructor(reason: string) {
    super('signature-unverified', reason, { fix: UNVERIFIED_FIX });
  }
}

export const UNVERIFIED_FIX =
  'Release an image that is signed by the expected signer (build-push-image: `sign: keyless`), or correct `verify`.';

/**
 * Verifies that one of the signatures of an image is by the expected signer and for this exact digest. For an index, this
 * is the digest of the index, not of its platforms.
 *
 * @throws PlatformError if the registry cannot be read or the trust root cannot be loaded.
 */
export async function verifyImage(
  store: ImageStore,
  digest: string,
  expected: ExpectedSigner,
  env: NodeJS.ProcessEnv,
): Promise<Verification> {
  const attached = await attachedSignatures(store, digest);
  const image = `${shortDigest(digest)} in ${store.name}`;
  if (attached.length === 0) {
    return {
      verified: false,
      reason: `${image} has no signature. Expected one by ${describeSigner(expected)}`,
    };
  }
  const verifier = await openVerifier(expected, env);
  const reasons: string[] = [];
  for (const signature of attached) {
    try {
      return { verified: true, signer: verifier(signature, digest) };
    } catch (error) {
      if (!(error instanceof RejectedSignature)) throw error;
      reasons.push(`${signature.name}: ${error.message}`);
    }
  }
  const shown = [...new Set(reasons)].slice(0, SHOWN);
  const more = reasons.length > shown.length ? `; and ${reasons.length - shown.length} more` : '';
  return {
    verified: false,
    reason: `${image} has no signature by ${describeSigner(expected)}. Found ${shown.join('; ')}${more}`,
  };
}

/** Throws UnverifiedError if an image is not signed by the expected signer: see `verifyImage`. */
export async function requireSigned(
  store: ImageStore,
  digest: string,
  expected: ExpectedSigner,
  { env, log }: { env: NodeJS.ProcessEnv; log: Log },
): Promise<void> {
  const verification = await verifyImage(store, digest, expected, env);
  if (!verification.verified) throw new UnverifiedError(verification.reason);
  log.info(`Verified ${shortDigest(digest)} in ${store.name}: signed by ${verification.signer}.`);
}

/**
 * Like `requireSigned`, for an image in any registry.
 *
 * @param image its name with a digest.
 */
export async function requireSignedImage(
  image: string,
  expected: ExpectedSigner,
  context: RegistryContext,
): Promise<void> {
  const reference = parseReference(image);
  if (reference?.digest === undefined)
    throw new UnverifiedError(`${image} has no digest, which is required to verify a signature`);
  await requireSigned(await openStore(reference, context), reference.digest, expected, context);
}

/** ECR through its API, which needs no password, and other registries through the registry protocol. */
async function openStore(reference: ImageReference, context: RegistryContext): Promise<ImageStore> {
  const { registry, path, name } = reference;
  const region = ecrRegistry(registry)?.region;
  if (region === undefined) return registryStore(await openRegistry(reference, context), name);
  return ecrStore({ client: await context.ecr(region), name: path, uri: name }, context);
}

/** A signature is not accepted. */
class RejectedSignature extends Error {}

/** Returns the signer. Throws RejectedSignature. */
type Verify = (signature: AttachedSignature, digest: string) => string;

async function openVerifier(expected: ExpectedSigner, env: NodeJS.ProcessEnv): Promise<Verify> {
  const { bundleFromJSON } = await import('@sigstore/bundle');
  const { toSignedEntity, toTrustMaterial, Verifier } = await import('@sigstore/verify');
  const read = (signature: AttachedSignature): Signed => {
    if (signature.form === 'unreadable') throw new RejectedSignature(signature.reason);
    if (signature.form === 'bundle') {
      const bundle = runCheck('the bundle is invalid', () =>
        bundleFromJSON(JSON.parse(signature.bytes.toString('utf8'))),
      );
      return { bundle, entity: runCheck('the bundle is invalid', () => toSignedEntity(bundle)) };
    }
    const { payload, annotations } = signature;
    const bundle = runCheck('the signature is invalid', () =>
      bundleFromJSON(simpleSigningBundle(payload, annotations)),
    );
    const entity = runCheck('the signature is invalid', () => toSignedEntity(bundle, payload));
    return { bundle, entity, payload };
  };
  if (expected.kind === 'key') {
    return (signature, digest) => {
      const signed = read(signature);
      requireKey(signed, expected.key);
      requireImage(signed, digest);
      return describeSigner(expected);
    };
  }
  const trust = await loadTrust(expected.trustedRoot, env);
  const verifier = new Verifier(toTrustMaterial(trust), thresholds(trust));
  return (signature, digest) => {
    const signed = read(signature);
    const { key } = signed.entity;
    if (key.$case !== 'certificate')
      throw new RejectedSignature('it is signed with a key and has no certificate');
    const found = runCheck('the certificate is invalid', () => certificateIdentity(key.certificate));
    runCheck(`the signature of ${identityText(found)} is invalid`, () => verifier.verify(signed.entity));
    requireImage(signed, digest);
    const mismatch = identityMismatch(expected, found);
    if (mismatch === undefined) return identityText(found);
    throw new RejectedSignature(`signed by ${identityText(found)}; ${mismatch}`);
  };
}

interface Signed {
  bundle: Bundle;
  entity: SignedEntity;
  /** The signed content of cosign's older signatures. */
  payload?: Buffer;
}

/**
 * The requirements of a trust root: an entry in its transparency log if it has one, like Sigstore's public good instance,
 * or else a timestamp of its authority, like GitHub's instance for private repositories.
 *
 * @see https://github.com/cli/cli/blob/trunk/pkg/cmd/attestation/verification/sigstore.go
 */
function thresholds({ tlogs, ctlogs }: TrustedRoot) {
  return {
    tlogThreshold: tlogs.length > 0 ? 1 : 0,
    ctlogThreshold: ctlogs.length > 0 ? 1 : 0,
    timestampThreshold: 1,
  };
}

/** Verifies only with a key. Neither log nor timestamp is required, because the owner of the key could create both. */
function requireKey({ entity }: Signed, key: KeyObject): void {
  if (entity.key.$case === 'certificate')
    throw new RejectedSignature('it is signed with a certificate, not with a key');
  if (!entity.signature.verifySignature(key)) throw new RejectedSignature('it is not signed with this key');
}

/** Throws RejectedSignature if the signature is for another image. */
function requireImage({ bundle, payload }: Signed, digest: string): void {
  if (payload) {
    const signed = runCheck('the payload is invalid', () => simpleSigningDigest(payload));
    if (signed !== digest) throw new RejectedSignature(`it is for the image ${signed}`);
    return;
  }
  const { content } = bundle;
  if (content.$case !== 'dsseEnvelope') throw new RejectedSignature('the bundle has no in-toto statement');
  runCheck('the statement is not accepted', () => {
    requireSubject(content.dsseEnvelope, digest);
  });
}

function identityText({ identity, issuer, sourceRepository }: CertificateIdentity): string {
  const isForOther = sourceRepository !== undefined && !identity.startsWith(`${sourceRepository}/`);
  return `${identity} (issuer ${issuer})${isForOther ? ` for ${sourceRepository}` : ''}`;
}

/** Runs a check of a signature. A failure means that the signature is not accepted. */
function runCheck<T>(what: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : { message: String(error), cause: undefined };
    const detail = cause instanceof Error ? `${message}, ${cause.message}` : message;
    throw new RejectedSignature(`${what}: ${detail}`);
  }
}
