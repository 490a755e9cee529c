import { expect, test } from '@jest/globals';
import { readTemplateDocument } from '../../../../src/cloudformation/template/document.ts';
import { parseTemplateYaml } from '../../../../src/cloudformation/template/yaml.ts';
import { REFUSED, SCALARS, SHAPES } from '../../../support/yaml-facts.ts';

test(`${SCALARS.length} of ${SCALARS.length} scalars are read as CloudFormation reads them`, () => {
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

test('lines stay where they are when a text continues at another column', () => {
  const text =
    "Resources:\n  A: { Type: 'AWS::SNS::Topic', Properties: {\n  } }\n  B:\n    Type: AWS::SNS::Topic\n";
  expect(readTemplateDocument(text).lineOf('B.Type')).toBe(5);
});

test('what CloudFormation reads otherwise than it looks has a line each', () => {
  const text =
    'Resources:\n  A: { Type: "AWS::SNS::Topic" }\n  B:\n    Type: x\n    Account: 054676820928\n  A: { Type: "AWS::SQS::Queue" }\n';
  const { resources, surprises } = readTemplateDocument(text);
  expect(resources).toMatchObject({ A: { type: 'AWS::SQS::Queue' } });
  expect(surprises).toEqual([
    {
      line: 5,
      message:
        'CloudFormation may read the unquoted 054676820928 as the number 5.4676820928E10. Quote it to keep the text.',
    },
    { line: 6, message: 'The key A is already in line 2. CloudFormation uses this last one.' },
  ]);
});

test('a long template with many such places is read in well under a second', () => {
  const place = (index: number): string => `  T${index}:\n    Type: x\n    Tags: [{\n      Key: a\n    }]\n`;
  const text = `Resources:\n${Array.from({ length: 100 }, (_, index) => place(index)).join('')}`;
  expect(Object.keys(readTemplateDocument(text).resources)).toHaveLength(100);
});
