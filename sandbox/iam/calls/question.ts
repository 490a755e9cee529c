import { type Call, listOf, textOf } from '../../protocols/service.ts';
import { partitionOf, type World } from '../../world.ts';
import type { Context } from '../policies/policy.ts';

/** What IAM is asked when a call is made. */
export interface Ask {
  /** `service:Operation`, as IAM names it. */
  action: string;
  resource: string;
  context?: Context;
  /** `*` in the resource stands for a part that the sandbox does not know. */
  isPartial?: true;
}

/** The questions of the calls of one service. All must be answered with yes. */
export type Questions = (world: World, call: Call) => Ask[];

/** An ARN in the account and region of a call. */
export function arnIn(
  { account, region }: Pick<Call, 'account' | 'region'>,
  service: string,
  resource: string,
): string {
  return `arn:${partitionOf(region).id}:${service}:${region}:${account}:${resource}`;
}

/** One question for each of some resources; for none, the one for `otherwise`. */
export function onEach(
  action: string,
  resources: readonly string[],
  context: Context = {},
  otherwise = '*',
): Ask[] {
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

/** A list of tags, whatever the case of its members. */
export function tagsIn(value: unknown): { key: string; value: string }[] {
  return listOf(value).map((tag) => {
    const { Key, key, Value, value: lower } = tag as Record<string, unknown>;
    return { key: textOf(Key ?? key) ?? '', value: textOf(Value ?? lower) ?? '' };
  });
}

/**
 * A role is handed to a service.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
 */
export function passRole(role: string | undefined, service: string): Ask[] {
  if (role === undefined) return [];
  return [{ action: 'iam:PassRole', resource: role, context: { 'iam:PassedToService': service } }];
}
