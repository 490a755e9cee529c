import { parameterStore } from '../../ssm/parameter-store.ts';
import type { World } from '../../world.ts';
import {
  checkCapabilities,
  checkRules,
  refuseTypeChanges,
  validateTemplate,
} from '../templates/validation.ts';
import { invalid } from '../errors.ts';
import type { GivenParameter } from '../templates/parameters.ts';
import { resolveParameters } from '../templates/parameters.ts';
import { NO_RESOURCES, templateScope } from '../templates/scope.ts';
import { environmentOf } from './stack-scope.ts';
import type { Definition, RollbackConfiguration, Stack, Tag } from './stack.ts';
import type { Template } from '../templates/template.ts';
import { parseTemplate } from '../templates/template.ts';
/** What a caller gives to make a stack, or another state of it. */
export interface GivenDefinition {
  /** Absent: the template that the stack has. */
  body?: string | undefined;
  parameters: readonly GivenParameter[];
  /** Absent: those that the stack has. */
  tags?: readonly Tag[] | undefined;
  notificationArns?: readonly string[] | undefined;
  roleArn?: string | undefined;
  /** Absent, or a part of it absent: what the stack has. */
  rollbackConfiguration?: RollbackConfiguration | undefined;
  capabilities: readonly string[];
  resourceTypes?: readonly string[] | undefined;
  /** Transforms need a capability of their own, except in change sets, which show what they did. */
  direct: boolean;
}

const MOST_TAGS = 50;

/** Puts a definition together and checks it. Throws ValidationError or InsufficientCapabilitiesException. */
export function prepareDefinition(world: World, stack: Stack, given: GivenDefinition): Definition {
  const present = stack.definition;
  const body = given.body ?? present?.template.body;
  if (body === undefined) throw invalid('Either Template URL or Template Body must be specified.');
  const template = parseTemplate(body, Object.fromEntries(valuesOf(given, present)));
  validateTemplate(template);
  if (present) refuseTypeChanges(present.template, template);
  checkResourceTypes(template, given.resourceTypes);
  const store = parameterStore(world, stack.account, stack.region);
  const parameters = resolveParameters(template, given.parameters, {
    previous: present?.parameters,
    ssm: (name) => store.get(name)?.value,
  });
  checkCapabilities(template, given.capabilities, given.direct);
  const tags = given.tags ?? present?.tags ?? [];
  checkTags(tags);
  const notificationArns = given.notificationArns ?? present?.notificationArns ?? [];
  const roleArn = given.roleArn ?? present?.roleArn;
  const definition: Definition = {
    template,
    parameters,
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

/** Conditions and rules need nothing but parameters: what is wrong with them shows at once. */
function checkWithValues(
  world: World,
  stack: Stack,
  { template, parameters, notificationArns }: Definition,
): void {
  const environment = environmentOf(world, stack, notificationArns, true);
  const scope = templateScope(template, parameters, environment, NO_RESOURCES);
  checkRules(template, parameters, scope);
  for (const name of Object.keys(template.conditions)) scope.condition(name);
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

function checkTags(tags: readonly Tag[]): void {
  if (tags.length > MOST_TAGS) {
    throw invalid(
      `1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to ${MOST_TAGS}`,
    );
  }
  const reserved = tags.find(({ Key }) => Key.toLowerCase().startsWith('aws:'));
  if (reserved) throw invalid(`aws: prefixed tag key names are not allowed for external use.`);
  const keys = tags.map(({ Key }) => Key);
  if (new Set(keys).size < keys.length)
    throw invalid('Duplicate tag keys found. Please note that Tag keys are case insensitive.');
}
