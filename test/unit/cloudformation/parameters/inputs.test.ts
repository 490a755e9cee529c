import { describe, expect, test } from '@jest/globals';
import {
  declaredPairs,
  readParametersInput,
  readTagsInput,
} from '../../../../src/cloudformation/parameters/inputs.ts';

const DECLARED = Object.fromEntries(
  ['A', 'B', 'Env', 'Subnets', 'Url', 'Labels', 'Environment', 'MyParam1', 'MyParam2'].map((name) => [
    name,
    { type: 'String', noEcho: false, hasDefault: true },
  ]),
);

function read(text: string): Record<string, string> {
  return declaredPairs(readParametersInput('parameters', text), DECLARED);
}

describe('parameters on one line', () => {
  test.each<[string, string, Record<string, string>]>([
    // https://github.com/aws-actions/aws-cloudformation-github-deploy#usage
    ['the official example', 'MyParam1=myValue,MyParam2=s3cr3t', { MyParam1: 'myValue', MyParam2: 's3cr3t' }],
    ['two', 'A=1,B=2', { A: '1', B: '2' }],
    ['space after the comma', 'A=1, B=2,  Env=dev', { A: '1', B: '2', Env: 'dev' }],
    ['space before the comma', 'A=1 ,B=2', { A: '1', B: '2' }],
    ['a folded block', 'A=1, B=2, Env=dev', { A: '1', B: '2', Env: 'dev' }],
    ['lines that end with commas', 'A=1,\nB=2,\nEnv=dev', { A: '1', B: '2', Env: 'dev' }],
    ['the same, on Windows', 'A=1,\r\n  B=2', { A: '1', B: '2' }],
    ['the same, with a comment', '# why\nA=1,\nB=2', { A: '1', B: '2' }],
    ['a repeated key', 'Subnets=a,Subnets=b,Env=dev', { Subnets: 'a,b', Env: 'dev' }],
    ['a repeated key on lines', 'Subnets=a,\nSubnets=b,\nEnv=dev', { Subnets: 'a,b', Env: 'dev' }],
    ['a list in double quotes', 'Subnets="a,b",Env=dev', { Subnets: 'a,b', Env: 'dev' }],
    ['a list in single quotes', "Subnets='a,b'", { Subnets: 'a,b' }],
    ['a pair in quotes', 'A="x,B=y"', { A: 'x,B=y' }],
    ['a value with =', 'Url=https://x?a=1,Env=dev', { Url: 'https://x?a=1', Env: 'dev' }],
    ['base64', 'A=aGk=,B=aGk9PQ==', { A: 'aGk=', B: 'aGk9PQ==' }],
    ['an empty value', 'A=,B=2', { A: '', B: '2' }],
    ['spaces in a value', 'A=hello world,B=2', { A: 'hello world', B: '2' }],
    ['a declared name at the start of a value', 'Labels=Env=dev,B=2', { Labels: 'Env=dev', B: '2' }],
    ['an apostrophe', "A=it's,B=2", { A: "it's", B: '2' }],
  ])('%s is several parameters', (_name, text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test.each<[string, string, Record<string, string>]>([
    ['a list', 'Subnets=a,b,c', { Subnets: 'a,b,c' }],
    ['a list with spaces', 'Subnets=a, b, c', { Subnets: 'a, b, c' }],
    ['a sentence', 'A=one, two and three', { A: 'one, two and three' }],
    ['a URL', 'Url=https://x/?a=1&b=2', { Url: 'https://x/?a=1&b=2' }],
    ['a URL with the name of a parameter', 'Url=https://x/?Env=dev&B=2', { Url: 'https://x/?Env=dev&B=2' }],
    ['pairs of undeclared names', 'Labels=team=shop,tier=web', { Labels: 'team=shop,tier=web' }],
    ['a connection string', 'A=host:6379,ssl=true', { A: 'host:6379,ssl=true' }],
    ['options', 'A=-Xmx1g -Dx=1', { A: '-Xmx1g -Dx=1' }],
    ['JSON', 'A={"B":"x,y","c":1}', { A: '{"B":"x,y","c":1}' }],
    ['a list of an LDAP name', 'A=cn=x,dc=example,dc=com', { A: 'cn=x,dc=example,dc=com' }],
    ['base64 with a comma', 'A=data:x;base64,aGk=', { A: 'data:x;base64,aGk=' }],
    ['lines', 'A=1\nB=2', { A: '1', B: '2' }],
    ['lines with lists', 'Subnets=a,b\nB=2', { Subnets: 'a,b', B: '2' }],
    ['lines with quotes, unchanged', 'A="x"\nB=2', { A: '"x"', B: '2' }],
    ['YAML', 'A: 1,B=2', { A: '1,B=2' }],
    ['YAML on one line', '{ A: "1,B=2", B: "x B=1" }', { A: '1,B=2', B: 'x B=1' }],
    ['an undeclared key, for its own error', 'Nothing=1,B=2', { Nothing: '1,B=2' }],
    ['a comment', '# nothing', {}],
  ])('%s is one value each', (_name, text, expected) => {
    expect(read(text)).toEqual(expected);
  });

  test.each([
    ["the AWS CLI's form", 'A=1 B=hunter2'],
    ['many spaces', 'A=1   B=hunter2'],
    ['spaces in a value', 'A=hello world B=hunter2'],
    ['quotes of a shell', 'A="1" B="hunter2"'],
    ['both separators', 'A=1 B=2,Env=hunter2'],
    ['a list between pairs', 'Subnets=a,b,Env=hunter2'],
    ['a misspelt name', 'A=1,Enviroment=hunter2'],
    ['an undeclared name similar to the first', 'Env=1,Zone=hunter2'],
    ['a comma at the end', 'A=hunter2,'],
    ['an apostrophe that hides a comma', "A=1,B=it's hunter2"],
    ['two apostrophes', "A=it's 5,B=it's hunter2"],
    ['a line of several among lines', 'A=1,B=hunter2\nEnv=dev'],
    ['a line of the CLI among lines', 'Env=dev\nA=1 B=hunter2'],
    ['one line with a comma at its end', 'A=1,\nB=hunter2\nEnv=dev'],
  ])('%s is refused without its value', (_name, text) => {
    expect(() => read(text)).toThrow(
      /^parameters: expected one line each, got several parameters on one line/,
    );
    expect(() => read(text)).not.toThrow(/hunter2/);
  });
});

describe('lists and files as `parameters`', () => {
  test.each<[string, string, object]>([
    ['pairs', '["A=1","Url=https://x?a=b"]', { parameters: { A: '1', Url: 'https://x?a=b' } }],
    ['pairs in YAML', '- A=1\n- B=x,y', { parameters: { A: '1', B: 'x,y' } }],
    [
      "CloudFormation's list",
      '[{"ParameterKey":"A","ParameterValue":"010"},{"ParameterKey":"B","UsePreviousValue":true}]',
      { parameters: { A: '010' }, previousParameters: ['B'] },
    ],
    ['a file', 'file://parameters.json', { parameters: {}, file: 'file://parameters.json' }],
  ])('%s', (_name, text, expected) => {
    expect(readParametersInput('parameters', text)).toMatchObject(expected);
  });

  test.each([
    ['no key', '[{"Value":"hunter2"}]', /^parameters: expected a list of/],
    ['not a pair', '["hunter2"]', /^parameters: expected a list of/],
    ['no value', '[{"ParameterKey":"A"}]', /^parameters: A: expected a value/],
    [
      'not JSON',
      '["A=hunter2"',
      /^parameters: line 1: expected JSON or YAML\. The problem: a bracket, brace, comma, colon or quote is missing$/,
    ],
  ])('%s is refused', (_name, text, message) => {
    expect(() => readParametersInput('parameters', text)).toThrow(message);
    expect(() => readParametersInput('parameters', text)).not.toThrow(/hunter2/);
  });
});

describe('tags on one line', () => {
  test.each<[string, string, Record<string, string>]>([
    ['commas', 'team=shop,env=dev', { team: 'shop', env: 'dev' }],
    ['commas and spaces', 'team=shop, cost:center=4711', { team: 'shop', 'cost:center': '4711' }],
    ['lines that end with commas', 'team=shop,\nenv=dev', { team: 'shop', env: 'dev' }],
    ['a value with spaces', 'team=the shop,env=dev', { team: 'the shop', env: 'dev' }],
    ['a value with =', 'query=a=b', { query: 'a=b' }],
    ['no pairs after the comma', 'team=shop, and others', { team: 'shop, and others' }],
    ['lines', 'team=shop\nenv=dev', { team: 'shop', env: 'dev' }],
    ['YAML', 'team: shop,env=dev', { team: 'shop,env=dev' }],
    [
      "CloudFormation's list",
      '[{"Key":"team","Value":"shop"},{"Key":"n","Value":"010"}]',
      { team: 'shop', n: '010' },
    ],
    ["CloudFormation's list in YAML", '- Key: team\n  Value: shop', { team: 'shop' }],
  ])('%s', (_name, text, expected) => {
    expect(readTagsInput('tags', text)).toEqual(expected);
  });

  test.each([
    [
      "the AWS CLI's form",
      'team=shop env=hunter2',
      /^tags: expected one line each, got several tags on one line/,
    ],
    ['a comma at the end', 'team=hunter2,', /^tags: expected one line each, got several tags on one line/],
    ['a list of something else', '[{"Name":"hunter2"}]', /^tags: expected an object/],
  ])('%s is refused', (_name, text, message) => {
    expect(() => readTagsInput('tags', text)).toThrow(message);
    expect(() => readTagsInput('tags', text)).not.toThrow(/hunter2/);
  });
});
