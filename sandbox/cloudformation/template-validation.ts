import { refuseCycles } from './dependencies.ts';
import { badFormat, badTemplate, invalid } from './failures.ts';
import type { Json } from './json.ts';
import { checkParameterTypes } from './parameters.ts';
import type { Reference } from './references.ts';
import { referencesIn } from './references.ts';
import { isCustom, schemaOf } from './schema.ts';
import { PSEUDO_PARAMETERS } from './scope.ts';
import type { Template } from './template.ts';

const POLICIES = ['Delete', 'Retain', 'RetainExceptOnCreate', 'Snapshot'];

/** Checks everything that a template says about itself. Throws a ValidationError in AWS's words for the first fault. */
export function validateTemplate(template: Template): void {
  checkParameterTypes(template);
  checkConditions(template);
  checkResources(template);
  checkOutputs(template);
  refuseCycles(template);
}

function checkConditions(template: Template): void {
  for (const definition of Object.values(template.conditions)) {
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
    for (const part of [output.value, output.exportName]) {
      for (const name of checkReferences(part, template, 'Outputs')) unresolved.add(name);
    }
  }
  refuseUnresolved(unresolved, 'Outputs');
}

function refuseUnresolved(names: ReadonlySet<string>, block: string): void {
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

/** The names that lead nowhere; other faults throw. */
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

/** Custom resources give whatever their provider answers. */
function hasAttributes(type: string): boolean {
  return !isCustom(type) && type !== 'AWS::CloudFormation::WaitCondition';
}

function knowsAttribute(type: string, attribute: string): boolean {
  if (type === 'AWS::CloudFormation::Stack') return attribute.startsWith('Outputs.');
  const schema = schemaOf(type);
  return schema !== undefined && (attribute in schema.attributes || attribute in schema.properties);
}

/** Refuses the change of a resource's type, which needs another logical id. */
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
