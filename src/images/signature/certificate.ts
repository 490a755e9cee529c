import type { X509Certificate } from '@sigstore/core';
import type { CertificateIdentity } from './expected.ts';

/**
 * Extensions of Fulcio's certificates, each a DER-encoded text.
 *
 * @see https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
 */
const ISSUER = '1.3.6.1.4.1.57264.1.8';
const SOURCE_REPOSITORY = '1.3.6.1.4.1.57264.1.12';
const SOURCE_REF = '1.3.6.1.4.1.57264.1.14';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** @throws Error for a certificate without exactly one identity, or without an issuer. */
export function certificateIdentity(certificate: X509Certificate): CertificateIdentity {
  const issuer = textOf(certificate, ISSUER);
  if (issuer === undefined) throw new Error('it has no issuer');
  const sourceRepository = textOf(certificate, SOURCE_REPOSITORY);
  const sourceRef = textOf(certificate, SOURCE_REF);
  return {
    identity: nameOf(certificate),
    issuer,
    ...(sourceRepository !== undefined && { sourceRepository }),
    ...(sourceRef !== undefined && { sourceRef }),
  };
}

/** The subject alternative name: a single URI or email address. */
function nameOf(certificate: X509Certificate): string {
  const names = certificate.extension(SUBJECT_ALTERNATIVE_NAME)?.valueObj.subs[0]?.subs ?? [];
  const [name] = names;
  const isText = name?.tag.isContextSpecific(0x06) === true || name?.tag.isContextSpecific(0x01) === true;
  if (!name || names.length !== 1 || !isText) {
    throw new Error('it does not have a single subject alternative name that is a URI or an email address');
  }
  return utf8(name.value);
}

function textOf(certificate: X509Certificate, oid: string): string | undefined {
  const value = certificate.extension(oid)?.valueObj.subs[0]?.value;
  return value && utf8(value);
}

/** The library decodes texts as ASCII without the highest bit of each byte, so that different names could become equal. */
function utf8(value: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(value);
}
