import { certificatesOf } from '../acm/certificates.ts';
import type { Stack, StackResource } from '../cloudformation/engine/stack.ts';
import { ResourceFailure } from '../cloudformation/errors.ts';
import { isObject, type Json, textOf } from '../cloudformation/json.ts';
import type { Effect } from '../cloudformation/resources/effect.ts';
import type { World } from '../world.ts';
import { type HostedZone, hostedZonesOf } from './hosted-zones.ts';

/** How long ACM looks for the record that proves that a domain is the account's own. */
const VALIDATION_SECONDS = 72 * 3600;

/** Hosted zones, records and certificates. */
export const DOMAIN_EFFECTS: Record<string, Effect> = {
  'AWS::Route53::HostedZone': {
    make: (world, { account }, { physicalId: id, properties }) => {
      const name = `${domainOf(properties.Name)}.`;
      hostedZonesOf(world, account).set(id, { id, name, isPrivate: properties.VPCs !== undefined });
    },
    remove: (world, { account }, { physicalId }) => {
      hostedZonesOf(world, account).delete(physicalId);
    },
  },
  'AWS::Route53::RecordSet': { make: putRecord, change: putRecord, remove: () => undefined },
  'AWS::CertificateManager::Certificate': {
    make: (world, stack, resource) => {
      const zones = validationZones(world, stack, resource);
      const { physicalId: arn } = resource;
      const status = zones.some(({ isPrivate }) => isPrivate) ? 'PENDING_VALIDATION' : 'ISSUED';
      certificatesOf(world, stack.account, stack.region).set(arn, {
        arn,
        status,
        names: certificateNames(resource),
      });
    },
    settle: async (world, stack, { physicalId: arn }, signal) => {
      const certificates = certificatesOf(world, stack.account, stack.region);
      const certificate = certificates.get(arn);
      if (certificate?.status !== 'PENDING_VALIDATION') return;
      await world.clock.sleep(VALIDATION_SECONDS, signal);
      certificates.set(arn, { ...certificate, status: 'VALIDATION_TIMED_OUT' });
      // As CloudFormation words it for the status FAILED.
      throw new ResourceFailure(
        'DNS Record Set is not available. Certificate is in VALIDATION_TIMED_OUT status.',
      );
    },
    remove: (world, { account, region }, { physicalId }) => {
      certificatesOf(world, account, region).delete(physicalId);
    },
  },
};

function putRecord(world: World, stack: Stack, { properties }: StackResource): void {
  const { HostedZoneId, Name } = properties;
  if (HostedZoneId !== undefined) requireZone(world, stack, textOf(HostedZoneId), [domainOf(Name)]);
}

/** The zones in which ACM's records are put. */
function validationZones(world: World, stack: Stack, resource: StackResource): HostedZone[] {
  const { DomainValidationOptions: options } = resource.properties;
  const given = (Array.isArray(options) ? options : []).filter(isObject);
  return given
    .filter(({ HostedZoneId }) => HostedZoneId !== undefined)
    .flatMap(({ HostedZoneId, DomainName }) => {
      const record = `_${world.random.text(32)}.${domainOf(DomainName)}`;
      return requireZone(world, stack, textOf(HostedZoneId), [record]) ?? [];
    });
}

function certificateNames({ properties }: StackResource): string[] {
  const { DomainName, SubjectAlternativeNames: others } = properties;
  return [DomainName ?? '', ...(Array.isArray(others) ? others : [])].map(domainOf);
}

/**
 * The zone with an id, to which records of some names belong.
 *
 * @see https://github.com/doctorray117/minecraft-ondemand the words for a zone that does not exist
 * @see https://github.com/aws-samples/amazon-cloudfront-secure-static-site/issues/76 for a name outside of the zone
 */
function requireZone(
  world: World,
  { account }: Stack,
  id: string,
  names: readonly string[],
): HostedZone | undefined {
  const zone = hostedZonesOf(world, account).get(id);
  if (!zone && world.scenario.assumesDomains) return undefined;
  if (!zone) throw failure(world, 'The specified hosted zone does not exist.', 404, 'NoSuchHostedZone');
  const outside = names.filter((name) => !`.${name}.`.endsWith(`.${zone.name}`));
  if (outside.length > 0) {
    const problems = outside.map(
      (name) => `RRSet with DNS name ${name}. is not permitted in zone ${zone.name}`,
    );
    throw failure(world, `[${problems.join(', ')}]`, 400, 'InvalidChangeBatch');
  }
  return zone;
}

function failure(world: World, message: string, status: number, code: string): ResourceFailure {
  const request = `Request ID: ${world.newUuid()}; Proxy: null`;
  return new ResourceFailure(
    `${message} (Service: AmazonRoute53; Status Code: ${status}; Error Code: ${code}; ${request})`,
  );
}

/** In lower case, without the final dot. */
function domainOf(name: Json | undefined): string {
  return textOf(name).toLowerCase().replace(/\.$/, '');
}
