import { createHash } from 'node:crypto';

/** The annotations of cosign's older signatures. @see https://github.com/sigstore/cosign/blob/main/pkg/oci/static/signature.go */
const SIGNATURE = 'dev.cosignproject.cosign/signature';
const CERTIFICATE = 'dev.sigstore.cosign/certificate';
const LOG_ENTRY = 'dev.sigstore.cosign/bundle';
const TIMESTAMP = 'dev.sigstore.cosign/rfc3161timestamp';

/** An entry of the transparency log in cosign's format. @see https://github.com/sigstore/cosign/blob/main/pkg/cosign/bundle/rekor.go */
interface LogEntry {
  SignedEntryTimestamp: string;
  Payload: { body: string; integratedTime: number; logIndex: number; logID: string };
}

/**
 * Converts a signature in cosign's older format to the JSON of a bundle, so that both are verified in the same way.
 *
 * @param payload the signed content.
 * @throws Error if the annotations are not a signature.
 */
export function simpleSigningBundle(payload: Buffer, annotations: Readonly<Record<string, string>>): object {
  const {
    [SIGNATURE]: signature,
    [CERTIFICATE]: pem,
    [LOG_ENTRY]: entry,
    [TIMESTAMP]: timestamp,
  } = annotations;
  if (signature === undefined) throw new Error(`the layer has no annotation ${SIGNATURE}`);
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.1',
    messageSignature: {
      messageDigest: {
        algorithm: 'SHA2_256',
        digest: createHash('sha256').update(payload).digest('base64'),
      },
      signature,
    },
    verificationMaterial: {
      ...(pem === undefined
        ? { publicKey: { hint: '' } }
        : { x509CertificateChain: { certificates: [{ rawBytes: derOf(pem) }] } }),
      tlogEntries: entry === undefined ? [] : [logEntry(JSON.parse(entry) as LogEntry)],
      ...(timestamp !== undefined && {
        timestampVerificationData: { rfc3161Timestamps: [timestampOf(timestamp)] },
      }),
    },
  };
}

function logEntry({ SignedEntryTimestamp: promise, Payload: payload }: LogEntry): object {
  const { kind, apiVersion } = JSON.parse(Buffer.from(payload.body, 'base64').toString('utf8')) as {
    kind: string;
    apiVersion: string;
  };
  return {
    logIndex: String(payload.logIndex),
    logId: { keyId: Buffer.from(payload.logID, 'hex').toString('base64') },
    kindVersion: { kind, version: apiVersion },
    integratedTime: String(payload.integratedTime),
    inclusionPromise: { signedEntryTimestamp: promise },
    canonicalizedBody: payload.body,
  };
}

function timestampOf(json: string): object {
  const { SignedRFC3161Timestamp: signed } = JSON.parse(json) as { SignedRFC3161Timestamp: string };
  return { signedTimestamp: signed };
}

function derOf(pem: string): string {
  return pem.replace(/-----(?:BEGIN|END) CERTIFICATE-----/g, '').replace(/\s/g, '');
}

/** The digest in a payload. Throws an Error if it is not the signature of an image. */
export function simpleSigningDigest(payload: Buffer): string {
  const { critical } = JSON.parse(payload.toString('utf8')) as {
    critical?: { type?: unknown; image?: { 'docker-manifest-digest'?: unknown } };
  };
  // @see https://github.com/sigstore/sigstore/blob/main/pkg/signature/payload/payload.go
  if (critical?.type !== 'cosign container image signature')
    throw new Error('it is not the signature of an image');
  return String(critical.image?.['docker-manifest-digest']);
}
