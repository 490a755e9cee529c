/** The partition of a region: its name in ARNs, and the suffix of its addresses. */
export function partitionOf(region: string): { id: string; urlSuffix: string } {
  if (region.startsWith('cn-')) return { id: 'aws-cn', urlSuffix: 'amazonaws.com.cn' };
  if (region.startsWith('us-gov-')) return { id: 'aws-us-gov', urlSuffix: 'amazonaws.com' };
  return { id: 'aws', urlSuffix: 'amazonaws.com' };
}
