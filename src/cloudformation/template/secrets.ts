import { isMap, isNode, isScalar, isSeq, type Node } from 'yaml';
import type { Context } from '../../core/context.ts';
import { isSecretName } from '../../core/redaction.ts';
import type { PropertyChange, ResourceChange } from '../change-set/changes.ts';
import type { ResolvedParameter } from '../parameters/resolve.ts';
import type { Template } from './template.ts';
import { type TemplateParameter, tryReadTemplate } from './document.ts';

/** The mask of a hidden value; CloudFormation uses the same text for NoEcho. */
export const MASKED = '****';

/**
 * Whether a parameter's value must be hidden: it is NoEcho, or its name suggests a secret. A parameter of an AWS type
 * never contains a secret: it is the name of an SSM parameter (not of a secure string) or of a resource.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html
 */
export function isSecretParameter(
  name: string,
  { type, noEcho }: Pick<TemplateParameter, 'type' | 'noEcho'>,
): boolean {
  return noEcho || (isSecretName(name) && !/^(List<)?AWS::/.test(type));
}

/** Registers the values of secret parameters, so that they are masked in all later output. */
export function hideSecrets(
  context: Pick<Context, 'log'>,
  template: Pick<Template, 'parameters'>,
  parameters: readonly ResolvedParameter[],
): void {
  for (const { key, value, noEcho } of parameters) {
    if (value === undefined) continue;
    const type = template.parameters[key]?.type ?? 'String';
    if (isSecretParameter(key, { type, noEcho })) context.log.secret(value);
  }
}

/** Any item of a list. Items change their position when the template changes, and a moved secret must stay hidden. */
const ANY = '*';

/** The secrets of a template: its hidden parameters, and the property paths that use them. */
export interface Sensitive {
  parameters: ReadonlySet<string>;
  /** Logical id (`*`: any) → paths below the resource, like `Properties.Environment.Variables.PASSWORD`. */
  paths: ReadonlyMap<string, readonly (readonly string[])[]>;
}

/** Finds the secrets of the given templates (the new one and the deployed one). Templates with syntax errors are ignored. */
export function findSensitive(templates: readonly string[]): Sensitive {
  const parameters = new Set<string>();
  const paths = new Map<string, string[][]>();
  for (const text of templates) {
    const document = tryReadTemplate(text);
    if (!document) continue;
    const declared = Object.entries(document.parameters);
    const hidden = new Set(declared.flatMap(([name, of]) => (isSecretParameter(name, of) ? [name] : [])));
    for (const name of hidden) parameters.add(name);
    for (const [logicalId, properties] of resourceProperties(document.node(['Resources']))) {
      const found: string[][] = [];
      collect(properties, ['Properties'], hidden, found);
      paths.set(logicalId, [...(paths.get(logicalId) ?? []), ...found]);
    }
  }
  return { parameters, paths };
}

/** Each resource's properties. Those in a loop (`Fn::ForEach`) apply to any resource, because names are generated. */
function resourceProperties(resources: unknown): [string, unknown][] {
  if (!isMap(resources)) return [];
  return resources.items.flatMap(({ key, value }): [string, unknown][] => {
    const name = keyText(key);
    if (!name.startsWith('Fn::ForEach')) return [[name, isMap(value) ? value.get('Properties') : undefined]];
    const body = isSeq(value) ? value.items.at(-1) : undefined;
    return resourceProperties(body).map(([, properties]) => [ANY, properties]);
  });
}

/** Adds the path of every property whose value uses one of the hidden parameters. */
function collect(
  node: unknown,
  path: readonly string[],
  hidden: ReadonlySet<string>,
  found: string[][],
): void {
  if (isNode(node) && isIntrinsic(node)) {
    if (mentions(node, hidden)) found.push([...path]);
  } else if (isMap(node)) {
    for (const { key, value } of node.items) collect(value, [...path, keyText(key)], hidden, found);
  } else if (isSeq(node)) {
    for (const item of node.items) collect(item, [...path, ANY], hidden, found);
  }
}

function isIntrinsic(node: Node): boolean {
  if (node.tag?.startsWith('!')) return true;
  if (!isMap(node) || node.items.length !== 1) return false;
  const name = keyText(node.items[0]?.key);
  return name === 'Ref' || name.startsWith('Fn::');
}

function mentions(node: unknown, hidden: ReadonlySet<string>): boolean {
  if (isMap(node)) return node.items.some(({ value }) => mentions(value, hidden));
  if (isSeq(node)) return node.items.some((item) => mentions(item, hidden));
  if (!isScalar(node) || typeof node.value !== 'string') return false;
  if (hidden.has(node.value)) return true;
  return [...node.value.matchAll(/\$\{([^!{}]+)\}/g)].some(([, name]) => hidden.has((name ?? '').trim()));
}

function keyText(key: unknown): string {
  return isScalar(key) ? String(key.value) : '';
}

/** The change with its secret values masked. The mask does not depend on the value. */
export function maskChange(change: ResourceChange, sensitive: Sensitive): ResourceChange {
  const paths = [change.logicalId, ANY].flatMap((id) => sensitive.paths.get(id) ?? []);
  return {
    ...change,
    properties: change.properties.map((property) => maskProperty(property, paths, sensitive)),
  };
}

function maskProperty(
  property: PropertyChange,
  paths: readonly (readonly string[])[],
  { parameters }: Sensitive,
): PropertyChange {
  const own = property.path.split('.');
  const caused = property.cause?.split(', ').some((cause) => parameters.has(cause)) ?? false;
  const named = own.some(isSecretKey) || (property.label !== undefined && isSecretName(property.label));
  const whole = caused || named || paths.some((path) => covers(path, own));
  const below = paths.filter((path) => covers(own, path)).map((path) => path.slice(own.length));
  const mask = (value: string): string => (whole ? MASKED : maskJson(value, below));
  const { before, after, drift } = property;
  return {
    ...property,
    ...(before !== undefined && { before: mask(before) }),
    ...(after !== undefined && { after: mask(after) }),
    ...(drift && {
      drift: {
        ...(drift.expected !== undefined && { expected: mask(drift.expected) }),
        ...(drift.actual !== undefined && { actual: mask(drift.actual) }),
      },
    }),
  };
}

/** Whether `path` is equal to `below` or an ancestor of it. */
function covers(path: readonly string[], below: readonly string[]): boolean {
  return (
    path.length <= below.length &&
    path.every((segment, index) => segment === below[index] || segment === ANY || below[index] === ANY)
  );
}

/** `MasterUserPassword`; not `Secrets`, a list of references to secrets. */
function isSecretKey(name: string): boolean {
  return isSecretName(name) && !/secrets$/i.test(name);
}

/** Masks the given paths inside a JSON value. Any other text with a path to mask is masked entirely. */
function maskJson(value: string, paths: readonly (readonly string[])[]): string {
  let parsed: unknown;
  try {
    parsed = JSON.parse(value);
  } catch {
    return paths.length > 0 ? MASKED : value;
  }
  if (typeof parsed !== 'object' || parsed === null) return paths.length > 0 ? MASKED : value;
  return JSON.stringify(maskNode(parsed, paths));
}

function maskNode(node: unknown, paths: readonly (readonly string[])[]): unknown {
  if (paths.some((path) => path.length === 0)) return MASKED;
  if (Array.isArray(node)) return node.map((item) => maskNode(item, below(paths, ANY)));
  if (typeof node !== 'object' || node === null) return node;
  const label = (node as Record<string, unknown>)['Name'] ?? (node as Record<string, unknown>)['Key'];
  const labelled = typeof label === 'string' && isSecretName(label);
  return Object.fromEntries(
    Object.entries(node).map(([key, value]) => {
      const hidden = isSecretKey(key) || (labelled && key === 'Value');
      return [key, hidden ? MASKED : maskNode(value, below(paths, key))];
    }),
  );
}

function below(paths: readonly (readonly string[])[], key: string): string[][] {
  return paths.flatMap(([first, ...rest]) => (first === key || first === ANY ? [rest] : []));
}
