import type { ClientAccess } from '../clients.ts';
import { partitionOf } from '../partition.ts';
import { textsIn } from '../xml.ts';
import { type Caller, sendSigned } from './call.ts';

const EC2 = { name: 'ec2', client: 'EC2', variable: 'EC2' };
const VERSION = '2016-11-15';

/**
 * How many VPCs the region has.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVpcs.html
 */
export async function countVpcs(access: ClientAccess, context: Caller): Promise<number> {
  const pages = await describe(access, context, 'DescribeVpcs');
  return pages.flatMap((page) => textsIn(page, 'vpcId')).length;
}

/**
 * How many Elastic IP addresses the region has. Those of an address pool of the account's own are left out, since AWS does
 * not document whether they count towards the quota.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeAddresses.html
 */
export async function countAddresses(access: ClientAccess, context: Caller): Promise<number> {
  const pages = await describe(access, context, 'DescribeAddresses');
  const own = pages
    .flatMap((page) => textsIn(page, 'publicIpv4Pool'))
    .filter((pool) => pool.startsWith('ipv4pool-'));
  return pages.flatMap((page) => textsIn(page, 'publicIp')).length - own.length;
}

/**
 * How many NAT gateways each Availability Zone has, by the zone's name. The quota "includes NAT gateways in the pending,
 * active, or deleting state".
 *
 * @see https://docs.aws.amazon.com/general/latest/gr/vpc-service.html
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeNatGateways.html
 */
export async function countNatGateways(access: ClientAccess, context: Caller): Promise<Map<string, number>> {
  const states = {
    'Filter.1.Name': 'state',
    ...numbered('Filter.1.Value', ['pending', 'available', 'deleting']),
  };
  const gateways = await describe(access, context, 'DescribeNatGateways', states);
  const subnets = gateways.flatMap((page) => textsIn(page, 'subnetId'));
  const zones = await zonesOf(access, context, [...new Set(subnets)]);
  const counts = new Map<string, number>();
  for (const subnet of subnets) {
    const zone = zones.get(subnet) ?? '';
    counts.set(zone, (counts.get(zone) ?? 0) + 1);
  }
  return counts;
}

/** The Availability Zones of subnets. */
async function zonesOf(
  access: ClientAccess,
  context: Caller,
  subnets: readonly string[],
): Promise<Map<string, string>> {
  if (subnets.length === 0) return new Map();
  const pages = await describe(access, context, 'DescribeSubnets', numbered('SubnetId', subnets));
  const [ids, zones] = ['subnetId', 'availabilityZone'].map((name) =>
    pages.flatMap((page) => textsIn(page, name)),
  );
  return new Map((ids ?? []).map((id, index) => [id, zones?.[index] ?? '']));
}

/** The pages of a list. */
async function describe(
  access: ClientAccess,
  context: Caller,
  operation: 'DescribeVpcs' | 'DescribeAddresses' | 'DescribeNatGateways' | 'DescribeSubnets',
  parameters: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const { region } = access;
  const pages: string[] = [];
  let next: string | undefined;
  do {
    const more = next === undefined ? {} : { NextToken: next };
    const form = { Action: operation, Version: VERSION, ...parameters, ...more };
    const page = await sendSigned(access, context, {
      service: EC2,
      operation,
      region,
      host: `ec2.${region}.${partitionOf(region).dnsSuffix}`,
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams(form).toString(),
    });
    pages.push(page);
    [next] = textsIn(page, 'nextToken').filter((token) => token !== '');
  } while (next !== undefined);
  return pages;
}

function numbered(name: string, values: readonly string[]): Record<string, string> {
  return Object.fromEntries(values.map((value, index) => [`${name}.${index + 1}`, value]));
}
