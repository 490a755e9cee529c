import { afterAll, expect, test } from '@jest/globals';
import { readTemplateDocument } from '../../../../src/cloudformation/template/document.ts';
import { valueProblem } from '../../../../src/cloudformation/parameters/values.ts';
import { valueAt } from '../../../../src/cloudformation/template/tree.ts';

let right = 0;
afterAll(() => {
  console.log(`Parameter constraints: ${right} situations passed`);
});

const refused = (declaration: string, value: string): string | undefined => {
  const document = readTemplateDocument(`Parameters: { P: { ${declaration} } }\nResources: {}`);
  return valueProblem(valueAt(document, ['Parameters', 'P']), value);
};

test.each([
  ['Type: String, AllowedValues: [small, large]', 'big', 'expected one of small, large'],
  ['Type: String, AllowedValues: [small, large]', 'Small', 'expected one of small, large'],
  ['Type: String, AllowedValues: [small, large]', 'large', undefined],
  ['Type: String, AllowedValues: [true, false]', 'true', undefined],
  ['Type: String, AllowedValues: [true]', 'yes', 'expected true'],
  ['Type: Number, AllowedValues: [1, 2]', '2.0', undefined],
  ['Type: Number, AllowedValues: [1, 2]', '3', 'expected one of 1, 2'],
  ['Type: CommaDelimitedList, AllowedValues: [a, b]', 'a, b', undefined],
  ['Type: CommaDelimitedList, AllowedValues: [a, b]', 'a,c', 'expected one of a, b'],
  ["Type: String, AllowedPattern: '[a-z]+'", 'shop', undefined],
  ["Type: String, AllowedPattern: '[a-z]+'", 'shop1', 'expected text that matches [a-z]+'],
  ["Type: String, AllowedPattern: '^[a-z]+$'", 'SHOP', 'expected text that matches ^[a-z]+$'],
  [
    "Type: String, AllowedPattern: 'a|b', ConstraintDescription: must be a or b",
    'ab',
    'expected text that matches a|b ("must be a or b")',
  ],
  ["Type: CommaDelimitedList, AllowedPattern: '[0-9]+'", '1, 2', undefined],
  ["Type: CommaDelimitedList, AllowedPattern: '[0-9]+'", '1,x', 'expected text that matches [0-9]+'],
  // Patterns that Java reads differently are left to CloudFormation.
  ["Type: String, AllowedPattern: '\\p{Alpha}+'", '1', undefined],
  ["Type: String, AllowedPattern: '(?i)[a-z]+'", 'ABC', undefined],
  ["Type: String, AllowedPattern: '[a-z&&[^b]]+'", 'b', undefined],
  ["Type: String, AllowedPattern: '[a-z]++'", '1', undefined],
  ["Type: String, AllowedPattern: '(?!aws)[a-z]+'", 'awsx', 'expected text that matches (?!aws)[a-z]+'],
  ['Type: String, MinLength: 3', 'ab', 'expected at least 3 characters'],
  ['Type: String, MaxLength: 3', 'abcd', 'expected at most 3 characters'],
  ['Type: String, MinLength: 1', '', 'expected at least 1 character'],
  ['Type: Number', 'many', 'expected a number'],
  ['Type: Number', '', 'expected a number'],
  ['Type: Number', '-1.5e3', undefined],
  ['Type: Number, MinValue: 1, MaxValue: 10', '0', 'expected at least 1'],
  ['Type: Number, MinValue: 1, MaxValue: 10', '11', 'expected at most 10'],
  ['Type: Number, MinValue: 1, MaxValue: 10', '10', undefined],
  ['Type: List<Number>', '1, 2', undefined],
  ['Type: List<Number>', '1,two', 'expected a number'],
  ['Type: List<Number>, MaxValue: 5', '1,6', 'expected at most 5'],
  ['Type: AWS::EC2::VPC::Id', 'vpc-1', undefined],
  ["Type: 'AWS::SSM::Parameter::Value<String>', AllowedValues: [a]", '/shop/a', undefined],
  ['Type: String, AllowedValues: [a]', '{{resolve:ssm:/shop/a}}', undefined],
  ['Type: String', 'anything', undefined],
])('%s accepts %j: %s', (declaration, value, expected) => {
  expect(refused(declaration, value)).toBe(expected);
  right += 1;
});
