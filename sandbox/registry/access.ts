import type { Principal } from '../credentials.ts';
import type { TrustPolicy } from '../identity.ts';
import { AwsError } from '../service.ts';
import { trusts } from '../trust.ts';
import type { ImageRepository } from './repository.ts';

/** Lets the repository's own account do anything, and others what its policy allows. Throws AccessDeniedException. */
export function authorize(principal: Principal, repository: ImageRepository, action: string): void {
  if (principal.account === repository.account) return;
  const root = `arn:aws:iam::${principal.account}:root`;
  const names = [principal.arn, principal.account, root];
  const policy = JSON.parse(repository.policy ?? '{}') as TrustPolicy;
  if (trusts(policy, { action, principal: { kind: 'AWS', names }, context: new Map() })) return;
  const message = `User: ${principal.arn} is not authorized to perform: ${action} on resource: ${repository.arn} because no resource-based policy allows the ${action} action`;
  throw new AwsError('AccessDeniedException', message);
}
