export interface Partition {
  id: 'aws' | 'aws-cn' | 'aws-us-gov' | 'aws-iso' | 'aws-iso-b' | 'aws-iso-e' | 'aws-iso-f' | 'aws-eusc';
  /** What the names of its endpoints end with. */
  dnsSuffix: string;
}

/** By the beginning of the region's name, as in AWS's own partitions file; all others are in `aws`. */
const BY_PREFIX: readonly (readonly [string, Partition])[] = [
  ['cn-', { id: 'aws-cn', dnsSuffix: 'amazonaws.com.cn' }],
  ['us-gov-', { id: 'aws-us-gov', dnsSuffix: 'amazonaws.com' }],
  ['us-iso-', { id: 'aws-iso', dnsSuffix: 'c2s.ic.gov' }],
  ['us-isob-', { id: 'aws-iso-b', dnsSuffix: 'sc2s.sgov.gov' }],
  ['eu-isoe-', { id: 'aws-iso-e', dnsSuffix: 'cloud.adc-e.uk' }],
  ['us-isof-', { id: 'aws-iso-f', dnsSuffix: 'csp.hci.ic.gov' }],
  ['eusc-', { id: 'aws-eusc', dnsSuffix: 'amazonaws.eu' }],
];

const STANDARD: Partition = { id: 'aws', dnsSuffix: 'amazonaws.com' };

/** What the names of AWS's hosts end with, of all partitions, the longest first. */
export const DNS_SUFFIXES: readonly string[] = [
  ...new Set([STANDARD, ...BY_PREFIX.map(([, partition]) => partition)].map(({ dnsSuffix }) => dnsSuffix)),
].sort((a, b) => b.length - a.length);

/**
 * The partition that a region belongs to.
 *
 * @see https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
 */
export function partitionOf(region: string): Partition {
  const found = BY_PREFIX.find(([prefix]) => region.startsWith(prefix));
  return found ? found[1] : STANDARD;
}
