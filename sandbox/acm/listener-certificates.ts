import { isObject, type Json, textOf } from '../cloudformation/json.ts';
import type { Stack } from '../cloudformation/engine/stack.ts';
import { AwsError } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { certificatesOf } from './certificates.ts';

/**
 * Refuses certificates of ACM that a load balancer cannot use, as Elastic Load Balancing does.
 *
 * @see https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/2552 for one of another region
 * @see https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/1127 for one that does not exist
 * @see https://github.com/hashicorp/terraform-provider-aws/issues/17505 for one that has expired, or is another account's
 * @see https://github.com/aws-samples/aws-secure-environment-accelerator/issues/990 for one that is not issued
 */
export function requireCertificates(world: World, stack: Stack, given: Json | undefined): void {
  const listed = (Array.isArray(given) ? given : []).filter(isObject);
  for (const { CertificateArn } of listed) requireCertificate(world, stack, textOf(CertificateArn));
}

function requireCertificate(world: World, { account, region }: Stack, arn: string): void {
  const [, , service, ofRegion] = arn.split(':');
  if (service !== 'acm') return;
  if (ofRegion !== region) {
    throw new AwsError('ValidationError', `Certificate ARN '${arn}' is not valid`);
  }
  const unknown = world.scenario.assumesDomains ? 'ISSUED' : 'EXPIRED';
  const status = certificatesOf(world, account, region).get(arn)?.status ?? unknown;
  if (status === 'EXPIRED') throw new AwsError('CertificateNotFound', `Certificate '${arn}' not found`);
  if (status !== 'ISSUED') {
    throw new AwsError(
      'UnsupportedCertificate',
      `The certificate '${arn}' must have a fully-qualified domain name, a supported signature, and a supported key size.`,
    );
  }
}
