import { expect, test } from '@jest/globals';
import { parseTemplate } from '../../../../sandbox/cloudformation/templates/template.ts';
import { checkTemplate } from '../../../../src/cloudformation/template/check.ts';
import {
  readTemplateDocument,
  TemplateSyntaxError,
} from '../../../../src/cloudformation/template/document.ts';

/** Templates of a pull request that nobody has reviewed: their text is within the limits, their meaning is not. */
const topic = (name: string): string =>
  `Resources: { A: { Type: AWS::SNS::Topic, Properties: { DisplayName: ${name} } } }`;

const ITEMS = JSON.stringify(Array.from({ length: 100 }, (_, index) => String(index)));
const LOOPS = `{ "Transform": "AWS::LanguageExtensions", "Resources": ${['A', 'B', 'C', 'D'].reduceRight(
  (body, name) => `{ "Fn::ForEach::L${name}": ["${name}", ${ITEMS}, ${body}] }`,
  '{ "T${A}${B}${C}${D}": { "Type": "AWS::SNS::Topic" } }',
)} }`;

test.each([
  ['lists', `${'['.repeat(20_000)}${']'.repeat(20_000)}`],
  ['maps', `${'{ a: '.repeat(5_000)}x${'}'.repeat(5_000)}`],
  ['lists of 300 levels', `${'['.repeat(300)}${']'.repeat(300)}`],
])('deeply nested %s are refused', (_, value) => {
  const read = () => readTemplateDocument(topic(value));
  expect(read).toThrow(new TemplateSyntaxError('values are nested more than 200 levels deep', 1, 1));
});

test('loops that stand for 100 million resources are refused by the sandbox', () => {
  expect(() => parseTemplate(LOOPS)).toThrow('makes more than 10000 turns');
});

test('the check of a template ends although its loops multiply', () => {
  const { findings } = checkTemplate(readTemplateDocument(LOOPS), {});
  expect(findings.length).toBeLessThan(20_000);
});

test('the check of a template ends although a text has very many unclosed variables', () => {
  const text = topic(`!Sub "${'${A'.repeat(100_000)}"`);
  expect(checkTemplate(readTemplateDocument(text), {}).findings).toEqual([]);
  expect(parseTemplate(text).resources).toHaveProperty('A');
});
