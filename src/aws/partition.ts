import { suggest } from '../core/text.ts';

export interface Partition {
  id: 'aws' | 'aws-cn' | 'aws-us-gov' | 'aws-iso' | 'aws-iso-b' | 'aws-iso-e' | 'aws-iso-f' | 'aws-eusc';
  /** The DNS suffix of its endpoints. */
  dnsSuffix: string;
}

/** By region prefix, as in AWS's own partitions file; all other regions are in `aws`. */
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

/** The DNS suffixes of all partitions, the longest first. */
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

const SHAPE = /^([a-z]{2,4}(?:-[a-z]+)*)-([a-z]+)-(\d{1,2})$/;

/**
 * The directions in the names of regions. A new region may have another one, so only a word that is close to one of these
 * is treated as a typo.
 *
 * @see https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
 */
const DIRECTIONS = [
  'central',
  'north',
  'south',
  'east',
  'west',
  'northeast',
  'southeast',
  'northwest',
  'southwest',
] as const;

/** The expected form of a region, for a text that is not one; undefined if it may be a region. Makes no call. */
export function regionProblem(text: string): `a region such as ${string}` | undefined {
  const expected = 'a region such as eu-central-1';
  const zone = /^(.*-\d{1,2})[a-z]$/.exec(text)?.[1];
  if (zone !== undefined && SHAPE.test(zone)) return `${expected}. Did you mean ${zone}?`;
  const [, area = '', direction = '', number = ''] = SHAPE.exec(text) ?? [];
  if (area === '') return expected;
  if ((DIRECTIONS as readonly string[]).includes(direction)) return undefined;
  const meant = direction.length > 3 ? suggest(direction, DIRECTIONS, 1) : undefined;
  return meant === undefined ? undefined : `${expected}. Did you mean ${area}-${meant}-${number}?`;
}
