import { fromNodeProviderChain } from '@aws-sdk/credential-providers';
import { Sha256 } from '@smithy/core/checksum';
import { HttpRequest } from '@smithy/core/protocols';
import { SignatureV4 } from '@smithy/signature-v4';

/** The maximum that AWS allows. */
const VALID_SECONDS = 900;

/**
 * Creates passwords for an ElastiCache user with IAM authentication: the signed URL of a `connect` request, without
 * its protocol.
 *
 * @param login.cache name of a serverless cache.
 * @see https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html
 */
export function cacheToken(login: { user: string; cache: string; region: string }): () => Promise<string> {
  const cache = login.cache.toLowerCase();
  const signer = new SignatureV4({
    service: 'elasticache',
    region: login.region,
    credentials: fromNodeProviderChain(),
    sha256: Sha256,
  });
  return async () => {
    const request = new HttpRequest({
      method: 'GET',
      protocol: 'https:',
      hostname: cache,
      path: '/',
      query: { Action: 'connect', User: login.user, ResourceType: 'ServerlessCache' },
      headers: { host: cache },
    });
    const { query = {} } = await signer.presign(request, { expiresIn: VALID_SECONDS });
    const pairs = Object.entries(query).map(
      ([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`,
    );
    return `${cache}/?${pairs.join('&')}`;
  };
}
