import { expect, test } from '@jest/globals';
import { asText } from '../../../../../sandbox/cloudformation/json.ts';
import { parseTemplateText } from '../../../../../sandbox/cloudformation/templates/text.ts';
import { REFUSED, SCALARS, SHAPES } from '../../../../support/yaml-facts.ts';

test(`${SCALARS.length} scalars are parsed like CloudFormation`, () => {
  const read = SCALARS.map(({ written }) => ({
    written,
    text: asText(parseTemplateText(`A: ${written}\n`)),
  }));
  expect(read).toEqual(SCALARS.map(({ written, text }) => ({ written, text: { A: text } })));
});

test.each(SHAPES)('$name', ({ text, value }) => {
  expect(asText(parseTemplateText(text))).toEqual(value);
});

test.each(REFUSED)('$name is not well-formed', ({ text }) => {
  expect(() => parseTemplateText(text)).toThrow(/^Template format error: YAML not well-formed/);
});

// https://github.com/aws-cloudformation/cfn-lint/issues/292 and cloudtools/troposphere issue 1290.
test.each([
  ['123456789012', '123456789012'],
  ['065115117704', '7133765572'],
])('a number as a key is refused: %s', (key, number) => {
  expect(() => parseTemplateText(`Mappings:\n  AccountMap:\n    ${key}: { Some: Foo }\n`)).toThrow(
    `Template format error: [/Mappings/AccountMap] map keys must be strings; received numeric [${number}] instead`,
  );
});
