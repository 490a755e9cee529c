import { literal, member, type Value } from '../template/tree.ts';

/**
 * Why CloudFormation would refuse a value of a parameter: `expected a or b`. Undefined when it accepts it, and where
 * only AWS can tell: of a parameter of an SSM type, for a dynamic reference, for a pattern that Java reads otherwise.
 *
 * @param declaration the parameter in the template.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
 */
export function refusedValue(declaration: Value, value: string): string | undefined {
  const type = literal(member(declaration, 'Type')) ?? 'String';
  if (type.startsWith('AWS::SSM::') || value.includes('{{resolve:')) return undefined;
  const isList = type === 'CommaDelimitedList' || type.startsWith('List<');
  const items = isList ? value.split(',').map((item) => item.trim()) : [value];
  const broken = rulesOf(declaration, type).find(({ fits }) => !items.every(fits));
  return broken && `expected ${broken.expected}`;
}

/** What each item of a value must be. */
interface Rule {
  expected: string;
  fits: (item: string) => boolean;
}

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/;

function rulesOf(declaration: Value, type: string): Rule[] {
  const isNumeric = type === 'Number' || type === 'List<Number>';
  const values = allowedValues(declaration, isNumeric);
  if (isNumeric) {
    return [
      { expected: 'a number', fits: (item) => NUMBER.test(item) },
      ...values,
      ...limits(declaration, 'Value', Number, String),
    ];
  }
  const lengths = limits(
    declaration,
    'Length',
    ({ length }) => length,
    (limit) => `${limit} ${limit === 1 ? 'character' : 'characters'}`,
  );
  return [...values, ...allowedPattern(declaration), ...(type === 'String' ? lengths : [])];
}

function limits(
  declaration: Value,
  of: string,
  measure: (item: string) => number,
  say: (limit: number) => string,
): Rule[] {
  const bound = (name: string): number => Number(literal(member(declaration, `${name}${of}`)) ?? Number.NaN);
  const [least, most] = [bound('Min'), bound('Max')];
  // A limit that is not there is no number, and nothing is less or more.
  return [
    { expected: `at least ${say(least)}`, fits: (item) => !(measure(item) < least) },
    { expected: `at most ${say(most)}`, fits: (item) => !(measure(item) > most) },
  ];
}

function allowedValues(declaration: Value, isNumeric: boolean): Rule[] {
  const list = member(declaration, 'AllowedValues');
  const allowed = list?.kind === 'list' ? list.items.map(literal) : [];
  if (allowed.length === 0 || allowed.includes(undefined)) return [];
  const same = (one: string | undefined, other: string): boolean =>
    one === other || (isNumeric && Number(one) === Number(other));
  return [
    {
      expected: `${allowed.length > 1 ? 'one of ' : ''}${allowed.join(', ')}`,
      fits: (item) => allowed.some((each) => same(each, item)),
    },
  ];
}

function allowedPattern(declaration: Value): Rule[] {
  const pattern = literal(member(declaration, 'AllowedPattern'));
  const read = pattern === undefined ? undefined : javaPattern(pattern);
  if (pattern === undefined || !read) return [];
  const described = literal(member(declaration, 'ConstraintDescription'));
  const expected = described === undefined ? `text that matches ${pattern}` : `${described} (${pattern})`;
  return [{ expected, fits: (item) => read.test(item) }];
}

/** What Java's patterns mean and JavaScript's do not, or mean otherwise. */
const ONLY_JAVA = /\\[pPQEAzZGhHRXx0]|&&|\(\?[^:=!]|[+*?}]\+|\[[^\]]*\[/;

/** The pattern of a whole value; undefined when it may be read otherwise than by CloudFormation. */
function javaPattern(pattern: string): RegExp | undefined {
  if (ONLY_JAVA.test(pattern)) return undefined;
  try {
    return new RegExp(`^(?:${pattern})$`);
  } catch {
    return undefined;
  }
}
