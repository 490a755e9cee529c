import type { Principal } from '../../iam/principal.ts';
import { parameterStore } from '../../ssm/parameter-store.ts';
import type { World } from '../../world.ts';
import {
  checkCapabilities,
  checkRules,
  refuseTypeChanges,
  refuseUnresolved,
  validateTemplate,
} from '../templates/validation.ts';
import { invalid } from '../errors.ts';
import type { GivenParameter } from '../templates/parameters.ts';
import { resolveParameters } from '../templates/parameters.ts';
import { referencedVersions, withVersions } from '../templates/references.ts';
import { NO_RESOURCES, templateScope } from '../templates/scope.ts';
import { referencesIn } from '../templates/dependencies.ts';
import type { Scope } from '../templates/intrinsics.ts';
import { isObject, type Json } from '../json.ts';
import { authorizeParameters } from '../permissions/parameters.ts';
import { requireServiceRole, serviceRoleSession } from '../permissions/service-role.ts';
import { stackDatabase } from './stack-database.ts';
import { environmentOf } from './stack-scope.ts';
import type { Definition, RollbackConfiguration, Stack, Tag } from './stack.ts';
import type { Template } from '../templates/template.ts';
import { parseTemplate } from '../templates/template.ts';
/** The input of a caller for the new state of a stack. */
export interface GivenDefinition {
  /** If absent, the current template of the stack. */
  body?: string | undefined;
  parameters: readonly GivenParameter[];
  /** If absent, the current ones. */
  tags?: readonly Tag[] | undefined;
  notificationArns?: readonly string[] | undefined;
  roleArn?: string | undefined;
  /** The caller. */
  caller?: Principal | undefined;
  /** If absent, or if a part is absent, the current value. */
  rollbackConfiguration?: RollbackConfiguration | undefined;
  capabilities: readonly string[];
  resourceTypes?: readonly string[] | undefined;
  /** Transforms require their own capability, except in change sets, which show the result. */
  direct: boolean;
}

const MAX_TAGS = 50;

/** Builds and checks a definition. Throws ValidationError or InsufficientCapabilitiesException. */
export function prepareDefinition(world: World, stack: Stack, given: GivenDefinition): Definition {
  const present = stack.definition;
  const body = given.body ?? present?.template.body;
  if (body === undefined) throw invalid('Either Template URL or Template Body must be specified.');
  const template = parseTemplate(body, {
    'AWS::AccountId': stack.account,
    'AWS::Region': stack.region,
    'AWS::StackName': stack.name,
    ...Object.fromEntries(valuesOf(given, present)),
  });
  validateTemplate(template);
  if (present) refuseTypeChanges(present.template, template);
  checkResourceTypes(template, given.resourceTypes);
  const roleArn = given.roleArn ?? present?.roleArn;
  requireServiceRole(world, stack, roleArn);
  const actor = roleArn === undefined ? given.caller : serviceRoleSession(roleArn);
  const store = parameterStore(world, stack.account, stack.region);
  const parameters = resolveParameters(template, given.parameters, {
    previous: present?.parameters,
    ssm: (name) => store.get(name)?.value,
  });
  checkCapabilities(template, given.capabilities, given.direct);
  const tags = given.tags ?? present?.tags ?? [];
  checkTags(tags);
  const notificationArns = given.notificationArns ?? present?.notificationArns ?? [];
  authorizeParameters(world, stack, actor, parameters);
  const references = referencedVersions(template.processed, (name) => store.get(name)?.version);
  const definition: Definition = {
    template: { ...template, processed: withVersions(template.processed, references) },
    parameters,
    references,
    tags,
    notificationArns,
    capabilities: given.capabilities,
    rollbackConfiguration: { ...present?.rollbackConfiguration, ...given.rollbackConfiguration },
    ...(roleArn === undefined ? {} : { roleArn }),
  };
  checkWithValues(world, stack, definition);
  return definition;
}

function valuesOf(given: GivenDefinition, present: Definition | undefined): [string, string][] {
  return given.parameters.flatMap(
    ({ ParameterKey: key, ParameterValue: value, UsePreviousValue: previous }) => {
      const known = previous === 'true' ? present?.parameters.get(key)?.value : value;
      return known === undefined ? [] : [[key, known] as [string, string]];
    },
  );
}

/** Conditions and rules depend only on parameters, so they are checked early. */
function checkWithValues(
  world: World,
  stack: Stack,
  { template, parameters, ...definition }: Definition,
): void {
  const environment = environmentOf(world, stack, definition, true);
  const scope = templateScope(template, parameters, environment, NO_RESOURCES);
  checkRules(template, {
    parameters,
    scope,
    existing: (id, name) => existingAttribute(world, stack, id, name),
  });
  for (const name of Object.keys(template.conditions)) scope.condition(name);
  refuseAbsent(template, scope);
}

/** A property of a resource that a stack of the account created, or a tag as `Tags.Name`. */
function existingAttribute(
  world: World,
  { account, region }: Stack,
  id: string,
  name: string,
): Json | undefined {
  const made = stackDatabase(world, account, region)
    .active()
    .flatMap(({ resources }) => [...resources.values()])
    .find(({ physicalId }) => physicalId === id);
  const tag = /^Tags\.(.+)$/.exec(name)?.[1];
  if (tag === undefined) return made?.properties[name];
  const tags = Array.isArray(made?.properties.Tags) ? made.properties.Tags : [];
  return tags.filter(isObject).find(({ Key }) => Key === tag)?.Value;
}

/**
 * Refuses a reference to a resource whose condition is false from a place that exists, like a reference to an unknown
 * resource.
 */
function refuseAbsent(template: Template, scope: Scope): void {
  const holds = ({ condition }: { condition?: string }): boolean =>
    condition === undefined || scope.condition(condition);
  const absent = new Set(Object.entries(template.resources).flatMap(([id, of]) => (holds(of) ? [] : [id])));
  const missing = (value: Json | undefined): string[] =>
    referencesIn(value, scope).flatMap(({ kind, name }) =>
      (kind === 'ref' || kind === 'attribute') && absent.has(name) ? [name] : [],
    );
  const resources = Object.values(template.resources).filter(holds);
  refuseUnresolved(new Set(resources.flatMap(({ properties }) => missing(properties))), 'Resources');
  const outputs = Object.values(template.outputs).filter(holds);
  refuseUnresolved(new Set(outputs.flatMap(({ value }) => missing(value))), 'Outputs');
}

function checkResourceTypes(template: Template, allowed: readonly string[] | undefined): void {
  if (!allowed || allowed.length === 0) return;
  const fits = (type: string): boolean =>
    allowed.some(
      (pattern) => pattern === type || (pattern.endsWith('*') && type.startsWith(pattern.slice(0, -1))),
    );
  for (const { type } of Object.values(template.resources)) {
    if (!fits(type)) {
      throw invalid(
        `Resource type ${type} is not allowed by parameter ResourceTypes [${allowed.join(', ')}]`,
      );
    }
  }
}

/**
 * @see https://github.com/aws-quickstart/quickstart-amazon-eks/issues/42 for the reserved prefix
 * @see https://github.com/cilium/cilium/issues/44695 for duplicate keys
 */
function checkTags(tags: readonly Tag[]): void {
  if (tags.length > MAX_TAGS) {
    throw invalid(
      `1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to ${MAX_TAGS}`,
    );
  }
  const reserved = tags.find(({ Key }) => Key.toLowerCase().startsWith('aws:'));
  if (reserved) throw invalid(`aws: prefixed tag key names are not allowed for external use.`);
  const keys = tags.map(({ Key }) => Key);
  if (new Set(keys).size < keys.length) throw invalid('Tags contain duplicate keys; tag keys must be unique');
}
