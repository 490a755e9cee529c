import { type Entry, entriesOf, isLoop, literal, member, type Value } from './tree.ts';

/** Stands for a part of a text that is known only to AWS. */
const UNKNOWN = '\0';

/** What a value can be without asking AWS: a text, or a list. */
export type Known = string | readonly Known[];

/** What functions can name. Whatever is not in it is known only to AWS. */
export interface Scope {
  /** Parameters and pseudo parameters. */
  values: Readonly<Record<string, Known>>;
  mappings: readonly Entry[];
  conditions: readonly Entry[];
}

/** Combinations of branches that are followed: more are cut off. */
const COMBINATIONS = 64;

/** Whether the whole of a value is known without asking AWS. */
export function isKnown(known: Known): boolean {
  return typeof known === 'string' ? !known.includes(UNKNOWN) : known.every(isKnown);
}

/** The texts that a value can be. A part that only AWS knows is a character that no name has: see isKnown. */
export function possibleTexts(value: Value | undefined, scope: Scope): string[] {
  return value === undefined ? [] : possible(value, scope).map(flat);
}

/**
 * What a value can be: one for each branch that a condition does not rule out. None for AWS::NoValue.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
function possible(value: Value, scope: Scope): Known[] {
  switch (value.kind) {
    case 'text':
      return [value.text];
    case 'list':
      return combinations(value.items.map((item) => possible(item, scope)));
    case 'call':
      return FUNCTIONS[value.name]?.(value.argument, scope) ?? [UNKNOWN];
    default:
      return [UNKNOWN];
  }
}

const FUNCTIONS: Readonly<Record<string, (argument: Value, scope: Scope) => Known[]>> = {
  Ref: (argument, scope) => {
    const name = literal(argument);
    return name === 'AWS::NoValue' ? [] : [named(name ?? '', scope)];
  },
  Sub: substituted,
  Join: (argument, scope) =>
    withArguments(argument, scope, ([delimiter, list]) =>
      Array.isArray(list) && typeof delimiter === 'string' ? list.map(flat).join(delimiter) : UNKNOWN,
    ),
  Split: (argument, scope) =>
    withArguments(argument, scope, ([delimiter, text]) =>
      typeof delimiter === 'string' && typeof text === 'string' && isKnown(text)
        ? text.split(delimiter)
        : UNKNOWN,
    ),
  Select: (argument, scope) =>
    withArguments(argument, scope, ([index, list]) =>
      Array.isArray(list) && typeof index === 'string'
        ? ((list as readonly Known[])[Number(index)] ?? UNKNOWN)
        : UNKNOWN,
    ),
  FindInMap: foundInMap,
  If: (argument, scope) => branches(argument, scope).flatMap((branch) => possible(branch, scope)),
};

/** The branches of an `If` that its condition does not rule out. */
function branches(argument: Value, scope: Scope): Value[] {
  const [name, whenTrue, whenFalse] = argument.kind === 'list' ? argument.items : [];
  const holds = conditionHolds(literal(name) ?? '', scope);
  return [holds === false ? undefined : whenTrue, holds === true ? undefined : whenFalse].flatMap((branch) =>
    branch === undefined ? [] : [branch],
  );
}

function withArguments(argument: Value, scope: Scope, call: (values: readonly Known[]) => Known): Known[] {
  return possible(argument, scope).map((values) => (typeof values === 'string' ? UNKNOWN : call(values)));
}

function named(name: string, { values }: Scope): Known {
  return (Object.hasOwn(values, name) ? values[name] : undefined) ?? UNKNOWN;
}

function substituted(argument: Value, scope: Scope): Known[] {
  const [text, own] = argument.kind === 'list' ? argument.items : [argument];
  const template = literal(text);
  if (template === undefined) return [UNKNOWN];
  const variables = entriesOf(own);
  const choices = combinations(variables.map(({ value }) => possible(value, scope)));
  return choices.map((chosen) => {
    const values = Object.fromEntries(
      variables.map(({ key }, index) => [key, (chosen as readonly Known[])[index] ?? UNKNOWN]),
    );
    return template.replace(/\$\{([^}]*)\}/g, (_, name: string) =>
      name.startsWith('!')
        ? `\${${name.slice(1)}}`
        : flat(named(name.trim(), { ...scope, values: { ...scope.values, ...values } })),
    );
  });
}

function foundInMap(argument: Value, scope: Scope): Known[] {
  const [map, top, second, options] = argument.kind === 'list' ? argument.items : [];
  const keys = [map, top, second].map((part) => possibleTexts(part, scope)[0] ?? UNKNOWN);
  const [name = '', first = '', last = ''] = keys;
  const row = member(scope.mappings.find(({ key }) => key === name)?.value, first);
  const found = member(row, last) ?? member(options, 'DefaultValue');
  return found === undefined || !keys.every(isKnown) ? [UNKNOWN] : possible(found, scope);
}

function combinations(parts: readonly (readonly Known[])[]): Known[] {
  const all = parts.reduce<Known[][]>(
    (before, choices) =>
      choices.length === 0
        ? before
        : before.flatMap((chosen) => choices.map((choice) => [...chosen, choice])).slice(0, COMBINATIONS),
    [[]],
  );
  return all;
}

function flat(known: Known): string {
  return typeof known === 'string' ? known : known.map(flat).join(',');
}

/** Whether a condition holds; undefined when only AWS knows, or when there is no such condition. */
export function conditionHolds(name: string, scope: Scope): boolean | undefined {
  const definition = scope.conditions.find(({ key }) => key === name)?.value;
  // Without itself, so that a circle ends.
  const conditions = scope.conditions.filter(({ key }) => key !== name);
  return definition && truth(definition, { ...scope, conditions });
}

function truth(value: Value, scope: Scope): boolean | undefined {
  const reference = literal(value.kind === 'call' ? undefined : member(value, 'Condition'));
  if (reference !== undefined) return conditionHolds(reference, scope);
  if (value.kind !== 'call') return undefined;
  const items = value.argument.kind === 'list' ? value.argument.items : [];
  switch (value.name) {
    case 'Condition':
      return conditionHolds(literal(value.argument) ?? '', scope);
    case 'Equals':
      return equal(possible(value.argument, scope));
    case 'Not':
      return negated(items[0] && truth(items[0], scope));
    case 'And':
      return negated(anyOf(items.map((item) => negated(truth(item, scope)))));
    case 'Or':
      return anyOf(items.map((item) => truth(item, scope)));
    default:
      return undefined;
  }
}

/** Known only where every combination of branches gives the same answer. */
function equal(pairs: readonly Known[]): boolean | undefined {
  const answers = new Set(
    pairs.map((pair) => {
      const [one, other] = typeof pair === 'string' ? [] : pair;
      if (one === undefined || other === undefined || !isKnown(pair)) return undefined;
      return flat(one) === flat(other);
    }),
  );
  const [answer] = answers;
  return answers.size === 1 ? answer : undefined;
}

function negated(holds: boolean | undefined): boolean | undefined {
  return holds === undefined ? undefined : !holds;
}

function anyOf(answers: readonly (boolean | undefined)[]): boolean | undefined {
  if (answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}

/** The entries of a map with its loops unrolled. A loop over what only AWS knows stays as it is: see isLoop. */
export function unrolled(entries: readonly Entry[], scope: Scope): readonly Entry[] {
  return entries.flatMap((entry) => {
    if (!isLoop(entry.key)) return [{ ...entry, value: unrolledBelow(entry.value, scope) }];
    const [variable, collection, body] = entry.value.kind === 'list' ? entry.value.items : [];
    const name = literal(variable);
    const [items] = collection === undefined ? [] : possible(collection, scope);
    if (name === undefined || items === undefined || typeof items === 'string' || !isKnown(items))
      return [entry];
    return items.flatMap((item) => unrolled(entriesOf(body && bound(body, name, flat(item))), scope));
  });
}

function unrolledBelow(value: Value, scope: Scope): Value {
  switch (value.kind) {
    case 'map':
      return { ...value, entries: unrolled(value.entries, scope) };
    case 'list':
      return { ...value, items: value.items.map((item) => unrolledBelow(item, scope)) };
    case 'call':
      return { ...value, argument: unrolledBelow(value.argument, scope) };
    default:
      return value;
  }
}

/**
 * The body of a loop with its variable replaced: `${Name}` in keys and texts, `&{Name}` in keys, and `Ref: Name`. `&{Name}`
 * leaves out what is not alphanumeric.
 *
 * @see https://github.com/aws-cloudformation/cfn-language-discussion/issues/162 for `&{Name}` in texts
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
 */
function bound(value: Value, name: string, item: string): Value {
  const fill = (text: string): string => text.replaceAll(`\${${name}}`, () => item);
  const fillKey = (key: string): string =>
    fill(key).replaceAll(`&{${name}}`, () => item.replace(/[^a-zA-Z0-9]/g, ''));
  switch (value.kind) {
    case 'text':
      return { ...value, text: fill(value.text) };
    case 'list':
      return { ...value, items: value.items.map((each) => bound(each, name, item)) };
    case 'map':
      return {
        ...value,
        entries: value.entries.map((entry) => ({
          ...entry,
          key: fillKey(entry.key),
          value: bound(entry.value, name, item),
        })),
      };
    case 'call':
      if (value.name === 'Ref' && literal(value.argument) === name)
        return { kind: 'text', text: item, line: value.line };
      return { ...value, argument: bound(value.argument, name, item) };
    default:
      return value;
  }
}

/** What a value consists of, itself included, without the branches that a condition rules out. */
export function* partsOf(value: Value, scope: Scope): Generator<Value> {
  yield value;
  switch (value.kind) {
    case 'map':
      for (const entry of value.entries) yield* partsOf(entry.value, scope);
      break;
    case 'list':
      for (const item of value.items) yield* partsOf(item, scope);
      break;
    case 'call':
      if (value.name === 'If')
        for (const branch of branches(value.argument, scope)) yield* partsOf(branch, scope);
      else yield* partsOf(value.argument, scope);
      break;
    default:
  }
}
