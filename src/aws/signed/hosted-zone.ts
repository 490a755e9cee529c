import type { ClientAccess } from '../clients.ts';
import { isNotFound } from '../errors.ts';
import { type Partition, partitionOf } from '../partition.ts';
import { textsIn } from '../xml.ts';
import { type Caller, sendSigned } from './call.ts';

export interface HostedZone {
  /** The domain, without the final dot. */
  name: string;
  isPrivate: boolean;
}

/** Route 53 has one endpoint in a partition, in this region. */
const REGIONS: Readonly<Record<Partition['id'], string>> = {
  aws: 'us-east-1',
  'aws-cn': 'cn-northwest-1',
  'aws-us-gov': 'us-gov-west-1',
  'aws-iso': 'us-iso-east-1',
  'aws-iso-b': 'us-isob-east-1',
  'aws-iso-e': 'eu-isoe-west-1',
  'aws-iso-f': 'us-isof-south-1',
  'aws-eusc': 'eusc-de-east-1',
};

const ROUTE_53 = { name: 'route53', client: 'Route53', variable: 'ROUTE_53' };

/**
 * A hosted zone of the account; undefined if there is none with this id.
 *
 * @throws AwsError, such as for a role that may not read it.
 * @see https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetHostedZone.html
 * @see https://docs.aws.amazon.com/general/latest/gr/r53.html the endpoints
 */
export async function readHostedZone(
  access: ClientAccess,
  context: Caller,
  id: string,
): Promise<HostedZone | undefined> {
  const partition = partitionOf(access.region);
  const prefix = partition.id === 'aws-us-gov' ? 'route53.us-gov' : 'route53';
  try {
    const document = await sendSigned(access, context, {
      service: ROUTE_53,
      operation: 'GetHostedZone',
      region: REGIONS[partition.id],
      host: `${prefix}.${partition.dnsSuffix}`,
      method: 'GET',
      path: `/2013-04-01/hostedzone/${encodeURIComponent(id)}`,
    });
    const [name = ''] = textsIn(document, 'Name');
    return { name: name.replace(/\.$/, ''), isPrivate: textsIn(document, 'PrivateZone')[0] === 'true' };
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
