import { expect, test } from '@jest/globals';
import { type Document, isMap, isScalar, isSeq } from 'yaml';
import { readTemplateDocument } from '../../../../src/cloudformation/template/document.ts';
import { parseJsonDocument } from '../../../../src/cloudformation/template/json.ts';
import { parseTemplateYaml, type TemplateYaml } from '../../../../src/cloudformation/template/yaml.ts';
import { fc } from '../../../support/property.ts';

/** With this prefix a text is not JSON, so the YAML parser reads it, shifted by two characters and one line. */
const COMMENT = '#\n';
const RUNS = 400;

/** A node with everything that readers of templates use. */
function seen(node: unknown, shift: number): unknown {
  const at = ({ range }: { range?: readonly number[] | null }) =>
    range?.slice(0, 2).map((offset) => offset - shift);
  if (isScalar(node)) {
    const { value, source, type, tag } = node;
    return { value, source, type, tag, at: at(node) };
  }
  if (isSeq(node)) return { at: at(node), tag: node.tag, items: node.items.map((item) => seen(item, shift)) };
  if (!isMap(node)) return node;
  const pairs = node.items.map(({ key, value }) => [seen(key, shift), seen(value, shift)]);
  return { at: at(node), tag: node.tag, pairs };
}

function facts({ document, source, lines, warnings }: TemplateYaml, [characters, before]: [number, number]) {
  const positions = Array.from({ length: source.length }, (_, offset) => lines.linePos(offset)).slice(
    characters,
  );
  return {
    contents: seen(document.contents, characters),
    source: source.slice(characters),
    warnings: warnings.map(({ line, message }) => [
      line - before,
      message.replace(/on line (\d+)/, (_, at: string) => `on line ${Number(at) - before}`),
    ]),
    positions: positions.map(({ line, col }) => [line - before, col]),
  };
}

const isParsed = ({ errors }: Document): boolean => errors.length === 0;

const space = fc.constantFrom('', '', '', ' ', '\n', '\r\n  ', '  \n\n ');
const character = fc.oneof(
  fc.string({ maxLength: 12 }).map((text) => JSON.stringify(text).slice(1, -1)),
  fc.string({ unit: 'binary', maxLength: 5 }).map((text) => JSON.stringify(text).slice(1, -1)),
  fc.constantFrom('\\\\', '\\"', '\\/', '\\u0041', '\\ud83d\\ude00', '\\t', '#', ': ', '- ', '${A}', "'"),
);
const quoted = fc.array(character, { maxLength: 3 }).map((parts) => `"${parts.join('')}"`);
const key = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('"A"', '"B"', '"Type"', '"Ref"', '"Fn::Sub"', '"Default"') },
  { weight: 1, arbitrary: fc.constantFrom('"__proto__"', '"<<"', '""', '"constructor"', '"null"', '"&a"') },
  { weight: 1, arbitrary: quoted },
);
const plain = fc.oneof(
  fc.constantFrom(
    'true',
    'false',
    'null',
    '0',
    '-0',
    '1.10',
    '1e400',
    '12345678901234567890',
    '-1.5E-9',
    '0.0001',
  ),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
);

const { value } = fc.letrec<{ value: string; map: string; list: string }>((tie) => ({
  map: collection(
    fc
      .tuple(space, key, space, space, tie('value'))
      .map(([a, name, b, c, of]) => `${a}${name}${b}:${c}${of}`),
    '{',
    '}',
  ),
  list: collection(
    fc.tuple(space, tie('value')).map((parts) => parts.join('')),
    '[',
    ']',
  ),
  value: fc.oneof({ depthSize: 'small' }, quoted, plain, tie('map'), tie('list')),
}));

function collection(item: fc.Arbitrary<string>, open: string, close: string): fc.Arbitrary<string> {
  return fc
    .tuple(fc.array(item, { maxLength: 4 }), space)
    .map(([items, end]) => `${open}${items.join(`,`)}${end}${close}`);
}

const section = fc.constantFrom('"Parameters"', '"Resources"', '"Resources"', '"Outputs"', '"Transform"');
const template = fc
  .tuple(space, fc.array(fc.tuple(section, space, value), { maxLength: 4 }), space)
  .map(
    ([start, sections, end]) =>
      `${start}{${sections.map(([name, gap, of]) => `${name}:${gap}${of}`).join(',')}${end}}`,
  );

test(`${RUNS} JSON texts are parsed like the YAML parser`, () => {
  let tried = 0;
  fc.assert(
    fc.property(template, (text) => {
      const asYaml = parseTemplateYaml(`${COMMENT}${text}`);
      fc.pre(isParsed(asYaml.document));
      expect(parseJsonDocument(text)).toBeDefined();
      expect(facts(parseTemplateYaml(text), [0, 0])).toEqual(facts(asYaml, [COMMENT.length, 1]));
      tried++;
    }),
    { numRuns: RUNS },
  );
  expect(tried).toBe(RUNS);
});

test.each([
  ['a comment', '{ # one\n "A": 1 }'],
  ['a comma at the end', '{ "A": 1, }'],
  ['two documents', '{ "A": 1 } { "B": 2 }'],
  ['a list', '[1]'],
  ['a key without quotes', '{ A: 1 }'],
  ['YAML', 'Resources: {}\n'],
  ['nothing', ''],
])('%s is parsed by the YAML parser', (_, text) => {
  expect(parseJsonDocument(text)).toBeUndefined();
});

test('supports a byte order mark, object keys and duplicates', () => {
  const text =
    '\uFEFF{\n  "Resources": {\n    "__proto__": { "Type": "AWS::SNS::Topic" },\n    "A": { "Type": "x" },\n    "A": { "Type": "y" }\n  }\n}';
  const document = readTemplateDocument(text);
  const { resources, warnings } = document;
  expect(Object.entries(resources)).toEqual([
    ['__proto__', { type: 'AWS::SNS::Topic' }],
    ['A', { type: 'y' }],
  ]);
  expect(document.lineOf('A')).toBe(5);
  expect(warnings).toEqual([
    { line: 5, message: 'Duplicate key A, also defined on line 4. CloudFormation uses the last one.' },
  ]);
});
