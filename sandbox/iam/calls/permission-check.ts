import { type Call, listOf, textOf } from '../../protocols/service.ts';
import { partitionOf, type World } from '../../world.ts';
import type { Context } from '../policies/policy.ts';

/** A permission that a call requires. */
export interface PermissionCheck {
  /** `service:Operation`, as in IAM. */
  action: string;
  resource: string;
  context?: Context;
  /** `*` in the resource replaces a part that is unknown. */
  isPartial?: true;
}

/** The permission checks for the calls of a service. All must be allowed. */
export type PermissionChecks = (world: World, call: Call) => PermissionCheck[];

/** An ARN in the account and region of a call. */
export function arnIn(
  { account, region }: Pick<Call, 'account' | 'region'>,
  service: string,
  resource: string,
): string {
  return `arn:${partitionOf(region).id}:${service}:${region}:${account}:${resource}`;
}

/** One check for each resource, or one for `otherwise` if there are none. */
export function onEach(
  action: string,
  resources: readonly string[],
  context: Context = {},
  otherwise = '*',
): PermissionCheck[] {
  return (resources.length > 0 ? resources : [otherwise]).map((resource) => ({ action, resource, context }));
}

/** The texts of a list. */
export function textsOf(value: unknown): string[] {
  return listOf(value).flatMap((item) => textOf(item) ?? []);
}

/** Tags of a request as condition keys: `aws:RequestTag/<key>` and `aws:TagKeys`. */
export function requestTags(tags: readonly { key: string; value: string }[]): Context {
  if (tags.length === 0) return {};
  return {
    ...Object.fromEntries(tags.map(({ key, value }) => [`aws:RequestTag/${key}`, value])),
    'aws:TagKeys': tags.map(({ key }) => key),
  };
}

/** Tags of a resource as condition keys: `aws:ResourceTag/<key>`. */
export function resourceTags(tags: Iterable<readonly [key: string, value: string]>): Context {
  return Object.fromEntries([...tags].map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
}

/** A list of tags, with members in any case. */
export function tagsIn(value: unknown): { key: string; value: string }[] {
  return listOf(value).map((tag) => {
    const { Key, key, Value, value: lower } = tag as Record<string, unknown>;
    return { key: textOf(Key ?? key) ?? '', value: textOf(Value ?? lower) ?? '' };
  });
}

/**
 * The permission to pass a role to a service.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
 */
export function passRole(role: string | undefined, service: string): PermissionCheck[] {
  if (role === undefined) return [];
  return [{ action: 'iam:PassRole', resource: role, context: { 'iam:PassedToService': service } }];
}
