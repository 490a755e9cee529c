import { expect, test } from '@jest/globals';
import {
  readTemplateDocument,
  TemplateSyntaxError,
} from '../../../../src/cloudformation/template/document.ts';
import { parseTemplate } from '../../../../sandbox/cloudformation/templates/template.ts';

/** Templates of a pull request that nobody has reviewed. */
const topic = (name: string): string =>
  `Resources: { A: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${name} } } }`;

test.each([
  ['lists', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['maps', `${'{ a: '.repeat(5_000)}x${'}'.repeat(5_000)}`],
  ['lists of 300 levels', `${'['.repeat(300)}${']'.repeat(300)}`],
])('deeply nested %s are refused', (_, value) => {
  const read = () => readTemplateDocument(topic(value));
  expect(read).toThrow(new TemplateSyntaxError('values are nested more than 200 levels deep', 1, 1));
});

test('loops that multiply are refused', () => {
  const items = JSON.stringify(Array.from({ length: 100 }, (_, index) => String(index)));
  const loops = ['A', 'B', 'C', 'D'].reduceRight(
    (body, name) => `{ "Fn::ForEach::L${name}": ["${name}", ${items}, ${body}] }`,
    '{ "T${A}${B}${C}${D}": { "Type": "AWS::SNS::Topic" } }',
  );
  const text = `{ "Transform": "AWS::LanguageExtensions", "Resources": ${loops} }`;
  expect(() => parseTemplate(text)).toThrow('makes more than 20000 turns');
});
