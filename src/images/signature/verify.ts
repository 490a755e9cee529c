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
import { type CertificateIdentity, type ExpectedSigner, identityObjection, signerText } from './expected.ts';
import { simpleSigningBundle, simpleSigningDigest } from './simple-signing.ts';
import { requireSubject } from './statement.ts';
import { loadTrust } from './trust.ts';

/** Whether an image is signed as expected: by whom, or what was found instead. */
export type Verification = { verified: true; signer: string } | { verified: false; reason: string };

/** Reasons that a message lists; an image may carry many attestations. */
const SHOWN = 4;

/** The image is not signed as required. */
export class UnverifiedError extends PlatformError {
  override readonly name = 'UnverifiedError';

  constructor(reason: string) {
    super('signature-unverified', reason, { fix: UNVERIFIED_FIX });
  }
}

export const UNVERIFIED_FIX =
  'Release an image that the expected signer signed (build-push-image: `sign: keyless`), or correct `verify`.';

/**
 * Verifies that one of the signatures of an image is by the expected signer, for this very digest: of an index, the
 * index's and not those of its platforms.
 *
 * @throws PlatformError when the registry cannot be read or the trust root cannot be loaded.
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
    return { verified: false, reason: `${image} has no signature. Expected one by ${signerText(expected)}` };
  }
  const verifier = await openVerifier(expected, env);
  const objections: string[] = [];
  for (const signature of attached) {
    try {
      return { verified: true, signer: verifier(signature, digest) };
    } catch (error) {
      if (!(error instanceof RefusedSignature)) throw error;
      objections.push(`${signature.name}: ${error.message}`);
    }
  }
  const shown = [...new Set(objections)].slice(0, SHOWN);
  const more = objections.length > shown.length ? `; and ${objections.length - shown.length} more` : '';
  return {
    verified: false,
    reason: `${image} has no signature by ${signerText(expected)}. Found ${shown.join('; ')}${more}`,
  };
}

/** Throws UnverifiedError for an image that the expected signer has not signed; see `verifyImage`. */
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
 * As `requireSigned`, of an image in any registry.
 *
 * @param image its name, by digest.
 */
export async function requireSignedImage(
  image: string,
  expected: ExpectedSigner,
  context: RegistryContext,
): Promise<void> {
  const reference = parseReference(image);
  if (reference?.digest === undefined)
    throw new UnverifiedError(`${image} is not given by its digest, which is what a signature is of`);
  await requireSigned(await openStore(reference, context), reference.digest, expected, context);
}

/** ECR by its API, which needs no password, and all other registries by their own protocol. */
async function openStore(reference: ImageReference, context: RegistryContext): Promise<ImageStore> {
  const { registry, path, name } = reference;
  const region = ecrRegistry(registry)?.region;
  if (region === undefined) return registryStore(await openRegistry(reference, context), name);
  return ecrStore({ client: await context.ecr(region), name: path, uri: name }, context);
}

/** Why one signature does not count. */
class RefusedSignature extends Error {}

/** Returns who signed. Throws RefusedSignature. */
type Verify = (signature: AttachedSignature, digest: string) => string;

async function openVerifier(expected: ExpectedSigner, env: NodeJS.ProcessEnv): Promise<Verify> {
  const { bundleFromJSON } = await import('@sigstore/bundle');
  const { toSignedEntity, toTrustMaterial, Verifier } = await import('@sigstore/verify');
  const read = (signature: AttachedSignature): Signed => {
    if (signature.form === 'unreadable') throw new RefusedSignature(signature.reason);
    if (signature.form === 'bundle') {
      const bundle = refused('the bundle is invalid', () =>
        bundleFromJSON(JSON.parse(signature.bytes.toString('utf8'))),
      );
      return { bundle, entity: refused('the bundle is invalid', () => toSignedEntity(bundle)) };
    }
    const { payload, annotations } = signature;
    const bundle = refused('the signature is invalid', () =>
      bundleFromJSON(simpleSigningBundle(payload, annotations)),
    );
    const entity = refused('the signature is invalid', () => toSignedEntity(bundle, payload));
    return { bundle, entity, payload };
  };
  if (expected.kind === 'key') {
    return (signature, digest) => {
      const signed = read(signature);
      requireKey(signed, expected.key);
      requireImage(signed, digest);
      return signerText(expected);
    };
  }
  const trust = await loadTrust(expected.trustedRoot, env);
  const verifier = new Verifier(toTrustMaterial(trust), thresholds(trust));
  return (signature, digest) => {
    const signed = read(signature);
    const { key } = signed.entity;
    if (key.$case !== 'certificate')
      throw new RefusedSignature('it is signed with a key and has no certificate');
    const found = refused('the certificate is invalid', () => certificateIdentity(key.certificate));
    refused(`the signature of ${identityText(found)} is invalid`, () => verifier.verify(signed.entity));
    requireImage(signed, digest);
    const objection = identityObjection(expected, found);
    if (objection === undefined) return identityText(found);
    throw new RefusedSignature(`signed by ${identityText(found)}; ${objection}`);
  };
}

interface Signed {
  bundle: Bundle;
  entity: SignedEntity;
  /** What cosign's older signatures sign. */
  payload?: Buffer;
}

/**
 * What a trust root requires of a signature: an entry in its transparency log where it has one, as Sigstore's public
 * good instance does; else a timestamp of its authority, as GitHub's instance for private repositories has.
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

/** Verifies with a key alone: neither log nor timestamp is required, since the owner of the key could write both. */
function requireKey({ entity }: Signed, key: KeyObject): void {
  if (entity.key.$case === 'certificate')
    throw new RefusedSignature('it is signed with a certificate and not a key');
  if (!entity.signature.verifySignature(key)) throw new RefusedSignature('it is not signed with this key');
}

/** Throws RefusedSignature where the signed text is of another image. */
function requireImage({ bundle, payload }: Signed, digest: string): void {
  if (payload) {
    const signed = refused('the payload is invalid', () => simpleSigningDigest(payload));
    if (signed !== digest) throw new RefusedSignature(`it is of the image ${signed}`);
    return;
  }
  const { content } = bundle;
  if (content.$case !== 'dsseEnvelope') throw new RefusedSignature('the bundle has no in-toto statement');
  refused('the statement does not count', () => {
    requireSubject(content.dsseEnvelope, digest);
  });
}

function identityText({ identity, issuer, sourceRepository }: CertificateIdentity): string {
  const isForOther = sourceRepository !== undefined && !identity.startsWith(`${sourceRepository}/`);
  return `${identity} (issuer ${issuer})${isForOther ? ` for ${sourceRepository}` : ''}`;
}

/** Runs a check of a signature, whose failure is a reason not to count it. */
function refused<T>(what: string, check: () => T): T {
  try {
    return check();
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : { message: String(error), cause: undefined };
    const detail = cause instanceof Error ? `${message}, ${cause.message}` : message;
    throw new RefusedSignature(`${what}: ${detail}`);
  }
}
