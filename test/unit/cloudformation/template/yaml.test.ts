import { expect, test } from '@jest/globals';
import { readTemplateDocument } from '../../../../src/cloudformation/template/document.ts';
import { parseTemplateYaml } from '../../../../src/cloudformation/template/yaml.ts';
import { REFUSED, SCALARS, SHAPES } from '../../../support/yaml-facts.ts';

test(`${SCALARS.length} scalars are parsed like CloudFormation`, () => {
  const read = SCALARS.map(({ written }) => ({
    written,
    text: parseTemplateYaml(`A: ${written}\n`).document.get('A'),
  }));
  expect(read).toEqual(SCALARS.map(({ written, text }) => ({ written, text })));
});

test.each(SHAPES)('$name', ({ text, value }) => {
  const { document } = parseTemplateYaml(text);
  expect(document.errors).toEqual([]);
  expect(document.toJS()).toEqual(value);
});

test.each(REFUSED)('$name is an error', ({ text }) => {
  expect(parseTemplateYaml(text).document.errors).not.toEqual([]);
});

test('line numbers are correct if a text continues at another column', () => {
  const text =
    "Resources:\n  A: { Type: 'AWS::SNS::Topic', Properties: {\n  } }\n  B:\n    Type: AWS::SNS::Topic\n";
  expect(readTemplateDocument(text).lineOf('B.Type')).toBe(5);
});

test('scalars that CloudFormation interprets unexpectedly are listed with their lines', () => {
  const text =
    'Resources:\n  A: { Type: "AWS::SNS::Topic" }\n  B:\n    Type: x\n    Account: 054676820928\n  A: { Type: "AWS::SQS::Queue" }\n';
  const { resources, warnings } = readTemplateDocument(text);
  expect(resources).toMatchObject({ A: { type: 'AWS::SQS::Queue' } });
  expect(warnings).toEqual([
    {
      line: 5,
      message:
        'CloudFormation may read the unquoted 054676820928 as the number 5.4676820928E10. Quote it to keep it as a string.',
    },
    { line: 6, message: 'Duplicate key A, also defined on line 2. CloudFormation uses the last one.' },
  ]);
});

test('a long template with many of them is parsed in well under a second', () => {
  const place = (index: number): string => `  T${index}:\n    Type: x\n    Tags: [{\n      Key: a\n    }]\n`;
  const text = `Resources:\n${Array.from({ length: 100 }, (_, index) => place(index)).join('')}`;
  expect(Object.keys(readTemplateDocument(text).resources)).toHaveLength(100);
});
