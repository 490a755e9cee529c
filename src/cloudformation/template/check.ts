import { suggest } from '../../core/text.ts';
import type { TemplateDocument } from './document.ts';
import { conditionHolds, type Scope, unrollLoops } from './evaluate.ts';
import { templateScope } from './graph.ts';
import type { Properties, PropertyKind, ResourceSchema, Schemas } from './schemas.ts';
import {
  emptyAt,
  type Entry,
  entriesOf,
  isLoop,
  literal,
  member,
  NO_RESOURCES,
  sectionOf,
  type Value,
  valueAt,
} from './tree.ts';

/** Something in a template that CloudFormation rejects, or, as a notice, may reject. */
export interface TemplateFinding {
  level: 'error' | 'notice';
  message: string;
  /** 1-based. */
  line: number;
}

/** A resource that a template declares. */
export interface DeclaredResource {
  logicalId: string;
  type: string;
  properties: Value | undefined;
}

export interface TemplateCheck {
  findings: readonly TemplateFinding[];
  /** Without resources whose condition is false. */
  resources: readonly DeclaredResource[];
  /** False if macros may add resources, or if a condition depends on a value that is not known before the deployment. */
  exact: boolean;
}

/**
 * Checks a template without calling AWS: references, conditions and mappings that it does not declare and, with
 * schemas, the attributes and required properties of its resources. A template with macros is not checked, because what
 * they add is not known. Its only finding says so.
 *
 * @param given the values of parameters and pseudo parameters, as for the stack graph.
 * @param schemas absent: types and properties are not checked.
 */
export function checkTemplate(
  document: TemplateDocument,
  given: Readonly<Record<string, string>>,
  schemas?: Schemas,
): TemplateCheck {
  const scope = templateScope(document, given);
  const declared = unrollLoops(sectionOf(document, 'Resources'), scope);
  const present = declared.filter(({ value }) => presence(value, scope) !== false);
  const expansions = expansionsOf(document, declared);
  const template: CheckedTemplate = {
    declared,
    outputs: unrollLoops(sectionOf(document, 'Outputs'), scope),
    scope,
    names: new Set([...Object.keys(document.parameters), ...declared.map(({ key }) => key)]),
    conditions: new Set(scope.conditions.map(({ key }) => key)),
    mappings: new Set(scope.mappings.map(({ key }) => key)),
  };
  return {
    findings:
      expansions.length > 0
        ? [expansionNotice(expansions)]
        : [...emptyFindings(document), ...findingsOf(template, present, schemas)],
    resources: present.flatMap(({ key, value }) => {
      const type = literal(member(value, 'Type'));
      return type === undefined ? [] : [{ logicalId: key, type, properties: member(value, 'Properties') }];
    }),
    exact: expansions.length === 0 && present.every(({ value }) => presence(value, scope) === true),
  };
}

/** Whether a resource will exist; undefined if that is known only during the deployment. */
function presence(value: Value, scope: Scope): boolean | undefined {
  const condition = literal(member(value, 'Condition'));
  return condition === undefined || conditionHolds(condition, scope);
}

interface CheckedTemplate {
  /** All resources, including those with a false condition: CloudFormation checks their references too. */
  declared: readonly Entry[];
  outputs: readonly Entry[];
  scope: Scope;
  /** The names of parameters and resources. */
  names: ReadonlySet<string>;
  conditions: ReadonlySet<string>;
  mappings: ReadonlySet<string>;
}

const LANGUAGE_EXTENSIONS = 'AWS::LanguageExtensions';

/** Something that expands to parts of the template that are not known here: a macro, a loop over unknown values, a merge key. */
interface Expansion {
  name: string;
  line: number;
}

function expansionsOf(document: TemplateDocument, declared: readonly Entry[]): Expansion[] {
  const transform = member(valueAt(document, []), 'Transform');
  const named = transform?.kind === 'list' ? transform.items : transform ? [transform] : [];
  const top = named.flatMap((value): Expansion[] => {
    const name = literal(value) ?? literal(member(value, 'Name')) ?? 'Transform';
    return name === LANGUAGE_EXTENSIONS ? [] : [{ name, line: value.line }];
  });
  return [...top, ...declared.flatMap((entry) => expansionsIn(entry))];
}

function expansionsIn({ key, value, line }: Entry): Expansion[] {
  if (isExpansion(key)) return [{ name: key === '' ? 'a computed name' : key, line }];
  return expansionsBelow(value);
}

/** A macro inside a resource adds properties, which may refer to resources that it adds elsewhere. */
function expansionsBelow(value: Value): Expansion[] {
  switch (value.kind) {
    case 'map':
      return value.entries.flatMap((entry) => (isLoop(entry.key) ? [] : expansionsIn(entry)));
    case 'list':
      return value.items.flatMap(expansionsBelow);
    case 'call':
      return value.name === 'Transform'
        ? [{ name: 'Fn::Transform', line: value.line }]
        : expansionsBelow(value.argument);
    default:
      return [];
  }
}

function isExpansion(key: string): boolean {
  return key === '' || key === '<<' || key === 'Fn::Transform' || isLoop(key);
}

function expansionNotice(expansions: readonly Expansion[]): TemplateFinding {
  const [first] = expansions;
  const names = [...new Set(expansions.map(({ name }) => name))].join(', ');
  const message = `The template was not checked, because only CloudFormation can expand ${names}.`;
  return { level: 'notice', message, line: first?.line ?? 1 };
}

function emptyFindings(document: TemplateDocument): TemplateFinding[] {
  const line = emptyAt(document);
  if (line === undefined) return [];
  return [
    { level: 'error', message: `the template has no resources. CloudFormation: ${NO_RESOURCES}`, line },
  ];
}

function findingsOf(
  template: CheckedTemplate,
  present: readonly Entry[],
  schemas?: Schemas,
): TemplateFinding[] {
  const referring = [...template.declared, ...template.outputs, ...template.scope.conditions];
  const conditions = template.scope.conditions.flatMap(({ key, value }) =>
    partsOf(value).flatMap((part) => conditionFindings(key, member(part, 'Condition'), template)),
  );
  return [
    ...referring.flatMap(({ key, value }) =>
      referencesOf(value).flatMap((each) => referenceFindings(each, key, template)),
    ),
    ...conditions,
    ...template.declared.flatMap((entry) => dependsOnFindings(entry, template)),
    ...[...template.declared, ...template.outputs].flatMap(({ key, value }) =>
      conditionFindings(key, member(value, 'Condition'), template),
    ),
    ...(schemas ? attributeFindings(template, schemas) : []),
    ...(schemas ? present.flatMap((entry) => propertyFindings(entry, schemas)) : []),
  ];
}

/** A reference from a value to another part of its template. */
interface Reference {
  kind: 'ref' | 'attribute' | 'condition' | 'mapping';
  name: string;
  attribute?: string;
  line: number;
}

/** All references of a value, from both branches of conditions, because CloudFormation checks both. */
function referencesOf(value: Value): Reference[] {
  switch (value.kind) {
    case 'map':
      // The body of a loop over unknown values refers to the loop's variable, which is not declared.
      return value.entries.flatMap((entry) => (isLoop(entry.key) ? [] : referencesOf(entry.value)));
    case 'list':
      return value.items.flatMap(referencesOf);
    case 'call':
      return [...ownReferences(value), ...referencesOf(value.argument)];
    default:
      return [];
  }
}

/** A value and everything in it. */
function partsOf(value: Value): Value[] {
  switch (value.kind) {
    case 'map':
      return [value, ...value.entries.flatMap((entry) => partsOf(entry.value))];
    case 'list':
      return [value, ...value.items.flatMap(partsOf)];
    case 'call':
      return [value, ...partsOf(value.argument)];
    default:
      return [value];
  }
}

function ownReferences({ name, argument, line }: Extract<Value, { kind: 'call' }>): Reference[] {
  const items = argument.kind === 'list' ? argument.items : [];
  const first = literal(argument.kind === 'list' ? items[0] : argument);
  if (first === undefined) return [];
  switch (name) {
    case 'Ref':
      return [{ kind: 'ref', name: first, line }];
    case 'GetAtt':
      return [attributeReference(first, items.slice(1), line)];
    case 'Sub':
      return substitutions(first, items[1], line);
    case 'Condition':
      return [{ kind: 'condition', name: first, line }];
    case 'If':
      return [{ kind: 'condition', name: first, line }];
    case 'FindInMap':
      return [{ kind: 'mapping', name: first, line }];
    default:
      return [];
  }
}

/** `A.Arn` or `[A, Arn]`; the attribute may be a function. */
function attributeReference(first: string, rest: readonly Value[], line: number): Reference {
  const dot = first.indexOf('.');
  if (rest.length === 0) {
    const name = dot < 0 ? first : first.slice(0, dot);
    return { kind: 'attribute', name, line, ...(dot >= 0 && { attribute: first.slice(dot + 1) }) };
  }
  const parts = rest.map(literal);
  const attribute = parts.includes(undefined) ? undefined : parts.join('.');
  return { kind: 'attribute', name: first, line, ...(attribute !== undefined && { attribute }) };
}

function substitutions(text: string, variables: Value | undefined, line: number): Reference[] {
  const own = new Set(entriesOf(variables).map(({ key }) => key));
  return [...text.matchAll(/\$\{\s*([A-Za-z0-9:.]+)\s*\}/g)].flatMap(([, name = '']) => {
    if (own.has(name)) return [];
    return name.startsWith('AWS::') || !name.includes('.')
      ? [{ kind: 'ref' as const, name, line }]
      : [attributeReference(name, [], line)];
  });
}

function referenceFindings(
  reference: Reference,
  within: string,
  template: CheckedTemplate,
): TemplateFinding[] {
  const { kind, name, line } = reference;
  switch (kind) {
    case 'ref':
      // This may be a pseudo parameter that is newer than this version.
      return name.startsWith('AWS::') || isDeclared(name, template)
        ? []
        : undeclared(
            `${within} refers to ${name}, which is neither a parameter nor a resource`,
            name,
            template.names,
            line,
          );
    case 'attribute':
      return isDeclared(name, template)
        ? []
        : undeclared(
            `${within} reads an attribute of ${name}, which is not a resource`,
            name,
            resourceNames(template),
            line,
          );
    case 'condition':
      return template.conditions.has(name)
        ? []
        : undeclared(`${within} uses ${name}, which is not a condition`, name, template.conditions, line);
    case 'mapping':
      return template.mappings.has(name)
        ? []
        : undeclared(`${within} looks up ${name}, which is not a mapping`, name, template.mappings, line);
  }
}

/** A module's resources are named after the module: `Network` has `Network.Vpc` or `NetworkVpc`. */
function isDeclared(name: string, { names, declared }: CheckedTemplate): boolean {
  return names.has(name) || declared.some(({ key, value }) => isModule(value) && name.startsWith(key));
}

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/modules.html */
function isModule(resource: Value): boolean {
  return literal(member(resource, 'Type'))?.endsWith('::MODULE') ?? false;
}

function resourceNames({ declared }: CheckedTemplate): string[] {
  return declared.map(({ key }) => key);
}

function undeclared(what: string, name: string, known: Iterable<string>, line: number): TemplateFinding[] {
  return [{ level: 'error', message: `${what} of the template${didYouMean(name, known)}`, line }];
}

function didYouMean(name: string, known: Iterable<string>): string {
  const meant = suggest(name, known);
  return meant === undefined ? '' : `; did you mean ${meant}?`;
}

function dependsOnFindings({ key, value }: Entry, template: CheckedTemplate): TemplateFinding[] {
  const dependsOn = member(value, 'DependsOn');
  const items = dependsOn?.kind === 'list' ? dependsOn.items : dependsOn ? [dependsOn] : [];
  return items.flatMap((item) => {
    const name = literal(item);
    if (name === undefined || isDeclared(name, template)) return [];
    return undeclared(
      `${key} depends on ${name}, which is not a resource`,
      name,
      resourceNames(template),
      item.line,
    );
  });
}

function conditionFindings(
  key: string,
  condition: Value | undefined,
  template: CheckedTemplate,
): TemplateFinding[] {
  const name = literal(condition);
  if (name === undefined || template.conditions.has(name)) return [];
  return undeclared(
    `${key} uses ${name}, which is not a condition`,
    name,
    template.conditions,
    condition?.line ?? 1,
  );
}

interface KnownType {
  type: string;
  schema: ResourceSchema;
}

function attributeFindings({ declared, outputs }: CheckedTemplate, schemas: Schemas): TemplateFinding[] {
  const types = new Map(declared.map(({ key, value }) => [key, literal(member(value, 'Type'))]));
  return [...declared, ...outputs].flatMap(({ value }) =>
    referencesOf(value).flatMap(({ kind, name, attribute, line }): TemplateFinding[] => {
      const type = types.get(name);
      const schema = type === undefined || hasOwnAttributes(type) ? undefined : schemas(type);
      if (kind !== 'attribute' || attribute === undefined || !schema || hasAttribute(schema, attribute))
        return [];
      const meant = didYouMean(attribute, schema.attributes);
      return [
        { level: 'error', message: `${name} (${type ?? ''}) has no attribute ${attribute}${meant}`, line },
      ];
    }),
  );
}

/** Types whose attributes depend on the deployment: outputs of other stacks, responses of custom resources. */
function hasOwnAttributes(type: string): boolean {
  return [
    'AWS::CloudFormation::CustomResource',
    'AWS::CloudFormation::Stack',
    'AWS::ServiceCatalog::CloudFormationProvisionedProduct',
  ].includes(type);
}

/** For many types, properties are attributes too, and so is a path into an object. */
function hasAttribute({ attributes, properties }: ResourceSchema, attribute: string): boolean {
  const [first = ''] = attribute.split('.');
  return attributes.has(attribute) || attributes.has(first) || properties.has(first);
}

function propertyFindings({ key, value, line }: Entry, schemas: Schemas): TemplateFinding[] {
  const type = literal(member(value, 'Type'));
  if (type === undefined || !type.startsWith('AWS::') || isModule(value)) return [];
  if (type === 'AWS::CloudFormation::CustomResource' || type === 'AWS::CDK::Metadata') return [];
  const schema = schemas(type);
  if (!schema) {
    const message = `${key}: the type ${type} is unknown to this version, so only CloudFormation can check it.`;
    return [{ level: 'notice', message, line: member(value, 'Type')?.line ?? line }];
  }
  const properties = member(value, 'Properties');
  return [
    ...requiredFindings(key, { type, schema }, properties, line),
    ...unknownFindings(`${key} (${type})`, properties, [{ kind: 'object', properties: schema.properties }]),
  ];
}

function requiredFindings(
  key: string,
  { type, schema }: KnownType,
  properties: Value | undefined,
  line: number,
): TemplateFinding[] {
  const entries = entriesOf(properties);
  const isComplete = properties === undefined || properties.kind === 'other' || properties.kind === 'map';
  if (!isComplete || entries.some((entry) => isExpansion(entry.key))) return [];
  const given = new Set(entries.filter(({ value }) => !isNoValue(value)).map((entry) => entry.key));
  return [...schema.properties].flatMap(([name, { required }]) =>
    required && !given.has(name)
      ? [{ level: 'error', message: `${key} (${type}): required property ${name} is missing`, line }]
      : [],
  );
}

function isNoValue(value: Value): boolean {
  return value.kind === 'call' && value.name === 'Ref' && literal(value.argument) === 'AWS::NoValue';
}

/** Properties that the schema does not have, at any depth. They are notices, because AWS may have added them since. */
function unknownFindings(
  where: string,
  value: Value | undefined,
  kinds: readonly PropertyKind[],
): TemplateFinding[] {
  switch (value?.kind) {
    case 'map':
      return value.entries.flatMap((entry) => unknownInEntry(where, entry, kinds));
    case 'list': {
      const items = kinds.flatMap((kind) => (kind.kind === 'list' ? kind.of : []));
      return value.items.flatMap((item) => unknownFindings(where, item, items));
    }
    case 'call':
      return value.name === 'If' && value.argument.kind === 'list'
        ? value.argument.items.slice(1).flatMap((branch) => unknownFindings(where, branch, kinds))
        : [];
    default:
      return [];
  }
}

function unknownInEntry(
  where: string,
  { key, value, line }: Entry,
  kinds: readonly PropertyKind[],
): TemplateFinding[] {
  const objects = kinds.flatMap((kind) => (kind.kind === 'object' ? [kind.properties] : []));
  const maps = kinds.flatMap((kind) => (kind.kind === 'map' ? kind.of : []));
  if (isExpansion(key) || objects.length === 0 || kinds.some(({ kind }) => kind === 'any')) {
    return unknownFindings(where, value, maps);
  }
  const known = objects.flatMap((properties) => properties.get(key) ?? []);
  if (known.length > 0)
    return unknownFindings(
      where,
      value,
      known.flatMap(({ kinds: own }) => own),
    );
  if (maps.length > 0) return unknownFindings(where, value, maps);
  const meant = didYouMean(
    key,
    objects.flatMap((properties: Properties) => [...properties.keys()]),
  );
  const message = `${where}: the property ${key} is unknown to this version${meant === '' ? '.' : meant}`;
  return [{ level: 'notice', message, line }];
}
