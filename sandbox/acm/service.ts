import { AwsError, type Service, textOf } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { certificatesOf } from './certificates.ts';

/** ACM's reading call for a certificate. */
export function certificateManager(world: World): Service {
  return {
    name: 'acm',
    protocol: 'json',
    operations: {
      /**
       * The words are those that Terraform shows: "ResourceNotFoundException: Could not find certificate <cert-arn> in account
       * <account-id>."
       *
       * @see https://docs.aws.amazon.com/acm/latest/APIReference/API_DescribeCertificate.html
       */
      DescribeCertificate(input, call) {
        const arn = textOf(input.CertificateArn) ?? '';
        const found = certificatesOf(world, call.account, call.region).get(arn);
        if (!found && world.scenario.assumesDomains)
          throw new AwsError('AccessDeniedException', `The sandbox does not know the certificate ${arn}`);
        if (!found) {
          const message = `Could not find certificate ${arn} in account ${call.account}.`;
          throw new AwsError('ResourceNotFoundException', message);
        }
        const { status, names } = found;
        return {
          Certificate: {
            CertificateArn: arn,
            DomainName: names[0],
            SubjectAlternativeNames: names,
            Status: status,
            Type: 'AMAZON_ISSUED',
          },
        };
      },
    },
  };
}
