import { AwsError } from '../../protocols/service.ts';
import { badFormat, badTemplate, invalid } from '../errors.ts';
import { isObject, type Json, members, textOf } from '../json.ts';
import { isCustom, schemaOf } from '../resources/schema.ts';
import { type Reference, referencesIn, refuseCycles } from './dependencies.ts';
import { resolve, type Scope } from './intrinsics.ts';
import {
  checkParameterTypes,
  parameterReference,
  type ParameterValue,
  type ParameterValues,
} from './parameters.ts';
import { PSEUDO_PARAMETERS } from './scope.ts';
import type { Template } from './template.ts';

const POLICIES = ['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot'];

/** Validates a template by itself. Throws a ValidationError in AWS's words for the first error. */
export function validateTemplate(template: Template): void {
  checkParameterTypes(template);
  checkConditions(template);
  checkResources(template);
  checkOutputs(template);
  refuseCycles(template);
}

function checkConditions(template: Template): void {
  for (const definition of Object.values(template.conditions)) {
    if (callsStackOutput(definition)) throw badTemplate('Cannot use Fn::GetStackOutput in Conditions');
    for (const reference of referencesIn(definition)) {
      if (reference.kind === 'ref' && !isGlobal(reference.name, template)) {
        throw badFormat(
          `Unresolved dependencies [${reference.name}]. Cannot reference resources in the Conditions block of the template`,
        );
      }
      if (reference.kind === 'condition') checkCondition(reference.name, template, 'Conditions');
    }
  }
}

/** Where it is not allowed, and AWS's error: https://github.com/aws-cloudformation/cfn-lint/pull/4519. */
function callsStackOutput(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.some(callsStackOutput);
  return (
    isObject(value) &&
    members(value).some(([name, item]) => name === 'Fn::GetStackOutput' || callsStackOutput(item))
  );
}

function isGlobal(name: string, template: Template): boolean {
  return name in template.parameters || PSEUDO_PARAMETERS.includes(name);
}

function checkResources(template: Template): void {
  const unresolved = new Set<string>();
  for (const [id, resource] of Object.entries(template.resources)) {
    for (const name of resource.dependsOn) if (!(name in template.resources)) unresolved.add(name);
    if (resource.condition !== undefined) checkCondition(resource.condition, template, 'Resources');
    checkPolicies(id, [resource.deletionPolicy, resource.updateReplacePolicy], template);
    for (const part of [
      resource.properties,
      resource.metadata,
      resource.updatePolicy,
      resource.creationPolicy,
    ]) {
      for (const name of checkReferences(part, template, 'Resources')) unresolved.add(name);
    }
  }
  refuseUnresolved(unresolved, 'Resources');
}

function checkPolicies(id: string, policies: (Json | undefined)[], template: Template): void {
  for (const policy of policies) {
    if (policy === undefined || (typeof policy !== 'string' && template.transforms.length > 0)) continue;
    if (typeof policy !== 'string' || !POLICIES.includes(policy)) {
      throw badFormat(`Unrecognized DeletionPolicy ${JSON.stringify(policy)} for resource ${id}`);
    }
  }
}

function checkOutputs(template: Template): void {
  const unresolved = new Set<string>();
  for (const output of Object.values(template.outputs)) {
    if (output.condition !== undefined) checkCondition(output.condition, template, 'Outputs');
    if (callsStackOutput(output.exportName)) {
      throw badTemplate(
        'The Name field of Export must not depend on any resources, imported values, or Fn::GetAZs.',
      );
    }
    for (const part of [output.value, output.exportName]) {
      for (const name of checkReferences(part, template, 'Outputs')) unresolved.add(name);
    }
  }
  refuseUnresolved(unresolved, 'Outputs');
}

/** Throws AWS's error for unresolved references. */
export function refuseUnresolved(names: ReadonlySet<string>, block: string): void {
  if (names.size === 0) return;
  throw badFormat(
    `Unresolved resource dependencies [${[...names].join(', ')}] in the ${block} block of the template`,
  );
}

function checkCondition(name: string, template: Template, block: string): void {
  if (!(name in template.conditions)) {
    throw badFormat(`Unresolved condition dependency ${name} in the ${block} block of the template`);
  }
}

/** The unresolved names. Throws for other errors. */
function checkReferences(value: Json | undefined, template: Template, block: string): string[] {
  const unresolved: string[] = [];
  for (const reference of referencesIn(value)) {
    const { kind, name } = reference;
    if (kind === 'ref' && !isGlobal(name, template) && !(name in template.resources)) unresolved.push(name);
    if (kind === 'condition') checkCondition(name, template, block);
    if (kind === 'attribute') checkAttribute(reference, template, unresolved);
    if (kind === 'mapping' && !(name in template.mappings)) {
      throw badTemplate(`Mapping named '${name}' is not present in the 'Mappings' section of template.`);
    }
  }
  return unresolved;
}

function checkAttribute(reference: Reference, template: Template, unresolved: string[]): void {
  const { name, attribute, by } = reference;
  const resource = template.resources[name];
  if (!resource) {
    if (by === 'Fn::Sub') unresolved.push(name);
    else throw badTemplate(`instance of Fn::GetAtt references undefined resource ${name}`);
    return;
  }
  if (attribute === undefined || !hasAttributes(resource.type)) return;
  if (!knowsAttribute(resource.type, attribute)) {
    throw badTemplate(
      `resource ${name} does not support attribute type ${attribute} in ${by === 'Fn::Sub' ? 'Fn::GetAtt' : by}`,
    );
  }
}

/** Custom resources have every attribute, because only their provider defines them. */
function hasAttributes(type: string): boolean {
  return !isCustom(type) && type !== 'AWS::CloudFormation::WaitCondition';
}

function knowsAttribute(type: string, attribute: string): boolean {
  if (type === 'AWS::CloudFormation::Stack') return attribute.startsWith('Outputs.');
  const schema = schemaOf(type);
  return schema !== undefined && (attribute in schema.attributes || attribute in schema.properties);
}

/** Refuses a changed type of a resource, which requires a new logical id. */
export function refuseTypeChanges(before: Template, after: Template): void {
  const changed = Object.entries(after.resources)
    .filter(([id, { type }]) => before.resources[id] !== undefined && before.resources[id].type !== type)
    .map(([id]) => id);
  if (changed.length > 0) {
    throw invalid(
      `Update of resource type is not permitted. The new template modifies resource type of the following resources: [${changed.join(', ')}]`,
    );
  }
}

const IAM_NAMES: Record<string, string | undefined> = {
  'AWS::IAM::AccessKey': undefined,
  'AWS::IAM::Group': 'GroupName',
  'AWS::IAM::InstanceProfile': 'InstanceProfileName',
  'AWS::IAM::ManagedPolicy': 'ManagedPolicyName',
  'AWS::IAM::Policy': undefined,
  'AWS::IAM::Role': 'RoleName',
  'AWS::IAM::User': 'UserName',
  'AWS::IAM::UserToGroupAddition': undefined,
};

/** The capabilities that a template requires, and for which resource types. */
export function requiredCapabilities(template: Template): { capabilities: string[]; types: string[] } {
  const iam = Object.values(template.resources).filter(({ type }) => type in IAM_NAMES);
  const types = [...new Set(iam.map(({ type }) => type))].sort();
  if (types.length === 0) return { capabilities: [], types };
  const named = iam.some(({ type, properties }) => {
    const property = IAM_NAMES[type];
    return property !== undefined && property in properties;
  });
  return { capabilities: [named ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM'], types };
}

/** Throws InsufficientCapabilitiesException for missing capabilities. CAPABILITY_NAMED_IAM includes CAPABILITY_IAM. */
export function checkCapabilities(
  template: Template,
  given: readonly string[],
  withTransforms: boolean,
): void {
  const { capabilities } = requiredCapabilities(template);
  if (withTransforms && template.transforms.length > 0) capabilities.push('CAPABILITY_AUTO_EXPAND');
  const missing = capabilities.filter(
    (name) => !given.includes(name) && !(name === 'CAPABILITY_IAM' && given.includes('CAPABILITY_NAMED_IAM')),
  );
  if (missing.length > 0) {
    throw new AwsError(
      'InsufficientCapabilitiesException',
      `Requires capabilities : [${missing.join(', ')}]`,
    );
  }
}

/** The input of rules. */
interface RuleScope {
  parameters: ParameterValues;
  scope: Scope;
  /**
   * An attribute of a resource in the account, such as a subnet's VpcId. Undefined for one that was not created in the
   * sandbox.
   */
  existing: (id: string, attribute: string) => Json | undefined;
}

/** Checks the assertions of the Rules section with the parameters. Throws for the first that fails. */
export function checkRules(template: Template, rules: RuleScope): void {
  for (const [name, rule] of Object.entries(template.rules)) {
    if (rule.RuleCondition !== undefined && !holds(rule.RuleCondition, rules)) continue;
    const assertions = Array.isArray(rule.Assertions) ? rule.Assertions : [];
    for (const assertion of assertions.filter(isObject)) {
      if (assertion.Assert === undefined || holds(assertion.Assert, rules)) continue;
      const described =
        typeof assertion.AssertDescription === 'string' ? assertion.AssertDescription : 'assertion failed';
      throw invalid(`Template error: Rule ${name} failed: ${described}`);
    }
  }
}

function holds(value: Json, rules: RuleScope): boolean {
  const result = evaluate(value, rules);
  return result === true || result === 'true';
}

/** Rules have additional functions for sets of parameters; the others are the template's. */
function evaluate(value: Json, rules: RuleScope): Json {
  if (Array.isArray(value)) return value.map((item) => evaluate(item, rules));
  if (!isObject(value)) return value;
  const [name = '', argument = null] = Object.entries(value)[0] ?? [];
  const list = (): Json[] => (Array.isArray(argument) ? argument : []).map((item) => evaluate(item, rules));
  switch (name) {
    case 'Fn::And':
      return list().every((item) => item === true);
    case 'Fn::Or':
      return list().some((item) => item === true);
    case 'Fn::Not':
      return list()[0] !== true;
    case 'Fn::Equals': {
      const [one, other] = list();
      return textOf(one) === textOf(other);
    }
    case 'Fn::Contains': {
      const [all, item] = list();
      return texts(all).includes(textOf(item));
    }
    case 'Fn::EachMemberEquals': {
      const [items, wanted] = list();
      return texts(items).every((item) => item === textOf(wanted));
    }
    case 'Fn::EachMemberIn': {
      const [items, allowed] = list();
      return texts(items).every((item) => texts(allowed).includes(item));
    }
    case 'Fn::RefAll':
    case 'Fn::ValueOf':
    case 'Fn::ValueOfAll':
      return aboutParameters(name, argument, rules);
    default:
      return resolve(value, rules.scope) ?? null;
  }
}

const texts = (value: Json | undefined): string[] =>
  (Array.isArray(value) ? value : [value ?? '']).map(textOf);

/**
 * Fn::RefAll, Fn::ValueOf and Fn::ValueOfAll ("Rule-specific intrinsic functions", User Guide). Resources that were not
 * created in the sandbox are assumed to be in the VPC of the parameters, without tags.
 */
function aboutParameters(name: string, argument: Json, { parameters, existing }: RuleScope): Json {
  const ofType = (type: string): ParameterValue[] =>
    [...parameters.values()].filter((parameter) => [type, `List<${type}>`].includes(parameter.type));
  const ids = (parameter: ParameterValue): string[] => texts(parameterReference(parameter));
  if (name === 'Fn::RefAll') return ofType(textOf(argument)).flatMap(ids);
  const [of, attribute] = texts(argument);
  const [vpc] = ofType('AWS::EC2::VPC::Id').flatMap(ids);
  const valueOf = (id: string): Json =>
    existing(id, attribute ?? '') ?? (attribute === 'VpcId' ? (vpc ?? '') : '');
  if (name === 'Fn::ValueOfAll')
    return ofType(of ?? '')
      .flatMap(ids)
      .map(valueOf);
  const parameter = parameters.get(of ?? '');
  if (!parameter) throw badTemplate(`Fn::ValueOf references the unknown parameter ${of ?? ''}`);
  const values = ids(parameter).map(valueOf);
  return parameter.type.startsWith('List<') ? values : (values[0] ?? '');
}
