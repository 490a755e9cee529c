import { AwsError, type Service, textOf } from '../protocols/service.ts';
import type { World } from '../world.ts';
import { hostedZonesOf } from './hosted-zones.ts';

const PATH = /^\/2013-04-01\/hostedzone\/([^/]+)$/;

/** Route 53's reading call for a hosted zone. */
export function domainNames(world: World): Service {
  return {
    name: 'route53',
    protocol: 'route53',
    route: ({ method, path }) => {
      const id = PATH.exec(path)?.[1];
      return method === 'GET' && id !== undefined
        ? { operation: 'GetHostedZone', input: { Id: decodeURIComponent(id) } }
        : { operation: `${method} ${path}`, input: {} };
    },
    operations: {
      /** @see https://github.com/getmoto/moto/blob/5.1.0/moto/route53/exceptions.py for the words */
      GetHostedZone(input, call) {
        const id = textOf(input.Id) ?? '';
        const zone = hostedZonesOf(world, call.account).get(id);
        if (!zone && world.scenario.assumesDomains)
          throw new AwsError('AccessDenied', `The sandbox does not know the hosted zone ${id}`, 403);
        if (!zone) throw new AwsError('NoSuchHostedZone', `No hosted zone found with ID: ${id}`, 404);
        return {
          HostedZone: {
            Id: `/hostedzone/${id}`,
            Name: zone.name,
            CallerReference: id,
            Config: { PrivateZone: zone.isPrivate },
            ResourceRecordSetCount: 2,
          },
        };
      },
    },
  };
}
