import type { World } from '../world.ts';

/**
 * Whether a resource with this ARN is missing in the scenario. A role's path is ignored, because GetRole takes its
 * name.
 */
export function isMissing({ scenario }: World, arn: string): boolean {
  const [kind, name] = partsOf(arn);
  return (scenario.missing ?? []).some((missing) => {
    const [otherKind, otherName] = partsOf(missing);
    return kind === otherKind && name === otherName;
  });
}

function partsOf(arn: string): [string, string] {
  const at = arn.lastIndexOf('/');
  return at < 0 ? [arn, ''] : [arn.slice(0, arn.indexOf('/')), arn.slice(at + 1)];
}
