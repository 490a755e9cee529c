import { type Entry, entriesOf, isLoop, literal, member, type Value } from './tree.ts';

/** A placeholder for a part of a text that is not known before the deployment. */
const UNKNOWN = '\0';

/** A value that is determined without calling AWS: a text or a list. */
export type Known = string | readonly Known[];

/** The names that functions can refer to. The value of any other name is unknown. */
export interface Scope {
  /** Parameters and pseudo parameters. */
  values: Readonly<Record<string, Known>>;
  mappings: readonly Entry[];
  conditions: readonly Entry[];
}

/** Further combinations of branches are ignored. */
const COMBINATIONS = 64;

/** Whether every part of a value is known. */
export function isKnown(known: Known): boolean {
  return typeof known === 'string' ? !known.includes(UNKNOWN) : known.every(isKnown);
}

/** The texts that a value can have. An unknown part is a character that no name contains: see isKnown. */
export function possibleTexts(value: Value | undefined, scope: Scope): string[] {
  return value === undefined ? [] : possibleValues(value, scope).map(toText);
}

/**
 * The values that a value can have: one for each branch that is not excluded by a condition; none for AWS::NoValue.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
function possibleValues(value: Value, scope: Scope): Known[] {
  switch (value.kind) {
    case 'text':
      return [value.text];
    case 'list':
      return combinations(value.items.map((item) => possibleValues(item, scope)));
    case 'call':
      return FUNCTIONS[value.name]?.(value.argument, scope) ?? [UNKNOWN];
    default:
      return [UNKNOWN];
  }
}

const FUNCTIONS: Readonly<Record<string, (argument: Value, scope: Scope) => Known[]>> = {
  Ref: (argument, scope) => {
    const name = literal(argument);
    return name === 'AWS::NoValue' ? [] : [lookUp(name ?? '', scope)];
  },
  Sub: substitute,
  Join: (argument, scope) =>
    withArguments(argument, scope, ([delimiter, list]) =>
      Array.isArray(list) && typeof delimiter === 'string' ? list.map(toText).join(delimiter) : UNKNOWN,
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
  FindInMap: findInMap,
  If: (argument, scope) => branches(argument, scope).flatMap((branch) => possibleValues(branch, scope)),
};

/** The branches of an `If` that its condition does not exclude. */
function branches(argument: Value, scope: Scope): Value[] {
  const [name, whenTrue, whenFalse] = argument.kind === 'list' ? argument.items : [];
  const holds = conditionHolds(literal(name) ?? '', scope);
  return [holds === false ? undefined : whenTrue, holds === true ? undefined : whenFalse].flatMap((branch) =>
    branch === undefined ? [] : [branch],
  );
}

function withArguments(argument: Value, scope: Scope, call: (values: readonly Known[]) => Known): Known[] {
  return possibleValues(argument, scope).map((values) =>
    typeof values === 'string' ? UNKNOWN : call(values),
  );
}

function lookUp(name: string, { values }: Scope): Known {
  return (Object.hasOwn(values, name) ? values[name] : undefined) ?? UNKNOWN;
}

function substitute(argument: Value, scope: Scope): Known[] {
  const [text, own] = argument.kind === 'list' ? argument.items : [argument];
  const template = literal(text);
  if (template === undefined) return [UNKNOWN];
  const variables = entriesOf(own);
  const choices = combinations(variables.map(({ value }) => possibleValues(value, scope)));
  return choices.map((chosen) => {
    const values = Object.fromEntries(
      variables.map(({ key }, index) => [key, (chosen as readonly Known[])[index] ?? UNKNOWN]),
    );
    return template.replace(/\$\{([^{}]*)\}/g, (_, name: string) =>
      name.startsWith('!')
        ? `\${${name.slice(1)}}`
        : toText(lookUp(name.trim(), { ...scope, values: { ...scope.values, ...values } })),
    );
  });
}

function findInMap(argument: Value, scope: Scope): Known[] {
  const [map, top, second, options] = argument.kind === 'list' ? argument.items : [];
  const keys = [map, top, second].map((part) => possibleTexts(part, scope)[0] ?? UNKNOWN);
  const [name = '', first = '', last = ''] = keys;
  const row = member(scope.mappings.find(({ key }) => key === name)?.value, first);
  const found = member(row, last) ?? member(options, 'DefaultValue');
  return found === undefined || !keys.every(isKnown) ? [UNKNOWN] : possibleValues(found, scope);
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

function toText(known: Known): string {
  return typeof known === 'string' ? known : known.map(toText).join(',');
}

/** Whether a condition is true; undefined if that is not known before the deployment, or if there is no such condition. */
export function conditionHolds(name: string, scope: Scope): boolean | undefined {
  const definition = scope.conditions.find(({ key }) => key === name)?.value;
  // Without the condition itself, so that a circular definition ends.
  const conditions = scope.conditions.filter(({ key }) => key !== name);
  return definition && evaluateCondition(definition, { ...scope, conditions });
}

function evaluateCondition(value: Value, scope: Scope): boolean | undefined {
  const reference = literal(value.kind === 'call' ? undefined : member(value, 'Condition'));
  if (reference !== undefined) return conditionHolds(reference, scope);
  if (value.kind !== 'call') return undefined;
  const items = value.argument.kind === 'list' ? value.argument.items : [];
  switch (value.name) {
    case 'Condition':
      return conditionHolds(literal(value.argument) ?? '', scope);
    case 'Equals':
      return areEqual(possibleValues(value.argument, scope));
    case 'Not':
      return not(items[0] && evaluateCondition(items[0], scope));
    case 'And':
      return not(anyOf(items.map((item) => not(evaluateCondition(item, scope)))));
    case 'Or':
      return anyOf(items.map((item) => evaluateCondition(item, scope)));
    default:
      return undefined;
  }
}

/** Undefined unless every combination of branches has the same result. */
function areEqual(pairs: readonly Known[]): boolean | undefined {
  const answers = new Set(
    pairs.map((pair) => {
      const [one, other] = typeof pair === 'string' ? [] : pair;
      if (one === undefined || other === undefined || !isKnown(pair)) return undefined;
      return toText(one) === toText(other);
    }),
  );
  const [answer] = answers;
  return answers.size === 1 ? answer : undefined;
}

function not(holds: boolean | undefined): boolean | undefined {
  return holds === undefined ? undefined : !holds;
}

function anyOf(answers: readonly (boolean | undefined)[]): boolean | undefined {
  if (answers.includes(true)) return true;
  return answers.includes(undefined) ? undefined : false;
}

/** More turns than the loops of a template within CloudFormation's quotas can need. Nested loops multiply. */
const MAX_TURNS = 10_000;

/** The entries of a map with its loops unrolled. A loop over unknown values, or over too many, is kept: see isLoop. */
export function unrollLoops(
  entries: readonly Entry[],
  scope: Scope,
  turns = { left: MAX_TURNS },
): readonly Entry[] {
  return entries.flatMap((entry) => {
    if (!isLoop(entry.key)) return [{ ...entry, value: unrollInside(entry.value, scope, turns) }];
    const [variable, collection, body] = entry.value.kind === 'list' ? entry.value.items : [];
    const name = literal(variable);
    const [items] = collection === undefined ? [] : possibleValues(collection, scope);
    if (name === undefined || items === undefined || typeof items === 'string' || !isKnown(items))
      return [entry];
    if (items.length > turns.left) return [entry];
    turns.left -= items.length;
    return items.flatMap((item) =>
      unrollLoops(entriesOf(body && bindVariable(body, name, toText(item))), scope, turns),
    );
  });
}

function unrollInside(value: Value, scope: Scope, turns: { left: number }): Value {
  switch (value.kind) {
    case 'map':
      return { ...value, entries: unrollLoops(value.entries, scope, turns) };
    case 'list':
      return { ...value, items: value.items.map((item) => unrollInside(item, scope, turns)) };
    case 'call':
      return { ...value, argument: unrollInside(value.argument, scope, turns) };
    default:
      return value;
  }
}

/**
 * The body of a loop with its variable replaced: `${Name}` in keys and texts, `&{Name}` in keys, and `Ref: Name`.
 * `&{Name}` omits characters that are not alphanumeric.
 *
 * @see https://github.com/aws-cloudformation/cfn-language-discussion/issues/162 for `&{Name}` in texts
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
 */
function bindVariable(value: Value, name: string, item: string): Value {
  const fill = (text: string): string => text.replaceAll(`\${${name}}`, () => item);
  const fillKey = (key: string): string =>
    fill(key).replaceAll(`&{${name}}`, () => item.replace(/[^a-zA-Z0-9]/g, ''));
  switch (value.kind) {
    case 'text':
      return { ...value, text: fill(value.text) };
    case 'list':
      return { ...value, items: value.items.map((each) => bindVariable(each, name, item)) };
    case 'map':
      return {
        ...value,
        entries: value.entries.map((entry) => ({
          ...entry,
          key: fillKey(entry.key),
          value: bindVariable(entry.value, name, item),
        })),
      };
    case 'call':
      if (value.name === 'Ref' && literal(value.argument) === name)
        return { kind: 'text', text: item, line: value.line };
      return { ...value, argument: bindVariable(value.argument, name, item) };
    default:
      return value;
  }
}

/** A value and everything in it, without the branches that are excluded by a condition. */
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
