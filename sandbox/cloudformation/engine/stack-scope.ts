import { parameterStore } from '../../ssm/parameter-store.ts';
import type { World } from '../../world.ts';
import { attributeOf } from '../resources/identity.ts';
import { allExports } from './exports.ts';
import { badTemplate, invalid } from '../errors.ts';
import type { Scope, StackOutputReference } from '../templates/intrinsics.ts';
import { KNOWN_AFTER_APPLY } from '../templates/intrinsics.ts';
import type { Json } from '../json.ts';
import type { ParameterValues } from '../templates/parameters.ts';
import { maskSecrets } from '../templates/parameters.ts';
import type { Environment, ResourceValues } from '../templates/scope.ts';
import { templateScope } from '../templates/scope.ts';
import type { Definition, Stack, StackResource } from './stack.ts';
import { identityOf } from './stack.ts';
import { stackDatabase } from './stack-database.ts';

/** The context outside of the stack for its functions. A plan accepts an export that does not exist yet. */
export function environmentOf(
  world: World,
  stack: Stack,
  { notificationArns, references }: Pick<Definition, 'notificationArns' | 'references'>,
  planning = false,
): Environment {
  const { account, region, name, id } = stack;
  return {
    account,
    region,
    stackName: name,
    stackId: id,
    notificationArns,
    importValue: (exportName) => {
      const exported = allExports(stackDatabase(world, account, region)).get(exportName);
      if (exported) return exported.value;
      if (planning) return KNOWN_AFTER_APPLY;
      throw invalid(`No export named ${exportName} found`);
    },
    stackOutput: (reference) => {
      const key = JSON.stringify(reference);
      // A change set does not resolve the function (https://github.com/aws/aws-cdk/issues/38829). Assumption: the value
      // of the last update is kept if nothing else changes, as with dynamic references.
      if (planning) return stack.readOutputs.get(key) ?? KNOWN_AFTER_APPLY;
      const value = outputOfStack(world, stack, reference);
      stack.readOutputs.set(key, value);
      return value;
    },
    dynamic: (_, parameter, version) => {
      const history = parameterStore(world, account, region).history(parameter);
      const wanted = version === undefined ? references.get(parameter) : Number(version);
      const found = wanted === undefined ? history.at(-1) : history.find((one) => one.version === wanted);
      if (!found)
        throw invalid(`SSM parameter ${parameter}${version === undefined ? '' : `:${version}`} not found`);
      return found.value;
    },
  };
}

/** Without a role, the other stack is in the same account. The messages are those of DescribeStacks, and our own. */
function outputOfStack(
  world: World,
  { account, region }: Stack,
  { StackName, OutputName, Region, RoleArn }: StackOutputReference,
): string {
  const owner = RoleArn?.split(':')[4] ?? account;
  const found = stackDatabase(world, owner, Region ?? region).find(StackName);
  if (!found) throw invalid(`Stack with id ${StackName} does not exist`);
  const output = found.outputs.find(({ OutputKey }) => OutputKey === OutputName);
  if (!output) throw invalid(`Output ${OutputName} not found in stack ${StackName}`);
  return output.OutputValue;
}

/** The value of an attribute of a created resource, or an output of a nested stack. */
export function createdAttribute(world: World, stack: Stack, resource: StackResource, name: string): Json {
  if (resource.type !== 'AWS::CloudFormation::Stack') return attributeOf(identityOf(stack, resource), name);
  const child = stackDatabase(world, stack.account, stack.region).stacks.get(resource.physicalId);
  const key = name.replace(/^Outputs\./, '');
  const output = child?.outputs.find(({ OutputKey }) => OutputKey === key);
  if (!output) throw badTemplate(`Output '${key}' not found in stack '${resource.physicalId}'`);
  return output.OutputValue;
}

/** References to the current resources of a stack. */
function createdResources(world: World, stack: Stack): ResourceValues {
  return {
    reference: (logicalId) => {
      const resource = stack.resources.get(logicalId);
      return resource && isCreated(resource) ? resource.physicalId : undefined;
    },
    attribute: (logicalId, name) => {
      const resource = stack.resources.get(logicalId);
      if (!resource || !isCreated(resource)) {
        throw badTemplate(`instance of Fn::GetAtt references undefined resource ${logicalId}`);
      }
      return createdAttribute(world, stack, resource, name);
    },
  };
}

/** Whether a logical resource has a physical one. */
export function isCreated(resource: StackResource): boolean {
  return resource.physicalId !== '' && !['DELETE_COMPLETE', 'DELETE_SKIPPED'].includes(resource.status);
}

/** The functions of a definition over a stack's resources, with actual values and with masked secrets. */
export function scopesOf(
  world: World,
  stack: Stack,
  definition: Definition,
): { scope: Scope; shownScope: Scope } {
  const environment = environmentOf(world, stack, definition);
  const resources = createdResources(world, stack);
  const build = (parameters: ParameterValues): Scope =>
    templateScope(definition.template, parameters, environment, resources);
  return { scope: build(definition.parameters), shownScope: build(maskSecrets(definition.parameters)) };
}

/** The resources whose conditions are true. */
export function activeResources(definition: Definition, scope: Scope): Definition['template']['resources'] {
  const { resources } = definition.template;
  return Object.fromEntries(
    Object.entries(resources).filter(
      ([, { condition }]) => condition === undefined || scope.condition(condition),
    ),
  );
}
