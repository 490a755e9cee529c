import type { ClientAccess } from '../clients.ts';
import { isNotFound } from '../errors.ts';
import { partitionOf } from '../partition.ts';
import { type Caller, sendSigned } from './call.ts';

export interface Certificate {
  /** Such as `ISSUED` or `PENDING_VALIDATION`. */
  status: string;
  /** The names that it covers, some with a wildcard. */
  names: readonly string[];
}

const ACM = { name: 'acm', client: 'ACM', variable: 'ACM' };

/**
 * A certificate of ACM, from the region in its ARN; undefined if it does not exist.
 *
 * @throws AwsError, such as for a role that may not read it.
 * @see https://docs.aws.amazon.com/acm/latest/APIReference/API_DescribeCertificate.html
 */
export async function readCertificate(
  access: ClientAccess,
  context: Caller,
  arn: string,
): Promise<Certificate | undefined> {
  const region = arn.split(':')[3] ?? access.region;
  try {
    const text = await sendSigned(access, context, {
      service: ACM,
      operation: 'DescribeCertificate',
      region,
      host: `acm.${region}.${partitionOf(region).dnsSuffix}`,
      method: 'POST',
      path: '/',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'CertificateManager.DescribeCertificate',
      },
      body: JSON.stringify({ CertificateArn: arn }),
    });
    const { Certificate: found = {} } = JSON.parse(text) as { Certificate?: Detail };
    const { Status: status = '', DomainName, SubjectAlternativeNames = [] } = found;
    return { status, names: [...new Set([DomainName ?? [], SubjectAlternativeNames].flat())] };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

interface Detail {
  Status?: string;
  DomainName?: string;
  SubjectAlternativeNames?: string[];
}
