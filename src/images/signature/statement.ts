/** An in-toto statement as a DSSE envelope carries it. */
export const STATEMENT_TYPE = 'application/vnd.in-toto+json';
/**
 * What cosign 3 writes when it signs an image.
 *
 * @see https://github.com/sigstore/cosign/blob/main/pkg/types/predicate.go
 */
export const SIGNATURE_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

/**
 * The statements by which a signer vouches for an image: cosign's signature, and where it was built from. Others, such
 * as the result of a scan or a bill of materials, are about an image and do not release it.
 */
const VOUCHING = [SIGNATURE_PREDICATE, 'https://slsa.dev/provenance/v1', 'https://slsa.dev/provenance/v0.2'];

const STATEMENTS = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

interface Statement {
  _type?: unknown;
  predicateType?: unknown;
  subject?: unknown;
}

/** The statement that signs an image. */
export function signatureStatement(digest: string): string {
  return JSON.stringify({
    _type: STATEMENTS[0],
    subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
    predicateType: SIGNATURE_PREDICATE,
    predicate: {},
  });
}

/** Throws an Error where a signed statement does not vouch for the image. */
export function requireSubject(
  { payloadType, payload }: { payloadType: string; payload: Uint8Array },
  digest: string,
): void {
  if (payloadType !== STATEMENT_TYPE) throw new Error(`its type is ${payloadType}, not ${STATEMENT_TYPE}`);
  const statement = JSON.parse(Buffer.from(payload).toString('utf8')) as Statement | null;
  const { _type: type, predicateType, subject } = statement ?? {};
  if (typeof type !== 'string' || !STATEMENTS.includes(type)) throw new Error(`its type is ${String(type)}`);
  const digests = Array.isArray(subject) ? subject.map(sha256Of) : [];
  if (!digests.includes(digest)) {
    throw new Error(`it is of the image ${digests.slice(0, 2).join(', ') || 'none'}`);
  }
  if (typeof predicateType !== 'string' || !VOUCHING.includes(predicateType)) {
    throw new Error(`its predicate type is ${String(predicateType)}, neither a signature nor provenance`);
  }
}

function sha256Of(subject: unknown): string {
  const { digest } = Object(subject) as { digest?: unknown };
  return `sha256:${String((Object(digest) as { sha256?: unknown }).sha256)}`;
}
