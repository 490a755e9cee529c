import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { stacksOf } from '../../../../scripts/templates/reference.ts';
import {
  GraphError,
  reversed,
  stackGraph,
  stackInterface,
  type GraphStack,
} from '../../../../src/cloudformation/template/graph.ts';

const stack = (name: string, template: string, parameters: Record<string, string> = {}): GraphStack => ({
  name,
  template,
  parameters: { Environment: 'dev', ...parameters },
});

const writes = (name: string): string =>
  `  ${name.replace(/\W/g, '')}: { Type: AWS::SSM::Parameter, Properties: { Name: !Sub '/p/\${Environment}/${name}', Type: String, Value: x } }\n`;

/** The dependencies of each stack. */
function waits(stacks: GraphStack[]): Record<string, string[]> {
  const { dependencies } = stackGraph(stacks);
  return Object.fromEntries([...dependencies].map(([name, found]) => [name, found.map(({ on }) => on)]));
}

describe('a stack waits for the stack that writes the parameters it reads', () => {
  const below = stack('below', `Parameters: { Environment: { Type: String } }\nResources:\n${writes('id')}`);
  test.each([
    [
      'a parameter of an SSM type',
      `Parameters: { Id: { Type: AWS::SSM::Parameter::Value<String> } }\nResources: {}`,
      { Id: '/p/dev/id' },
    ],
    [
      'its default',
      `Parameters: { Id: { Type: AWS::SSM::Parameter::Value<String>, Default: /p/dev/id } }\nResources: {}`,
      {},
    ],
    [
      'a dynamic reference',
      `Resources: { X: { Type: T, Properties: { A: '{{resolve:ssm:/p/dev/id:3}}' } } }`,
      {},
    ],
    [
      'a dynamic reference with a name inside',
      `Resources: { X: { Type: T, Properties: { A: !Sub '{{resolve:ssm:/p/\${Environment}/id}}' } } }`,
      {},
    ],
    [
      'a dynamic reference in a parameter',
      'Parameters: { A: { Type: String } }\nResources: {}',
      { A: '{{resolve:ssm:/p/dev/id}}' },
    ],
  ])('%s', (_what, text, parameters) => {
    expect(waits([stack('above', text, parameters), below])).toEqual({ above: ['below'], below: [] });
  });

  test('ignores other names and its own', () => {
    const other = `Parameters: { Id: { Type: AWS::SSM::Parameter::Value<String> } }\nResources:\n${writes('own')}`;
    expect(waits([stack('above', other, { Id: '/p/dev/own' }), below])).toEqual({ above: [], below: [] });
    expect(waits([stack('above', other, { Id: '/p/prod/id' }), below])).toEqual({ above: [], below: [] });
  });
});

describe('a stack waits for the stack that exports the values it imports', () => {
  const below = stack(
    'below',
    "Outputs: { Subnets: { Value: x, Export: { Name: !Sub '${Environment}-subnets' } } }",
  );
  test.each([
    ['!ImportValue dev-subnets'],
    ["!ImportValue { 'Fn::Sub': '${Environment}-subnets' }"],
    ["{ 'Fn::ImportValue': !Sub '${Environment}-subnets' }"],
    ["{ 'Fn::ImportValue': { 'Fn::Sub': ['${E}-subnets', { E: !Ref Environment }] } }"],
    ["{ 'Fn::ImportValue': !Join ['-', [!Ref Environment, subnets]] }"],
    ["{ 'Fn::ImportValue': !If [Big, dev-subnets, dev-small] }"],
    ["!Split [',', !ImportValue { 'Fn::Sub': '${Environment}-subnets' }]"],
  ])('%s', (value) => {
    const above = stack('above', `Resources: { X: { Type: T, Properties: { A: ${value} } } }`);
    expect(waits([above, below])['above']).toEqual(['below']);
  });

  test('JSON', () => {
    const text = JSON.stringify({
      Resources: {
        X: { Type: 'T', Properties: { A: { 'Fn::ImportValue': { 'Fn::Sub': '${Environment}-subnets' } } } },
      },
    });
    expect(waits([stack('above', text), below])['above']).toEqual(['below']);
  });
});

test('a cycle is shown with the dependency of each step', () => {
  const text = (own: string) =>
    `Parameters: { In: { Type: AWS::SSM::Parameter::Value<String> } }\nResources:\n${writes(own)}`;
  const stacks = [
    stack('first', 'Resources: {}\nOutputs: { X: { Value: !ImportValue c, Export: { Name: d } } }'),
    stack('one', text('one'), { In: '/p/dev/three' }),
    stack('two', text('two'), { In: '/p/dev/one' }),
    stack('three', text('three'), { In: '/p/dev/two' }),
  ];
  expect(() => stackGraph(stacks)).toThrow(
    'Circular dependency between stacks: one → three → two → one. one reads /p/dev/three of three; three reads /p/dev/two of two; two reads /p/dev/one of one. Move the shared resources into one of these stacks or into a separate one.',
  );
});

test('two stacks that provide the same name are an error with both lines', () => {
  const text = `Resources:\n${writes('id')}`;
  const error = new GraphError('The stacks a and b both write the parameter /p/dev/id.', [
    { stack: 'a', line: 2 },
    { stack: 'b', line: 3 },
  ]);
  const graph = (): unknown => stackGraph([stack('a', text), stack('b', `Description: b\n${text}`)]);
  expect(graph).toThrow(error);
  expect(graph).toThrow(expect.objectContaining({ places: error.places }));
});

describe('whether a stack may write parameters whose names only AWS knows', () => {
  const custom = (token: string): string =>
    `  Own: { Type: Custom::Own, Properties: { ServiceToken: ${token} } }\n`;
  const role = (action: string): string =>
    `  Rights: { Type: AWS::IAM::Policy, Properties: { PolicyDocument: { Statement: [{ Effect: Allow, Action: ${action} }] } } }\n`;
  const lambda = '  Code: { Type: AWS::Lambda::Function }\n';
  test.each<[what: string, resources: string, expected: boolean]>([
    ['known names', writes('id'), false],
    ['a name with a Ref', writes('id').replace('${Environment}', '${Code}') + lambda, true],
    ['no name', '  Id: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: x } }\n', true],
    ['a nested stack', '  Below: { Type: AWS::CloudFormation::Stack }\n', true],
    ['a custom resource of its own function', custom('!GetAtt Code.Arn') + lambda, false],
    [
      'a custom resource of its own function in JSON',
      custom("{ 'Fn::GetAtt': [Code, Arn] }") + lambda + role("'s3:Get*'"),
      false,
    ],
    ['a function that may write', custom('!GetAtt Code.Arn') + lambda + role("'ssm:PutParameter'"), true],
    ['a function that may do all', custom('!GetAtt Code.Arn') + lambda + role("['*']"), true],
    ['a function of another stack', custom('!ImportValue code') + lambda, true],
  ])('%s', (_what, resources, expected) => {
    expect(stackInterface(`Resources:\n${resources}`, { Environment: 'dev' }).writesUnknown).toBe(expected);
  });

  test('a macro', () => {
    const text = `Resources:\n${writes('id')}`;
    expect(stackInterface(`Transform: AWS::Serverless-2016-10-31\n${text}`, {}).writesUnknown).toBe(true);
    const extensions = `Transform: AWS::LanguageExtensions\n${text}`;
    expect(stackInterface(extensions, { Environment: 'dev' }).writesUnknown).toBe(false);
  });
});

describe('a stack waits for the one that creates its repository', () => {
  const repository = (name: string): string =>
    `Resources: { Images: { Type: AWS::ECR::Repository, Properties: { RepositoryName: !Sub '${name}' } } }`;
  const below = stack('below', repository('shop/${Service}'), { Service: 'api' });
  const above = (name: string, template = 'Resources: {}', own = 'shop/api'): GraphStack => ({
    ...stack(name, template),
    repository: own,
  });

  test('and is deleted before it', () => {
    const graph = stackGraph([above('api'), below]);
    expect(graph.order).toEqual(['below', 'api']);
    expect(graph.dependencies.get('api')).toEqual([{ on: 'below', because: ['uses repository shop/api'] }]);
    expect(reversed(graph).get('below')).toEqual(['api']);
    expect([...graph.repositories]).toEqual([['shop/api', 'below']]);
  });

  test('but not for another repository or its own', () => {
    expect(waits([above('web', 'Resources: {}', 'shop/web'), below])).toEqual({ web: [], below: [] });
    expect(waits([above('api', repository('shop/api'))])).toEqual({ api: [] });
  });

  test('two stacks that create it, and a circular dependency, are errors', () => {
    const other = stack('other', repository('shop/api'));
    expect(() => stackGraph([above('api'), below, other])).toThrow(
      new GraphError('The stacks below and other both create the repository shop/api.'),
    );
    const circle = stack('circle', `${repository('shop/api')}\nOutputs: { A: { Value: !ImportValue url } }`);
    const exporting = 'Resources: {}\nOutputs: { Url: { Value: x, Export: { Name: url } } }';
    expect(() => stackGraph([above('api', exporting), circle])).toThrow(
      'Circular dependency between stacks: api → circle → api. api uses repository shop/api of circle; circle imports url of api.',
    );
  });
});

test('the reference platform, in any order of its file', () => {
  const stacks = stacksOf('dev').map(({ name, template, parameters }) => ({
    name: name.replace('dev-platform-', ''),
    template: readFileSync(`templates/${template}.yml`, 'utf8'),
    parameters,
  }));
  const graph = stackGraph([...stacks].reverse());
  const on = (name: string) => (graph.dependencies.get(name) ?? []).map((one) => one.on).sort();
  expect(on('vpc')).toEqual([]);
  expect(on('security')).toEqual(['vpc']);
  expect(on('registry')).toEqual(['security']);
  expect(on('aurora-serverless')).toEqual(['security', 'vpc']);
  expect(on('cluster')).toEqual(['security', 'vpc']);
  expect(on('monitoring')).toEqual(['aurora-serverless', 'cluster']);
  expect(on('cost')).toEqual(['cluster']);
  expect(on('user-service')).toEqual(['aurora-serverless', 'cluster', 'security', 'vpc']);
  expect(graph.repositories.get('platform/frontend')).toBe('registry');
  for (const name of graph.order) {
    for (const { on: needed } of graph.dependencies.get(name) ?? []) {
      expect(graph.order.indexOf(needed)).toBeLessThan(graph.order.indexOf(name));
    }
  }
  expect(reversed(graph).get('vpc')).toEqual(expect.arrayContaining(['security', 'cluster', 'user-service']));
});
