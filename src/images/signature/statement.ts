/** The type of an in-toto statement in a DSSE envelope. */
export const STATEMENT_TYPE = 'application/vnd.in-toto+json';
/**
 * The predicate type of cosign 3 for signatures of images.
 *
 * @see https://github.com/sigstore/cosign/blob/main/pkg/types/predicate.go
 */
export const SIGNATURE_PREDICATE = 'https://sigstore.dev/cosign/sign/v1';

/**
 * Statements that approve an image: cosign's signature, and provenance. Others, such as the result of a scan or a bill of
 * materials, only describe an image.
 */
const APPROVING = [SIGNATURE_PREDICATE, 'https://slsa.dev/provenance/v1', 'https://slsa.dev/provenance/v0.2'];

const STATEMENTS = ['https://in-toto.io/Statement/v1', 'https://in-toto.io/Statement/v0.1'];

interface Statement {
  _type?: unknown;
  predicateType?: unknown;
  subject?: unknown;
}

/** The statement of a signature. */
export function signatureStatement(digest: string): string {
  return JSON.stringify({
    _type: STATEMENTS[0],
    subject: [{ digest: { sha256: digest.slice('sha256:'.length) } }],
    predicateType: SIGNATURE_PREDICATE,
    predicate: {},
  });
}

/** Throws an Error if a signed statement does not approve the image. */
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
    throw new Error(`it is for the image ${digests.slice(0, 2).join(', ') || 'none'}`);
  }
  if (typeof predicateType !== 'string' || !APPROVING.includes(predicateType)) {
    throw new Error(`its predicate type is ${String(predicateType)}, neither a signature nor provenance`);
  }
}

function sha256Of(subject: unknown): string {
  const { digest } = Object(subject) as { digest?: unknown };
  return `sha256:${String((Object(digest) as { sha256?: unknown }).sha256)}`;
}
