import { afterAll, describe, expect, test } from '@jest/globals';
import { stackGraph, type GraphStack } from '../../../../src/cloudformation/template/graph.ts';

const PSEUDO = {
  'AWS::AccountId': '111111111111',
  'AWS::Region': 'us-east-1',
  'AWS::Partition': 'aws',
  'AWS::URLSuffix': 'amazonaws.com',
};

const stack = (name: string, template: string, parameters: Record<string, string> = {}): GraphStack => ({
  name,
  template,
  parameters: { ...PSEUDO, 'AWS::StackName': `dev-shop-${name}`, ...parameters },
});

/** Provides one name of each kind. */
const below = stack(
  'below',
  `
Resources:
  User: { Type: AWS::SSM::Parameter, Properties: { Name: /shop/dev/user, Type: String, Value: app } }
  Plain: { Type: AWS::SSM::Parameter, Properties: { Name: plain, Type: String, Value: app } }
  Regional:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Sub '/shop/\${AWS::Region}/\${AWS::Partition}/\${AWS::URLSuffix}', Type: String, Value: app }
  Login: { Type: AWS::SecretsManager::Secret, Properties: { Name: shop/dev/login } }
Outputs:
  VpcId: { Value: x, Export: { Name: shop-dev-vpc } }
  Own: { Value: x, Export: { Name: !Sub '\${AWS::StackName}-own' } }
  Account: { Value: x, Export: { Name: !Join ['-', [!Ref 'AWS::AccountId', !Ref 'AWS::Region', id]] } }
`,
);

let right = 0;
afterAll(() => {
  console.log(`Graph: ${right} situations passed`);
});

const PARAMETERS = `
Parameters:
  Env: { Type: String, Default: dev }
  Names: { Type: CommaDelimitedList, Default: 'other, /shop/dev/user' }
  Enabled: { Type: String, Default: 'true' }
  Stack: { Type: String, Default: dev-shop-below }
  Path: { Type: String, Default: none }
  Stored: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /shop/dev/elsewhere }
Mappings:
  Envs: { dev: { user: /shop/dev/user, vpc: shop-dev-vpc, list: [none, shop-dev-vpc] }, prod: { user: /shop/prod/user } }
  Regions: { us-east-1: { vpc: shop-dev-vpc } }
Conditions:
  IsOn: !Equals [!Ref Enabled, 'true']
  IsOff: !Not [!Condition IsOn]
  Both: !And [!Condition IsOn, !Equals [!Ref Env, dev]]
  Either: !Or [!Condition IsOff, { 'Fn::Equals': [!Ref 'AWS::Region', us-east-1] }]
  Stored: !Equals [!Ref Stored, 'true']
`;

const property = (value: string): string =>
  `${PARAMETERS}
Resources: { X: { Type: T, Properties: { A: ${value} } } }`;
const resources = (text: string): string => `${PARAMETERS}
Resources:
${text}`;

/** The template without the common parts. */
const short = (template: string): string => template.replace(PARAMETERS, '').trim();

/** Whether a stack with the template waits for `below`. */
const waits = (template: string, parameters = {}): boolean =>
  stackGraph([stack('above', template, parameters), below])
    .dependencies.get('above')
    ?.some(({ on }) => on === 'below') ?? false;

describe('a stack waits for the stack that provides the values it reads', () => {
  test.each(
    [
      // Dynamic references in any text.
      property(`'{{resolve:ssm:/shop/dev/user}}'`),
      property(`'{{resolve:ssm:/shop/dev/user:3}}'`),
      property(`'{{resolve:ssm:plain}}'`),
      property(`'{{resolve:ssm-secure:/shop/dev/user:1}}'`),
      property(`'sns://{{resolve:ssm:/shop/dev/user}}@host'`),
      property(`!Sub 'sns://{{resolve:ssm:/shop/dev/user}}@\${X.TopicName}'`),
      property(`!Sub '{{resolve:ssm:/shop/\${Env}/user}}'`),
      property(`!Sub ['{{resolve:ssm:/shop/\${E}/user}}', { E: !Ref Env }]`),
      property(`!Join ['', ['{{resolve:ssm:/shop/', !Ref Env, '/user}}']]`),
      property(`!Join ['', ['x', !GetAtt X.Arn, '{{resolve:ssm:/shop/dev/user}}']]`),
      property(`!Sub '{{resolve:ssm:/shop/\${AWS::Region}/\${AWS::Partition}/\${AWS::URLSuffix}}}'`),
      property(`!Base64 { 'Fn::Sub': 'export U={{resolve:ssm:/shop/\${Env}/user}}' }`),
      property(`[{ B: { C: ['{{resolve:ssm:/shop/dev/user}}'] } }]`),
      property(`!If [IsOn, '{{resolve:ssm:/shop/dev/user}}', x]`),
      property(
        `!FindInMap [Envs, !Ref Env, user]`.replace(/^.*$/, `!Sub ['{{resolve:ssm:\${N}}}', { N: $& }]`),
      ),
      property(`!Sub ['{{resolve:ssm:\${N}}}', { N: !Select [1, !Ref Names] }]`),
      property(`!Sub ['{{resolve:ssm:\${N}}}', { N: !Select ['1', !Split [';', 'a;/shop/dev/user']] }]`),
      property(`'{{resolve:secretsmanager:shop/dev/login}}'`),
      property(`'{{resolve:secretsmanager:shop/dev/login:SecretString:password}}'`),
      property(`!Sub '{{resolve:secretsmanager:shop/\${Env}/login:SecretString:password:AWSCURRENT}}'`),
      property(
        `!Sub '{{resolve:secretsmanager:arn:\${AWS::Partition}:secretsmanager:\${AWS::Region}:\${AWS::AccountId}:secret:shop/dev/login-a1B2c3:SecretString:x}}'`,
      ),
      property(`'{{resolve:ssm:arn:aws:ssm:us-east-1:111111111111:parameter/shop/dev/user}}'`),
      // Secrets of ECS containers.
      property(`[{ Name: U, ValueFrom: /shop/dev/user }]`),
      property(`[{ Name: U, ValueFrom: plain }]`),
      property(`[{ Name: U, ValueFrom: !Sub '/shop/\${Env}/user' }]`),
      property(
        `[{ Name: U, ValueFrom: !Sub 'arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter/shop/dev/user' }]`,
      ),
      property(`[{ Name: U, ValueFrom: !Join [':', [arn, aws, ssm, us-east-1, '1', parameter/plain]] }]`),
      property(
        `[{ Name: U, ValueFrom: !Sub 'arn:aws:secretsmanager:\${AWS::Region}:1:secret:shop/dev/login-a1B2c3:password::' }]`,
      ),
      property(`[{ Name: U, ValueFrom: 'arn:aws:secretsmanager:us-east-1:1:secret:shop/dev/login' }]`),
      // Imports.
      property('!ImportValue shop-dev-vpc'),
      property('!ImportValue dev-shop-below-own'),
      property(`{ 'Fn::ImportValue': !Sub '\${Stack}-own' }`),
      property(`!ImportValue { 'Fn::Join': ['-', [!Ref 'AWS::AccountId', !Ref 'AWS::Region', id]] }`),
      property(`{ 'Fn::ImportValue': !FindInMap [Envs, !Ref Env, vpc] }`),
      property(`{ 'Fn::ImportValue': !FindInMap [Regions, !Ref 'AWS::Region', vpc] }`),
      property(`{ 'Fn::ImportValue': !Select [1, !FindInMap [Envs, dev, list]] }`),
      property(`{ 'Fn::ImportValue': !FindInMap [Envs, dev, none, { DefaultValue: shop-dev-vpc }] }`),
      property(`!Sub ['\${V}/x', { V: !ImportValue shop-dev-vpc }]`),
      property(`!Select [0, !Split [',', !ImportValue shop-dev-vpc]]`),
      property(`!If [Both, !ImportValue shop-dev-vpc, x]`),
      property(`!If [IsOff, x, !ImportValue shop-dev-vpc]`),
      property(`!If [Either, !ImportValue shop-dev-vpc, x]`),
      property(`!If [Stored, x, !ImportValue shop-dev-vpc]`),
      property(`!If [Absent, x, !ImportValue shop-dev-vpc]`),
      `${PARAMETERS}\nResources: {}\nOutputs: { A: { Value: !ImportValue shop-dev-vpc } }`,
      // Outputs of another stack.
      property(`{ 'Fn::GetStackOutput': { StackName: dev-shop-below, OutputName: VpcId } }`),
      property(`!GetStackOutput { StackName: dev-shop-below, OutputName: VpcId, Region: us-east-1 }`),
      property(`{ 'Fn::GetStackOutput': { StackName: !Ref Stack, OutputName: VpcId } }`),
      property(
        `{ 'Fn::GetStackOutput': { StackName: dev-shop-below, OutputName: VpcId, RoleArn: 'arn:aws:iam::111111111111:role/read' } }`,
      ),
      // Loops.
      resources(
        `  'Fn::ForEach::Topics': [Name, [vpc], { 'Topic\${Name}': { Type: T, Properties: { A: !ImportValue { 'Fn::Sub': 'shop-dev-\${Name}' } } } }]`,
      ),
      resources(
        `  'Fn::ForEach::Topics': [Name, !Ref Names, { 'Topic&{Name}': { Type: T, Properties: { A: !Sub '{{resolve:ssm:\${Name}}}' } } }]`,
      ),
      resources(
        `  X: { Type: T, Properties: { 'Fn::ForEach::P': [N, [shop-dev-vpc], { '\${N}': { 'Fn::ImportValue': !Ref N } }] } }`,
      ),
      resources(`  X: { Type: T, Condition: IsOn, Properties: { A: !ImportValue shop-dev-vpc } }`),
      resources(`  X: { Type: T, Condition: Stored, Properties: { A: !ImportValue shop-dev-vpc } }`),
      resources(`  X: { Type: T, Metadata: { A: '{{resolve:ssm:/shop/dev/user}}' } }`),
      'Parameters: { P: { Type: AWS::SSM::Parameter::Name, Default: /shop/dev/user } }\nResources: {}',
      "Parameters: { P: { Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /shop/dev/user } }\nResources: {}",
      JSON.stringify({
        Resources: {
          X: {
            Type: 'T',
            Properties: { A: { 'Fn::Sub': 'x{{resolve:ssm:/shop/${AWS::NoSuch}x}}{{resolve:ssm:plain}}' } },
          },
        },
      }),
    ].map((template) => [short(template), template]),
  )('%s', (_, template) => {
    expect(waits(template, { Path: '/shop/dev/nothing' })).toBe(true);
    right += 1;
  });

  test('a dynamic reference in the value of a parameter', () => {
    expect(waits(property('!Ref Path'), { Path: 'x{{resolve:ssm:/shop/dev/user}}' })).toBe(true);
    right += 1;
  });
});

describe('a stack does not wait for values it does not read', () => {
  const templates: [template: string, given?: Record<string, string>][] = [
    [property(`'{{resolve:ssm:/shop/prod/user}}'`)],
    [property(`!Sub '{{resolve:ssm:/shop/\${Env}/user}}'`), { Env: 'prod' }],
    [property(`!Sub '{{resolve:ssm:/shop/\${!Env}/user}}'`)],
    [property(`!Sub '{{resolve:ssm:/shop/\${Stored}/user}}'`), { Stored: 'dev' }],
    [property(`!If [IsOff, !ImportValue shop-dev-vpc, x]`)],
    [property(`!If [Both, !ImportValue shop-dev-vpc, x]`), { Enabled: 'false' }],
    [property(`!If [Either, x, !ImportValue shop-dev-vpc]`)],
    [resources(`  X: { Type: T, Condition: IsOff, Properties: { A: !ImportValue shop-dev-vpc } }`)],
    [`${PARAMETERS}\nResources: {}\nOutputs: { A: { Condition: IsOff, Value: !ImportValue shop-dev-vpc } }`],
    [
      property(
        `{ 'Fn::GetStackOutput': { StackName: dev-shop-below, OutputName: VpcId, Region: eu-west-1 } }`,
      ),
    ],
    [
      property(
        `{ 'Fn::GetStackOutput': { StackName: dev-shop-below, OutputName: VpcId, RoleArn: 'arn:aws:iam::222222222222:role/read' } }`,
      ),
    ],
    [property(`{ 'Fn::GetStackOutput': { StackName: dev-shop-other, OutputName: VpcId } }`)],
    [property(`!Sub 'arn:aws:ssm:us-east-1:1:parameter/shop/dev/user'`)],
    [property(`[{ Name: U, ValueFrom: !Ref X }]`)],
    [
      resources(
        `  'Fn::ForEach::Topics': [Name, [other], { 'Topic\${Name}': { Type: T, Properties: { A: !ImportValue { 'Fn::Sub': 'shop-dev-\${Name}' } } } }]`,
      ),
    ],
    [`Description: '{{resolve:ssm:/shop/dev/user}}'\nResources: {}`],
  ];
  test.each(templates.map(([template, given = {}]) => [short(template), given, template] as const))(
    '%s %j',
    (_, given, template) => {
      expect(waits(template, given)).toBe(false);
      right += 1;
    },
  );
});

describe('conditions determine whether a name is provided', () => {
  const zone = `
Parameters: { Main: { Type: String }, Stored: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /x } }
Conditions: { Main: !Equals [!Ref Main, 'true'], Unknown: !Equals [!Ref Stored, a] }
Resources:
  Name: { Type: AWS::SSM::Parameter, Condition: Main, Properties: { Name: /zone, Type: String, Value: x } }
Outputs:
  Zone: { Condition: Main, Value: x, Export: { Name: zone } }`;
  const reader = stack('reader', 'Resources: { X: { Type: T, Properties: { A: !ImportValue zone } } }');

  test('a name that only one of two stacks provides is accepted', () => {
    const { dependencies } = stackGraph([
      stack('main', zone, { Main: 'true' }),
      stack('other', zone, { Main: 'false' }),
      reader,
    ]);
    expect(dependencies.get('reader')).toEqual([{ on: 'main', because: ['imports zone'] }]);
  });

  test('a name that both stacks provide is an error', () => {
    expect(() =>
      stackGraph([stack('a', zone, { Main: 'true' }), stack('b', zone, { Main: 'true' })]),
    ).toThrow('The stacks a and b both export zone.');
  });

  test('if it is not known which of two stacks provides it, a reader waits for both', () => {
    const maybe = zone.replaceAll('Condition: Main', 'Condition: Unknown');
    const given = { Main: 'true' };
    const { dependencies } = stackGraph([stack('a', maybe, given), stack('b', maybe, given), reader]);
    expect(dependencies.get('reader')?.map(({ on }) => on)).toEqual(['a', 'b']);
  });
});

test('an import whose name is not known before the deployment is reported with its line', () => {
  const template = `
Parameters: { Stored: { Type: 'AWS::SSM::Parameter::Value<String>', Default: /x } }
Resources:
  X:
    Type: T
    Properties:
      A: !ImportValue
        Fn::Sub: '\${Stored}-vpc'
      B:
        Fn::GetStackOutput: { StackName: !Ref Stored, OutputName: A }
      C: !ImportValue shop-dev-vpc`;
  expect(stackGraph([stack('above', template), below]).unresolved).toEqual([
    { stack: 'above', function: 'Fn::ImportValue', line: 8 },
    { stack: 'above', function: 'Fn::GetStackOutput', line: 10 },
  ]);
});

test('an output that a stack of the graph does not have is reported with its line', () => {
  const template = `
Resources:
  X:
    Type: T
    Properties:
      A: { 'Fn::GetStackOutput': { StackName: dev-shop-below, OutputName: Vpc } }
      B: { 'Fn::GetStackOutput': { StackName: dev-shop-other, OutputName: Vpc } }`;
  expect(stackGraph([stack('above', template), below]).missingOutputs).toEqual([
    { stack: 'above', stackName: 'dev-shop-below', output: 'Vpc', line: 6 },
  ]);
  const open = { ...below, template: `Transform: [Macro]${below.template}` };
  expect(stackGraph([stack('above', template), open]).missingOutputs).toEqual([]);
});

test('circular conditions are unknown', () => {
  const template = `
Conditions: { A: !Not [!Condition B], B: !Not [!Condition A] }
Resources: { X: { Type: T, Properties: { A: !If [A, !ImportValue shop-dev-vpc, x] } } }`;
  expect(waits(template)).toBe(true);
});
