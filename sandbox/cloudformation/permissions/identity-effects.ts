import type { PolicyDocument } from '../../iam/policies/policy.ts';
import { identityStore, linkedRoleArn } from '../../iam/roles.ts';
import { AwsError } from '../../protocols/service.ts';
import type { World } from '../../world.ts';
import { identityOf, type Stack, type StackResource } from '../engine/stack.ts';
import { isObject, type Json, type JsonObject, textOf } from '../json.ts';
import type { Effect } from '../resources/effect.ts';
import { arnOf } from '../resources/identity.ts';

/** Roles and policies, which the sandbox enforces. */
export const IDENTITY_EFFECTS: Record<string, Effect> = {
  'AWS::IAM::Role': {
    make: putRole,
    change: putRole,
    remove: (world, stack, resource) => {
      identityStore(world).deleteRole(arnOf(identityOf(stack, resource)));
    },
  },
  'AWS::IAM::ServiceLinkedRole': {
    make: putLinkedRole,
    remove: (world, stack, resource) => {
      identityStore(world).deleteRole(linkedRoleOf(stack, resource));
    },
  },
  'AWS::IAM::ManagedPolicy': {
    make: putManagedPolicy,
    change: putManagedPolicy,
    remove: (world, stack, resource) => {
      identityStore(world).deleteManagedPolicy(resource.physicalId);
      identityStore(world).deleteGrant(sourceOf(stack, resource));
    },
  },
  'AWS::IAM::Policy': grantEffect(({ Roles }) => textsOf(Roles)),
  'AWS::IAM::RolePolicy': grantEffect(({ RoleName }) => textsOf(RoleName === undefined ? [] : [RoleName])),
};

function putRole(world: World, stack: Stack, resource: StackResource): void {
  const {
    AssumeRolePolicyDocument,
    MaxSessionDuration,
    ManagedPolicyArns,
    PermissionsBoundary,
    Policies,
    Tags,
  } = resource.properties;
  const inline = (Array.isArray(Policies) ? Policies : []).filter(isObject);
  const boundary = textOf(PermissionsBoundary);
  const own = (Array.isArray(Tags) ? Tags : [])
    .filter(isObject)
    .map(({ Key, Value }) => [textOf(Key), textOf(Value)]);
  const inherited = resource.stackTags.map(({ Key, Value }) => [Key, Value]);
  identityStore(world).putRole(
    arnOf(identityOf(stack, resource)),
    objectIn(AssumeRolePolicyDocument),
    MaxSessionDuration === undefined ? undefined : Number(MaxSessionDuration),
    {
      policies: Object.fromEntries(
        inline.map(({ PolicyName, PolicyDocument }) => [textOf(PolicyName), documentIn(PolicyDocument)]),
      ),
      attached: textsOf(ManagedPolicyArns),
      ...(boundary !== '' && { boundary }),
      tags: Object.fromEntries([...inherited, ...own]) as Record<string, string>,
    },
  );
}

/** @see https://github.com/Rayraegah/terraform-aws-hasura/issues/17 for the words */
function putLinkedRole(world: World, stack: Stack, resource: StackResource): void {
  const store = identityStore(world);
  const { physicalId: name } = resource;
  if (store.role(linkedRoleOf(stack, resource))) {
    const message = `Service role name ${name} has been taken in this account, please try a different suffix.`;
    throw new AwsError('InvalidRequest', message);
  }
  store.putLinkedRole(stack, textOf(resource.properties['AWSServiceName']), name);
}

function linkedRoleOf(stack: Stack, { properties, physicalId }: StackResource): string {
  return linkedRoleArn(stack, textOf(properties['AWSServiceName']), physicalId);
}

function putManagedPolicy(world: World, stack: Stack, resource: StackResource): void {
  const { PolicyDocument, Roles } = resource.properties;
  const store = identityStore(world);
  const document = documentIn(PolicyDocument);
  store.putManagedPolicy(resource.physicalId, document);
  const roles = rolesNamed(world, stack, textsOf(Roles));
  store.putGrant(sourceOf(stack, resource), { roles, name: nameIn(resource.physicalId), document });
}

/** For an inline policy that is a separate resource. */
function grantEffect(rolesOf: (properties: JsonObject) => string[]): Effect {
  const put = (world: World, stack: Stack, resource: StackResource): void => {
    const { PolicyDocument, PolicyName } = resource.properties;
    identityStore(world).putGrant(sourceOf(stack, resource), {
      roles: rolesNamed(world, stack, rolesOf(resource.properties)),
      name: textOf(PolicyName),
      document: documentIn(PolicyDocument),
    });
  };
  return {
    make: put,
    change: put,
    remove: (world, stack, resource) => {
      identityStore(world).deleteGrant(sourceOf(stack, resource));
    },
  };
}

/**
 * The ARNs of roles. Throws if a role does not exist.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html "NoSuchEntity: The request was
 *  rejected because it referenced a resource entity that does not exist."
 * @see https://github.com/prowler-cloud/prowler/pull/2872 for the message
 */
function rolesNamed(world: World, stack: Stack, names: readonly string[]): string[] {
  return names.map((name) => {
    const role = identityStore(world).roleNamed(stack.account, name);
    if (!role) throw new AwsError('NoSuchEntity', `The role with name ${name} cannot be found.`, 404);
    return role.arn;
  });
}

function sourceOf(stack: Stack, { logicalId }: StackResource): string {
  return `${stack.id}/${logicalId}`;
}

function nameIn(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

function textsOf(value: Json | undefined): string[] {
  return (Array.isArray(value) ? value : []).map(textOf);
}

function documentIn(value: Json | undefined): PolicyDocument {
  return typeof value === 'string' ? value : objectIn(value);
}

function objectIn(value: Json | undefined): JsonObject {
  const read = typeof value === 'string' ? (JSON.parse(value) as Json) : value;
  return isObject(read) ? read : {};
}
