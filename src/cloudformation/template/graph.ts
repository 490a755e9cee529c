import { isMap, isNode, isScalar, isSeq, type Node, visit, type YAMLMap } from 'yaml';
import { PlatformError } from '../../core/errors.ts';
import { readTemplateDocument, type TemplateDocument } from './document.ts';

/** A stack of the graph: its template's text and the values of its parameters. */
export interface GraphStack {
  name: string;
  template: string;
  parameters: Readonly<Record<string, string>>;
}

/** Why a stack depends on another one. */
interface Dependency {
  on: string;
  /** `imports platform-dev-data-subnets`, `reads /platform/dev/vpc/id` */
  because: readonly string[];
}

export interface StackGraph {
  /** Every stack, after all those that it depends on. */
  order: readonly string[];
  dependencies: ReadonlyMap<string, readonly Dependency[]>;
  /** The stack that creates each ECR repository. */
  repositories: ReadonlyMap<string, string>;
}

/** Stacks that cannot be ordered. The message names them and what each reads from the next. */
export class GraphError extends PlatformError {
  override readonly name = 'GraphError';

  constructor(message: string) {
    super('graph-invalid', message);
  }
}

/**
 * The order of stacks, derived from their templates: a stack comes after those that export what it imports or create
 * the SSM parameters that it reads. What no stack provides is assumed to exist.
 *
 * @throws GraphError for a cycle, with its reasons, and for a name that two stacks give.
 */
export function stackGraph(stacks: readonly GraphStack[]): StackGraph {
  const interfaces = stacks.map(
    ({ name, template, parameters }) => [name, stackInterface(template, parameters)] as const,
  );
  const writers = writersOf(interfaces);
  const dependencies = new Map(
    interfaces.map(([name, { reads }]) => [name, dependenciesOf(name, reads, writers)]),
  );
  return {
    order: orderOf(dependencies),
    dependencies,
    repositories: new Map(
      interfaces.flatMap(([name, { repositories }]) =>
        repositories.map((repository) => [repository, name] as const),
      ),
    ),
  };
}

/** The reversed graph: what must be deleted before a stack can be deleted. */
export function reversed({ dependencies }: StackGraph): Map<string, string[]> {
  const dependants = new Map([...dependencies.keys()].map((name): [string, string[]] => [name, []]));
  for (const [name, found] of dependencies) {
    for (const { on } of found) dependants.get(on)?.push(name);
  }
  return dependants;
}

function writersOf(interfaces: readonly (readonly [string, StackInterface])[]): Map<string, string> {
  const writers = new Map<string, string>();
  for (const [stack, { writes }] of interfaces) {
    for (const shared of writes) {
      const other = writers.get(keyOf(shared));
      if (other !== undefined && other !== stack) {
        throw new GraphError(`The stacks ${other} and ${stack} both ${GIVES[shared.kind]} ${shared.name}.`);
      }
      writers.set(keyOf(shared), stack);
    }
  }
  return writers;
}

const GIVES = { export: 'export', parameter: 'write the parameter' } as const;
const TAKES = { export: 'imports', parameter: 'reads' } as const;
const keyOf = ({ kind, name }: SharedName): string => `${kind} ${name}`;

function dependenciesOf(
  stack: string,
  reads: readonly SharedName[],
  writers: ReadonlyMap<string, string>,
): Dependency[] {
  const reasons = new Map<string, string[]>();
  for (const shared of reads) {
    const on = writers.get(keyOf(shared));
    if (on === undefined || on === stack) continue;
    reasons.set(on, [...(reasons.get(on) ?? []), `${TAKES[shared.kind]} ${shared.name}`]);
  }
  return [...reasons].map(([on, because]) => ({ on, because }));
}

/** Depth first; the given order is kept where dependencies allow it. */
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
  return `Stacks wait for each other: ${cycle.join(' → ')}. ${steps.join('; ')}. Move what they share into one of them, or into a third.`;
}

/** What Ref and Sub can name: parameters and pseudo parameters. */
type Scope = Readonly<Record<string, string>>;

interface Call {
  name: string;
  argument: unknown;
}

/**
 * The possible texts of a value, without calling AWS: text, Ref, Sub, Join, and both branches of an If. Empty when it
 * depends on anything else, such as a resource.
 */
function possibleTexts(node: unknown, scope: Scope): string[] {
  const call = callOf(node);
  if (!call) return isScalar(node) && node.value !== null ? [textOf(node)] : [];
  switch (call.name) {
    case 'Ref':
      return isScalar(call.argument) ? valuesOf(String(call.argument.value), scope) : [];
    case 'Sub':
      return substituted(call.argument, scope);
    case 'Join':
      return joined(call.argument, scope);
    case 'If':
      return isSeq(call.argument)
        ? call.argument.items.slice(1).flatMap((item) => possibleTexts(item, scope))
        : [];
    default:
      return [];
  }
}

/** Every call of an intrinsic function below a node, short or long form, with its argument. */
function callsOf(intrinsic: string, below: unknown): unknown[] {
  const found: unknown[] = [];
  if (typeof below !== 'object' || below === null) return found;
  visit(below as Parameters<typeof visit>[0], {
    Node: (_key, node) => {
      const call = callOf(node);
      if (call?.name === intrinsic) found.push(call.argument);
    },
  });
  return found;
}

/** Every text below a node, with known names substituted. */
function textsBelow(below: unknown, scope: Scope): string[] {
  const found: string[] = [];
  if (typeof below !== 'object' || below === null) return found;
  visit(below as Parameters<typeof visit>[0], {
    Scalar: (_key, node) => {
      if (typeof node.value === 'string') found.push(...fill(node.value, scope));
    },
  });
  return found;
}

/** A node as a call of an intrinsic function: `!Sub x` or `Fn::Sub: x`. */
function callOf(node: unknown): Call | undefined {
  if (isNode(node) && node.tag?.startsWith('!')) return { name: node.tag.slice(1), argument: untagged(node) };
  const only = isMap(node) && node.items.length === 1 ? node.items[0] : undefined;
  if (!only || !isScalar(only.key)) return undefined;
  const key = String(only.key.value);
  if (key === 'Ref') return { name: 'Ref', argument: only.value };
  return key.startsWith('Fn::') ? { name: key.slice('Fn::'.length), argument: only.value } : undefined;
}

/** `!ImportValue { 'Fn::Sub': … }` is a map with a tag: its argument is the map without the tag. */
function untagged(node: Node): unknown {
  const copy = node.clone() as Node & { tag?: string };
  delete copy.tag;
  return copy;
}

function substituted(argument: unknown, scope: Scope): string[] {
  if (isScalar(argument)) return fill(String(argument.value), scope);
  const [text, own] = isSeq(argument) ? argument.items : [];
  if (!isScalar(text)) return [];
  const variables = isMap(own) ? own.items : [];
  const known = variables.flatMap(({ key, value }) => {
    const [first] = possibleTexts(value, scope);
    return isScalar(key) && first !== undefined ? [[String(key.value), first] as const] : [];
  });
  return fill(String(text.value), { ...scope, ...Object.fromEntries(known) });
}

/** `${Project}` by its value; `${!Literal}` stays. Empty when a name has no value. */
function fill(text: string, scope: Scope): string[] {
  const unknown: string[] = [];
  const filled = text.replace(/\$\{([^}]*)\}/g, (whole, name: string) => {
    if (name.startsWith('!')) return `\${${name.slice(1)}}`;
    const [value] = valuesOf(name.trim(), scope);
    if (value === undefined) unknown.push(name);
    return value ?? whole;
  });
  return unknown.length === 0 ? [filled] : [];
}

function joined(argument: unknown, scope: Scope): string[] {
  const [delimiter, list] = isSeq(argument) ? argument.items : [];
  if (!isScalar(delimiter) || !isSeq(list)) return [];
  const parts = list.items.map((item) => possibleTexts(item, scope)[0]);
  return parts.every((part) => part !== undefined) ? [parts.join(String(delimiter.value))] : [];
}

function valuesOf(name: string, scope: Scope): string[] {
  const value = Object.hasOwn(scope, name) ? scope[name] : undefined;
  return value === undefined ? [] : [value];
}

function textOf(scalar: { value: unknown; source?: string }): string {
  return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? String(scalar.value));
}

/** A name that stacks share, and what kind it is. */
interface SharedName {
  kind: 'export' | 'parameter';
  name: string;
}

/** What a stack provides to others, and what it reads from them. */
interface StackInterface {
  writes: readonly SharedName[];
  reads: readonly SharedName[];
  /** The ECR repositories that it creates. */
  repositories: readonly string[];
}

const SSM_VALUE = 'AWS::SSM::Parameter::Value<';
/** `{{resolve:ssm:/name:1}}`; also of a SecureString. The version is ignored. */
const DYNAMIC = /\{\{resolve:ssm(?:-secure)?:([^:}]+)/g;

/**
 * Reads from a template what it shares with other stacks: exports and imports, and SSM parameters. Those are created
 * by AWS::SSM::Parameter and read by parameters of an SSM type and by dynamic references.
 *
 * @param given the values of the template's parameters, else their defaults.
 * @throws TemplateSyntaxError when the text does not parse.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
 */
export function stackInterface(text: string, given: Scope): StackInterface {
  const document = readTemplateDocument(text);
  const scope = { ...defaults(document), ...given };
  const resources = document.node(['Resources']);
  const ofType = (type: string, property: string): string[] =>
    entries(resources)
      .filter(({ value }) => isMap(value) && String(value.get('Type')) === type)
      .flatMap(({ value }) => possibleTexts((value as YAMLMap).getIn(['Properties', property], true), scope));
  const exported = entries(document.node(['Outputs'])).flatMap(({ value }) =>
    isMap(value) ? possibleTexts(value.getIn(['Export', 'Name'], true), scope) : [],
  );
  return {
    writes: [...shared('export', exported), ...shared('parameter', ofType('AWS::SSM::Parameter', 'Name'))],
    reads: [
      ...shared('export', imports(document, scope)),
      ...shared('parameter', [...readByParameters(document, scope), ...readDynamically(document, scope)]),
    ],
    repositories: ofType('AWS::ECR::Repository', 'RepositoryName'),
  };
}

function imports(document: TemplateDocument, scope: Scope): string[] {
  return ['Resources', 'Outputs', 'Conditions'].flatMap((section) =>
    callsOf('ImportValue', document.node([section])).flatMap((argument) => possibleTexts(argument, scope)),
  );
}

function readByParameters(document: TemplateDocument, scope: Scope): string[] {
  return Object.entries(document.parameters)
    .filter(([, { type }]) => type.startsWith(SSM_VALUE))
    .map(([name]) => scope[name] ?? '')
    .filter((name) => name !== '');
}

function readDynamically(document: TemplateDocument, scope: Scope): string[] {
  const inDocument = ['Resources', 'Outputs'].flatMap((section) =>
    textsBelow(document.node([section]), scope),
  );
  return [...inDocument, ...Object.values(scope)].flatMap((text) =>
    [...text.matchAll(DYNAMIC)].map(([, name = '']) => name.trim()),
  );
}

function defaults(document: TemplateDocument): Record<string, string> {
  return Object.fromEntries(
    Object.keys(document.parameters).flatMap((name) => {
      const [value] = possibleTexts(document.node(['Parameters', name, 'Default']), {});
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

function entries(node: unknown): { key: string; value: unknown }[] {
  return isMap(node)
    ? node.items.map(({ key, value }) => ({ key: isScalar(key) ? String(key.value) : '', value }))
    : [];
}

function shared(kind: SharedName['kind'], names: readonly string[]): SharedName[] {
  return [...new Set(names)].map((name) => ({ kind, name }));
}
