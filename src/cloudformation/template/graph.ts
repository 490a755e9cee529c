import { PlatformError } from '../../core/errors.ts';
import { readTemplateDocument, type TemplateDocument } from './document.ts';
import {
  conditionHolds,
  isKnown,
  type Known,
  partsOf,
  possibleTexts,
  type Scope,
  unrollLoops,
} from './evaluate.ts';
import { type Entry, literal, member, sectionOf, type Value, valueAt } from './tree.ts';

/** A stack of the graph: its template's text and the values of its parameters and pseudo parameters. */
export interface GraphStack {
  name: string;
  template: string;
  parameters: Readonly<Record<string, string>>;
  /** The ECR repository of its images, which the template does not have to refer to. */
  repository?: string;
  /** Dependencies that are not in its template. */
  after?: readonly Dependency[];
}

/** Why a stack depends on another one. */
interface Dependency {
  on: string;
  /** `imports platform-dev-data-subnets`, `reads /platform/dev/vpc/id` */
  because: readonly string[];
}

export interface StackGraph {
  /** All stacks, each after the stacks that it depends on. */
  order: readonly string[];
  dependencies: ReadonlyMap<string, readonly Dependency[]>;
  /** The stack that creates each ECR repository. */
  repositories: ReadonlyMap<string, string>;
  /** Imports that may depend on another stack, because their name is not known before the deployment. */
  unresolved: readonly { stack: string; function: UnresolvedImport['function']; line: number }[];
  /** Outputs that a stack reads from another stack of the graph that does not have them. */
  missingOutputs: readonly (OutputRead & { stack: string })[];
}

/** The stacks cannot be ordered. The message names them and what each reads from the next. */
export class GraphError extends PlatformError {
  override readonly name = 'GraphError';
  /** Where each of two stacks provides the same name. */
  readonly places: readonly TemplatePlace[];

  constructor(message: string, places: readonly TemplatePlace[] = []) {
    super('graph-invalid', message);
    this.places = places;
  }
}

/** A line of a stack's template. */
interface TemplatePlace {
  stack: string;
  line: number;
}

/**
 * The order of stacks, derived from their templates. A stack comes after those that provide the exports, SSM parameters,
 * secrets and outputs that it reads, or its repository. Anything that no stack provides is assumed to exist.
 *
 * @throws GraphError for a cycle, with its reasons, and for a name that two stacks provide unconditionally.
 */
export function stackGraph(stacks: readonly GraphStack[]): StackGraph {
  const interfaces = stacks.map(({ name, template, parameters, repository }) => {
    const found = stackInterface(template, parameters);
    const used: SharedName[] = repository === undefined ? [] : [{ kind: 'repository', name: repository }];
    return [name, { ...found, reads: [...found.reads, ...used] }] as const;
  });
  const writers = writersOf(interfaces);
  const dependencies = new Map(
    interfaces.map(([name, { reads }]) => [
      name,
      mergedDependencies([...dependenciesOf(name, reads, writers), ...givenDependencies(stacks, name)]),
    ]),
  );
  return {
    order: orderOf(dependencies),
    dependencies,
    repositories: new Map(
      interfaces.flatMap(([stack, { writes }]) =>
        writes.flatMap(({ kind, name }) => (kind === 'repository' ? [[name, stack] as const] : [])),
      ),
    ),
    unresolved: interfaces.flatMap(([stack, { unresolved }]) =>
      unresolved.map((each) => ({ stack, ...each })),
    ),
    missingOutputs: missingOutputs(interfaces),
  };
}

/** The reversed graph: the stacks that must be deleted before each stack. */
export function reversed({ dependencies }: StackGraph): Map<string, string[]> {
  const dependants = new Map([...dependencies.keys()].map((name): [string, string[]] => [name, []]));
  for (const [name, found] of dependencies) {
    for (const { on } of found) dependants.get(on)?.push(name);
  }
  return dependants;
}

function missingOutputs(
  interfaces: readonly (readonly [string, StackInterface])[],
): (OutputRead & { stack: string })[] {
  const known = new Map(
    interfaces.flatMap(([, { outputs }]) => (outputs ? [[outputs.stackName, outputs.names] as const] : [])),
  );
  return interfaces.flatMap(([stack, { outputReads }]) =>
    outputReads
      .filter(({ stackName, output }) => known.get(stackName)?.has(output) === false)
      .map((read) => ({ stack, ...read })),
  );
}

/** The stacks that provide each name: several if a condition decides that is not known before the deployment. */
function writersOf(
  interfaces: readonly (readonly [string, StackInterface])[],
): Map<string, readonly string[]> {
  const writers = new Map<string, (TemplatePlace & { certain: boolean })[]>();
  for (const [stack, { writes }] of interfaces) {
    for (const shared of writes) {
      const { certain, line } = shared;
      const others = writers.get(keyOf(shared)) ?? [];
      const other = others.find((each) => each.stack !== stack && each.certain);
      if (other && certain) {
        throw new GraphError(
          `The stacks ${other.stack} and ${stack} both ${PROVIDES[shared.kind]} ${shared.name}.`,
          [
            { stack: other.stack, line: other.line },
            { stack, line },
          ],
        );
      }
      writers.set(keyOf(shared), [...others, { stack, certain, line }]);
    }
  }
  return new Map([...writers].map(([key, found]) => [key, found.map(({ stack }) => stack)]));
}

const PROVIDES = {
  export: 'export',
  parameter: 'write the parameter',
  secret: 'create the secret',
  output: 'have the output',
  repository: 'create the repository',
} as const;
const READS = {
  export: 'imports',
  parameter: 'reads',
  secret: 'reads secret',
  output: 'reads output',
  repository: 'uses repository',
} as const;
const keyOf = ({ kind, name }: SharedName): string => `${kind} ${name}`;

function dependenciesOf(
  stack: string,
  reads: readonly SharedName[],
  writers: ReadonlyMap<string, readonly string[]>,
): Dependency[] {
  const reasons = new Map<string, string[]>();
  for (const shared of reads) {
    const providers = writers.get(keyOf(shared)) ?? [];
    // A stack does not depend on itself.
    if (providers.includes(stack)) continue;
    for (const on of providers) {
      reasons.set(on, [...(reasons.get(on) ?? []), `${READS[shared.kind]} ${shared.name}`]);
    }
  }
  return [...reasons].map(([on, because]) => ({ on, because }));
}

/** The dependencies of a stack that are not in its template, if they are on stacks of the graph. */
function givenDependencies(stacks: readonly GraphStack[], name: string): readonly Dependency[] {
  const { after = [] } = stacks.find((stack) => stack.name === name) ?? {};
  return after.filter(({ on }) => stacks.some((stack) => stack.name === on));
}

function mergedDependencies(all: readonly Dependency[]): Dependency[] {
  const reasons = new Map<string, string[]>();
  for (const { on, because } of all) reasons.set(on, [...(reasons.get(on) ?? []), ...because]);
  return [...reasons].map(([on, because]) => ({ on, because }));
}

/** Depth first. The given order is kept as far as dependencies allow. */
function orderOf(dependencies: ReadonlyMap<string, readonly Dependency[]>): string[] {
  const order: string[] = [];
  const path: string[] = [];
  const visit = (name: string): void => {
    if (order.includes(name)) return;
    if (path.includes(name))
      throw new GraphError(cycleText([...path.slice(path.indexOf(name)), name], dependencies));
    path.push(name);
    for (const { on } of dependencies.get(name) ?? []) visit(on);
    path.pop();
    order.push(name);
  };
  for (const name of dependencies.keys()) visit(name);
  return order;
}

function cycleText(
  cycle: readonly string[],
  dependencies: ReadonlyMap<string, readonly Dependency[]>,
): string {
  const steps = cycle.slice(0, -1).map((name, index) => {
    const next = cycle[index + 1] ?? '';
    const found = dependencies.get(name)?.find(({ on }) => on === next);
    return `${name} ${found?.because[0] ?? ''} of ${next}`;
  });
  return `Circular dependency between stacks: ${cycle.join(' → ')}. ${steps.join('; ')}. Move the shared resources into one of these stacks or into a separate one.`;
}

/** A name that stacks share. The name of an output is `<stack name>.<output>`. */
interface SharedName {
  kind: 'export' | 'parameter' | 'secret' | 'output' | 'repository';
  name: string;
}

/** A name that a stack provides. */
interface ProvidedName extends SharedName {
  /** Whether it is provided does not depend on an unknown condition. */
  certain: boolean;
  /** The line of the name. */
  line: number;
}

/** A function that reads from another stack by a name that is not known before the deployment. */
interface UnresolvedImport {
  function: 'Fn::ImportValue' | 'Fn::GetStackOutput';
  line: number;
}

/** An output that `Fn::GetStackOutput` reads. */
interface OutputRead {
  stackName: string;
  output: string;
  line: number;
}

/** What a stack provides to others, and what it reads from them. */
interface StackInterface {
  writes: readonly ProvidedName[];
  reads: readonly SharedName[];
  unresolved: readonly UnresolvedImport[];
  outputReads: readonly OutputRead[];
  /** Whether it may create SSM parameters whose names are not known before the deployment. */
  writesUnknown: boolean;
  /** The outputs that it can have; undefined if they are not known before the deployment. */
  outputs: { stackName: string; names: ReadonlySet<string> } | undefined;
}

/**
 * Reads from a template what it shares with other stacks: exports and imports, outputs, SSM parameters, secrets and
 * repositories. Parts with a false condition are ignored.
 *
 * @param given the values of pseudo parameters and of parameters. Other parameters have their default.
 * @throws TemplateSyntaxError if the text cannot be parsed.
 */
export function stackInterface(text: string, given: Readonly<Record<string, string>>): StackInterface {
  const document = readTemplateDocument(text);
  const scope = templateScope(document, given);
  const resources = presentEntries(document, 'Resources', scope);
  const outputs = presentEntries(document, 'Outputs', scope);
  const parts = [...resources, ...outputs].flatMap(({ value }) => [...partsOf(value, scope)]);
  const found = parts.map((part) => readByPart(part, scope));
  const own = scope.values['AWS::StackName'];
  return {
    writes: [
      ...outputs.flatMap(({ key, value, certain }) => {
        const exported = member(member(value, 'Export'), 'Name');
        const names = typeof own === 'string' ? [`${own}.${key}`] : [];
        return [
          ...provided('export', possibleTexts(exported, scope), { certain, line: exported?.line ?? 1 }),
          ...provided('output', names, { certain, line: value.line }),
        ];
      }),
      ...providedBy('parameter', resources, ['AWS::SSM::Parameter', 'Name'], scope),
      ...providedBy('secret', resources, ['AWS::SecretsManager::Secret', 'Name'], scope),
      ...providedBy('repository', resources, ['AWS::ECR::Repository', 'RepositoryName'], scope),
    ],
    reads: unique([...readByParameters(document, given), ...found.flatMap(({ reads }) => reads)]),
    unresolved: found.flatMap(({ unresolved }) => unresolved),
    outputReads: parts.flatMap((part) => outputReadsOf(part, scope)),
    writesUnknown:
      hasMacro(document) || resources.some((resource) => mayWriteUnknown(resource, document, scope)),
    outputs: typeof own === 'string' ? possibleOutputs(document, own, outputs) : undefined,
  };
}

/**
 * The names that the functions of a template can refer to, with their values as far as they are known locally.
 *
 * @param given the values of pseudo parameters and of parameters. Other parameters have their default.
 */
export function templateScope(document: TemplateDocument, given: Readonly<Record<string, string>>): Scope {
  const texts = parameterTexts(document, given);
  const parameters = Object.entries(document.parameters).flatMap(([name, { type }]): [string, Known][] => {
    const text = texts[name];
    // A reference returns the value in Parameter Store, which is not known here.
    if (text === undefined || type.startsWith(SSM_VALUE)) return [];
    return [
      [name, /^(?:List<|CommaDelimitedList$)/.test(type) ? text.split(',').map((item) => item.trim()) : text],
    ];
  });
  const others = Object.entries(given).filter(([name]) => !Object.hasOwn(document.parameters, name));
  return {
    values: Object.fromEntries([...others, ...parameters]),
    mappings: sectionOf(document, 'Mappings'),
    conditions: sectionOf(document, 'Conditions'),
  };
}

/** The values of a template's parameters, given or default. */
function parameterTexts(
  document: TemplateDocument,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.keys(document.parameters).flatMap((name) => {
      const value = Object.hasOwn(given, name)
        ? given[name]
        : literal(valueAt(document, ['Parameters', name, 'Default']));
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** The resources or outputs that will exist, including those of loops. */
function presentEntries(
  document: TemplateDocument,
  section: 'Resources' | 'Outputs',
  scope: Scope,
): (Entry & { certain: boolean })[] {
  return unrollLoops(sectionOf(document, section), scope).flatMap((entry) => {
    const condition = literal(member(entry.value, 'Condition'));
    const holds = condition === undefined || conditionHolds(condition, scope);
    return holds === false ? [] : [{ ...entry, certain: holds === true }];
  });
}

/** The names that the resources of a type have by a property. */
function providedBy(
  kind: SharedName['kind'],
  resources: readonly (Entry & { certain: boolean })[],
  [type, property]: readonly [string, string],
  scope: Scope,
): ProvidedName[] {
  return resources
    .filter(({ value }) => literal(member(value, 'Type')) === type)
    .flatMap(({ value, certain }) => {
      const name = member(member(value, 'Properties'), property);
      return provided(kind, possibleTexts(name, scope), { certain, line: name?.line ?? value.line });
    });
}

/** The prefix of parameter types whose value is a name in Parameter Store. */
export const SSM_VALUE = 'AWS::SSM::Parameter::Value<';

/**
 * What a stack reads through its parameters. The value of an SSM type is a name; any other may contain dynamic references.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
 */
function readByParameters(document: TemplateDocument, given: Readonly<Record<string, string>>): SharedName[] {
  const texts = parameterTexts(document, given);
  return Object.entries(document.parameters).flatMap(([name, { type }]) => {
    const text = texts[name] ?? '';
    const isName = type.startsWith(SSM_VALUE) || type === 'AWS::SSM::Parameter::Name';
    return isName && text !== '' ? [{ kind: 'parameter' as const, name: text }] : dynamicReferences(text);
  });
}

/** What a value of a template reads from other stacks, without the values inside it. */
function readByPart(
  part: Value,
  scope: Scope,
): { reads: readonly SharedName[]; unresolved: readonly UnresolvedImport[] } {
  if (part.kind === 'map') return { reads: secretsOfContainer(part, scope), unresolved: [] };
  if (part.kind === 'call' && part.name === 'ImportValue') {
    const names = possibleTexts(part.argument, scope);
    const unresolved = names.every(isKnown)
      ? []
      : [{ function: 'Fn::ImportValue' as const, line: part.line }];
    return { reads: names.map((name) => ({ kind: 'export', name })), unresolved };
  }
  if (part.kind === 'call' && part.name === 'GetStackOutput') return readOutput(part, scope);
  const isText = part.kind === 'text' || part.kind === 'call';
  const texts = isText ? possibleTexts(part, scope) : [];
  return { reads: texts.flatMap(dynamicReferences), unresolved: [] };
}

const CUSTOM = /^(?:Custom::|AWS::CloudFormation::CustomResource$)/;
/** How a template may grant the permission to write parameters. */
const GRANTS_WRITES =
  /PutParameter|ssm:(?:Put)?\*|AmazonSSMFullAccess|AdministratorAccess|Action['"]?: ?\[?\s*['"]?\*/;

/** Whether a resource is, or may create, an SSM parameter whose name is not known before the deployment. */
function mayWriteUnknown({ key, value }: Entry, document: TemplateDocument, scope: Scope): boolean {
  const type = literal(member(value, 'Type')) ?? '';
  const properties = member(value, 'Properties');
  if (key.startsWith('Fn::') || type === 'AWS::CloudFormation::Stack') return true;
  if (CUSTOM.test(type)) return !isOwnFunction(properties, document) || GRANTS_WRITES.test(document.source);
  if (type !== 'AWS::SSM::Parameter') return false;
  const names = possibleTexts(member(properties, 'Name'), scope);
  return !names.every(isKnown) || names.length === 0;
}

/** Whether a custom resource calls a function of its own template, which also contains the function's permissions. */
function isOwnFunction(properties: Value | undefined, { resources }: TemplateDocument): boolean {
  const token = member(properties, 'ServiceToken');
  if (token?.kind !== 'call' || token.name !== 'GetAtt') return false;
  const { argument } = token;
  const target = argument.kind === 'list' ? literal(argument.items[0]) : literal(argument)?.split('.')[0];
  return target !== undefined && Object.hasOwn(resources, target);
}

/** Whether a template has a transform that may add resources and outputs. */
function hasMacro(document: TemplateDocument): boolean {
  const transforms = [...partsOf(valueAt(document, ['Transform']), EMPTY_SCOPE)].map(literal);
  return transforms.some((name) => name !== undefined && name !== 'AWS::LanguageExtensions');
}

/** Undefined if macros or loops over unknown values may add outputs. */
function possibleOutputs(
  document: TemplateDocument,
  stackName: string,
  outputs: readonly Entry[],
): StackInterface['outputs'] {
  const isOpen = hasMacro(document) || outputs.some(({ key }) => key.startsWith('Fn::'));
  return isOpen ? undefined : { stackName, names: new Set(outputs.map(({ key }) => key)) };
}

const EMPTY_SCOPE: Scope = { values: {}, mappings: [], conditions: [] };

/** The outputs that `Fn::GetStackOutput` can read, as far as their names are known. */
function readOutput(
  part: Extract<Value, { kind: 'call' }>,
  scope: Scope,
): { reads: readonly SharedName[]; unresolved: readonly UnresolvedImport[] } {
  const outputs = outputReadsOf(part, scope);
  const names = outputs.map(({ stackName, output }) => `${stackName}.${output}`);
  return {
    reads: names.map((name) => ({ kind: 'output', name })),
    unresolved: names.every(isKnown) ? [] : [{ function: 'Fn::GetStackOutput', line: part.line }],
  };
}

/**
 * The outputs that a value can read with `Fn::GetStackOutput` in the same region and account.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-getstackoutput.html
 */
function outputReadsOf(part: Value, scope: Scope): OutputRead[] {
  if (part.kind !== 'call' || part.name !== 'GetStackOutput') return [];
  const textsOf = (name: string): string[] => possibleTexts(member(part.argument, name), scope);
  const regions = textsOf('Region');
  const accounts = textsOf('RoleArn').map((arn) => arn.split(':')[4] ?? '');
  const elsewhere =
    !canEqual(regions, scope.values['AWS::Region']) || !canEqual(accounts, scope.values['AWS::AccountId']);
  if (elsewhere) return [];
  return textsOf('StackName').flatMap((stackName) =>
    textsOf('OutputName').map((output) => ({ stackName, output, line: part.line })),
  );
}

/** Whether one of the texts can equal a value. Without texts the default applies, which is that value. */
function canEqual(texts: readonly string[], value: Known | undefined): boolean {
  return texts.length === 0 || texts.some((text) => !isKnown(text) || value === undefined || text === value);
}

/**
 * The names in the dynamic references of a text, `{{resolve:ssm:/name:1}}`. Versions, JSON keys and stages are ignored.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
 */
function dynamicReferences(text: string): SharedName[] {
  return [...text.matchAll(/\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]+)\}\}/g)].flatMap(
    ([, service, given = '']) => {
      const reference = given.trim();
      if (reference.startsWith('arn:')) return namesByArn(reference);
      const name = reference.split(':')[0]?.trim() ?? '';
      return [{ kind: service === 'secretsmanager' ? 'secret' : 'parameter', name } as const];
    },
  );
}

/**
 * The secrets of an ECS container. Each is the name of a parameter in the same region, or the ARN of a parameter or
 * secret.
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html
 */
function secretsOfContainer(map: Value, scope: Scope): SharedName[] {
  return possibleTexts(member(map, 'ValueFrom'), scope).flatMap((text): SharedName[] =>
    text.startsWith('arn:') ? namesByArn(text) : [{ kind: 'parameter', name: text }],
  );
}

/** Secrets Manager appends a hyphen and six characters to the ARN of a secret. A partial ARN does not have them. */
const SECRET_SUFFIX = /-[A-Za-z0-9]{6}$/;

/** The name of a parameter in a hierarchy begins with a slash, which its ARN omits. */
function namesByArn(arn: string): SharedName[] {
  const [, , service, , , resource = '', secret = ''] = arn.split(':');
  if (service === 'ssm' && resource.startsWith('parameter/')) {
    const name = resource.slice('parameter/'.length);
    return [{ kind: 'parameter', name: name.includes('/') ? `/${name}` : name }];
  }
  if (service !== 'secretsmanager' || resource !== 'secret') return [];
  const names = SECRET_SUFFIX.test(secret) ? [secret, secret.replace(SECRET_SUFFIX, '')] : [secret];
  return names.map((name) => ({ kind: 'secret', name }));
}

function unique(names: readonly SharedName[]): SharedName[] {
  return [...new Map(names.filter(({ name }) => isKnown(name)).map((each) => [keyOf(each), each])).values()];
}

/** The known ones of the names that something can have; several are not certain. */
function provided(
  kind: SharedName['kind'],
  names: readonly string[],
  { certain, line }: Pick<ProvidedName, 'certain' | 'line'>,
): ProvidedName[] {
  return names.filter(isKnown).map((name) => ({ kind, name, certain: certain && names.length === 1, line }));
}
