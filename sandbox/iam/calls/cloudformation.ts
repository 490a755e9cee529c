import { stackDatabase } from '../../cloudformation/engine/stack-database.ts';
import type { Stack } from '../../cloudformation/engine/stack.ts';
import { type Call, textOf } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import type { Context } from '../policies/policy.ts';
import {
  type PermissionCheck,
  arnIn,
  passRole,
  type PermissionChecks,
  requestTags,
  resourceTags,
  tagsIn,
} from './permission-check.ts';

/** Actions without a resource type in the service authorization reference. */
const WITHOUT_RESOURCE = new Set([
  'DescribeAccountLimits',
  'DescribeStackDriftDetectionStatus',
  'GetHookResult',
  'ListExports',
  'ListImports',
  'ListStacks',
  'ValidateTemplate',
]);
/** Actions with an optional stack; without one, they apply to all stacks. */
const WITH_OPTIONAL_STACK = new Set(['GetTemplateSummary', 'DescribeEvents', 'ListHookResults']);

/**
 * The permission checks of CloudFormation. A stack that exists is checked by its ARN; one that does not by
 * `stack/<name>/*`, as in the messages of denied calls.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html
 * @see https://github.com/aws-samples/aws-hpc-tutorials/issues/271
 */
export const cloudFormationChecks: PermissionChecks = (world, call) => {
  const { operation, input } = call;
  const action = `cloudformation:${operation}`;
  const stack = textOf(input.StackName) || undefined;
  const changeSet = textOf(input.ChangeSetName) || undefined;
  if (operation === 'DescribeStacks' && stack === undefined) return allStacks(call);
  if (WITHOUT_RESOURCE.has(operation)) return [{ action, resource: '*', context: requestContext(call) }];
  if (WITH_OPTIONAL_STACK.has(operation) && stack === undefined && changeSet === undefined) {
    return [{ action, resource: '*', context: requestContext(call) }, ...templateRead(call)];
  }
  const { resource, tags } = addressed(world, call, stack, changeSet);
  const context = { ...requestContext(call), ...tags };
  return [
    { action, resource, context },
    ...tagChecks(call, resource),
    ...transformChecks(call),
    ...templateRead(call),
    ...passRole(textOf(input.RoleARN) || undefined, 'cloudformation.amazonaws.com'),
  ];
};

/**
 * "If you don't pass a parameter to StackName, the API returns a response that describes all resources in the account.
 * This requires ListStacks and DescribeStacks permissions." The policy on that page denies DescribeStacks on everything
 * except `stack/*\/*`; the message of a denied call names `stack/*\/*` for ListStacks.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html
 * @see https://github.com/jogold/cloudstructs/issues/215
 */
function allStacks(call: Call): PermissionCheck[] {
  return [
    { action: 'cloudformation:DescribeStacks', resource: '*' },
    { action: 'cloudformation:ListStacks', resource: arnIn(call, 'cloudformation', 'stack/*/*') },
  ];
}

/**
 * The resource of a call. A change set identified only by its ARN is a separate resource, whose ARN does not contain
 * the stack's name. Identified by the stack's name and its own, the resource is the stack, with
 * `cloudformation:ChangeSetName`.
 *
 * @see https://github.com/widdix/complete-aws-iam-reference/issues/6
 */
function addressed(
  world: World,
  call: Call,
  stack: string | undefined,
  changeSet: string | undefined,
): { resource: string; tags: Context } {
  if (changeSet?.startsWith('arn:')) return { resource: changeSet, tags: {} };
  const name = stack ?? textOf(call.input.StackId) ?? '';
  const found = stackDatabase(world, call.account, call.region).find(name);
  if (found) return { resource: found.id, tags: tagsOf(found) };
  return {
    resource: name.startsWith('arn:') ? name : arnIn(call, 'cloudformation', `stack/${name}/*`),
    tags: {},
  };
}

function tagsOf(stack: Stack): Context {
  return resourceTags((stack.definition?.tags ?? []).map(({ Key, Value }) => [Key, Value]));
}

/** The condition keys from fields of the request. */
function requestContext({ input }: Call): Context {
  const keys: [string, unknown][] = [
    ['cloudformation:ChangeSetName', input.ChangeSetName],
    ['cloudformation:RoleArn', input.RoleARN],
    ['cloudformation:StackPolicyUrl', input.StackPolicyURL],
    ['cloudformation:TemplateUrl', input.TemplateURL],
    ['cloudformation:TypeArn', input.TypeArn],
  ];
  const given = keys.flatMap(([key, value]) =>
    textOf(value) ? [[key, textOf(value)] as [string, string]] : [],
  );
  return { ...Object.fromEntries(given), ...requestTags(tagsIn(input.Tags)) };
}

/**
 * Tags on a stack require a separate permission.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscloudformation.html#awscloudformation-cloudformation_CreateAction
 */
function tagChecks({ operation, input }: Call, resource: string): PermissionCheck[] {
  const tags = tagsIn(input.Tags);
  if (tags.length === 0) return [];
  const context = { ...requestTags(tags), 'cloudformation:CreateAction': operation };
  return [{ action: 'cloudformation:TagResource', resource, context }];
}

const TRANSFORM =
  /AWS::(?:Serverless-2016-10-31|LanguageExtensions|Include|SecretsManager-\d{4}-\d{2}-\d{2})/g;

/**
 * A macro of AWS in the template is a resource of CreateChangeSet.
 *
 * @see https://github.com/aws/serverless-application-model/issues/186
 */
function transformChecks({ operation, input, region }: Call): PermissionCheck[] {
  if (operation !== 'CreateChangeSet') return [];
  const named = (textOf(input.TemplateBody) ?? '').match(TRANSFORM) ?? [];
  return [...new Set(named)].map((transform) => ({
    action: 'cloudformation:CreateChangeSet',
    resource: `arn:aws:cloudformation:${region}:aws:transform/${transform.replace('AWS::', '')}`,
  }));
}

/** CloudFormation reads a template in S3 with the caller's permissions. */
function templateRead({ input }: Call): PermissionCheck[] {
  const given = textOf(input.TemplateURL) ?? '';
  if (!URL.canParse(given)) return [];
  const { pathname, host } = new URL(given);
  const path = decodeURIComponent(pathname).slice(1);
  const bucket = /^(.+)\.s3[.-]/.exec(host)?.[1];
  return [
    { action: 's3:GetObject', resource: `arn:aws:s3:::${bucket === undefined ? path : `${bucket}/${path}`}` },
  ];
}
