import { afterAll, describe, expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkTemplate } from '../../../../src/cloudformation/template/check.ts';
import { readTemplateDocument } from '../../../../src/cloudformation/template/document.ts';
import { loadSchemas } from '../../../../src/cloudformation/template/schemas.ts';

const schemas = await loadSchemas();
const GIVEN = {
  'AWS::Region': 'us-east-1',
  'AWS::AccountId': '111111111111',
  'AWS::StackName': 'dev-shop-app',
};
const check = (text: string, given: Record<string, string> = {}) =>
  checkTemplate(readTemplateDocument(text), { ...GIVEN, ...given }, schemas);
const shown = (text: string, given: Record<string, string> = {}): string[] =>
  check(text, given).findings.map(({ level, message, line }) => `${line} ${level}: ${message}`);

let right = 0;
afterAll(() => {
  console.log(`Template check: ${right} situations passed`);
});

const TOPIC = '  Topic: { Type: AWS::SNS::Topic }\n';
const resources = (text: string): string => `Resources:\n${TOPIC}${text}`;

describe('a definite mistake is an error with its line', () => {
  test.each([
    [
      resources('  Url: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Ref Topicc } }'),
      '3 error: Url refers to Topicc, which is neither a parameter nor a resource of the template; did you mean Topic?',
    ],
    [
      resources(
        `  Url:\n    Type: AWS::SSM::Parameter\n    Properties:\n      Type: String\n      Value: !Sub 'x\${Topicc}'`,
      ),
      '7 error: Url refers to Topicc, which is neither a parameter nor a resource of the template; did you mean Topic?',
    ],
    [
      resources(
        '  Url: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !GetAtt Topicc.TopicName } }',
      ),
      '3 error: Url reads an attribute of Topicc, which is not a resource of the template; did you mean Topic?',
    ],
    [
      resources(
        '  Url: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !GetAtt Topic.TopicNam } }',
      ),
      '3 error: Topic (AWS::SNS::Topic) has no attribute TopicNam; did you mean TopicName?',
    ],
    [
      resources(
        `  Url: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Sub '\${Topic.Arnn}' } }`,
      ),
      '3 error: Topic (AWS::SNS::Topic) has no attribute Arnn',
    ],
    [
      resources('  Url: { Type: AWS::SSM::Parameter, Properties: { Type: String } }'),
      '3 error: Url (AWS::SSM::Parameter): required property Value is missing',
    ],
    [
      resources(
        '  Url: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Ref AWS::NoValue } }'.replace(
          'AWS::NoValue',
          "'AWS::NoValue'",
        ),
      ),
      '3 error: Url (AWS::SSM::Parameter): required property Value is missing',
    ],
    [
      resources('  Group: { Type: AWS::EC2::SecurityGroup }'),
      '3 error: Group (AWS::EC2::SecurityGroup): required property GroupDescription is missing',
    ],
    [
      resources('  Queue: { Type: AWS::SQS::Queue, DependsOn: [Topic, Topik] }'),
      '3 error: Queue depends on Topik, which is not a resource of the template; did you mean Topic?',
    ],
    [
      resources('  Queue: { Type: AWS::SQS::Queue, Condition: Prodd }\nConditions: { Prod: !Equals [a, b] }'),
      '3 error: Queue uses Prodd, which is not a condition of the template; did you mean Prod?',
    ],
    [
      resources('  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: !If [Prodd, a, b] } }'),
      '3 error: Queue uses Prodd, which is not a condition of the template',
    ],
    [
      resources('Conditions: { Both: !And [!Condition Prodd, !Equals [a, b]] }'),
      '3 error: Both uses Prodd, which is not a condition of the template',
    ],
    [
      resources('Conditions:\n  Both:\n    Fn::And:\n      - Condition: Prodd\n      - !Equals [a, b]'),
      '6 error: Both uses Prodd, which is not a condition of the template',
    ],
    [
      resources('  Queue: { Type: AWS::SQS::Queue, Properties: { QueueName: !FindInMap [Names, a, b] } }'),
      '3 error: Queue looks up Names, which is not a mapping of the template',
    ],
    [
      resources('Outputs: { Arn: { Value: !GetAtt Topik.TopicArn } }'),
      '3 error: Arn reads an attribute of Topik, which is not a resource of the template; did you mean Topic?',
    ],
  ])('%s', (text, message) => {
    expect(shown(text)).toEqual([message]);
    right += 1;
  });
});

describe('possible additions by AWS are a notice', () => {
  test.each([
    [
      resources('  New: { Type: AWS::Quantum::Computer, Properties: { Qubits: 3 } }'),
      '3 notice: New: the type AWS::Quantum::Computer is unknown to this version, so only CloudFormation can check it.',
    ],
    [
      resources('  Queue: { Type: AWS::SQS::Queue, Properties: { QueuName: a } }'),
      '3 notice: Queue (AWS::SQS::Queue): the property QueuName is unknown to this version; did you mean QueueName?',
    ],
    [
      resources(
        '  Task: { Type: AWS::ECS::TaskDefinition, Properties: { ContainerDefinitions: [{ Name: a, Image: b, Enviroment: [] }] } }',
      ),
      '3 notice: Task (AWS::ECS::TaskDefinition): the property Enviroment is unknown to this version; did you mean Environment?',
    ],
    [
      `Transform: AWS::Serverless-2016-10-31\n${resources('  Api: { Type: AWS::Serverless::Function, Properties: { Role: !GetAtt ApiRole.Arn } }')}`,
      '1 notice: The template was not checked, because only CloudFormation can expand AWS::Serverless-2016-10-31.',
    ],
    [
      resources(
        "  Queue: { Type: AWS::SQS::Queue, Properties: { 'Fn::Transform': { Name: M }, A: !Ref Added } }",
      ),
      '3 notice: The template was not checked, because only CloudFormation can expand Fn::Transform.',
    ],
    [
      resources("  'Fn::ForEach::Q': [N, !Ref Unknown, { 'Q${N}': { Type: AWS::SQS::Queue } }]"),
      '3 notice: The template was not checked, because only CloudFormation can expand Fn::ForEach::Q.',
    ],
  ])('%s', (text, message) => {
    expect(shown(text)).toEqual([message]);
    right += 1;
  });
});

describe('valid templates have no finding', () => {
  test.each([
    resources(
      "  Url: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Sub '${AWS::Region}${!Literal}${Topic}' } }",
    ),
    resources(
      "  Url: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !Sub ['${Own}', { Own: !Ref Topic }] } }",
    ),
    resources(
      '  Url: { Type: AWS::SSM::Parameter, Properties: !If [Prod, { Type: String, Value: a }, { Name: b }] }\nConditions: { Prod: !Equals [a, !Ref AWS::Region] }'.replace(
        'AWS::Region',
        "'AWS::Region'",
      ),
    ),
    resources(
      "  Url: { Type: AWS::SSM::Parameter, Properties: { Type: String, Value: !If [Prod, a, !Ref 'AWS::NoValue'] } }\nConditions: { Prod: !Equals [a, !Ref 'AWS::AccountId'] }",
    ),
    resources(
      '  Url: { Type: AWS::SSM::Parameter, Condition: Never, Properties: { Type: String } }\nConditions: { Never: !Equals [a, b] }',
    ),
    resources(
      '  Own: { Type: Custom::Thing, Properties: { ServiceToken: !Ref Topic, Any: 1 } }\nOutputs: { O: { Value: !GetAtt Own.Whatever.Deep } }',
    ),
    resources(
      '  Own: { Type: AWS::CloudFormation::CustomResource, Properties: { ServiceToken: !Ref Topic, Any: 1 } }\nOutputs: { O: { Value: !GetAtt Own.Whatever } }',
    ),
    resources(
      '  Own: { Type: Org::Team::Thing, Properties: { Any: 1 } }\nOutputs: { O: { Value: !GetAtt Own.Whatever } }',
    ),
    resources(
      '  Net: { Type: Org::Team::Net::MODULE, Properties: { Any: 1 } }\nOutputs: { O: { Value: !Ref NetVpc }, P: { Value: !GetAtt Net.Vpc.CidrBlock } }',
    ),
    resources(
      '  Child: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: x } }\nOutputs: { O: { Value: !GetAtt Child.Outputs.Vpc } }',
    ),
    resources(
      '  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }\nOutputs: { O: { Value: !GetAtt Vpc.CidrBlock } }',
    ),
    resources('  Meta: { Type: AWS::CDK::Metadata, Properties: { Analytics: x } }'),
    resources('  Wait: { Type: AWS::CloudFormation::WaitConditionHandle }'),
    `Transform: AWS::LanguageExtensions\n${resources("  'Fn::ForEach::Q': [N, [A, B], { 'Q${N}': { Type: AWS::SQS::Queue, Properties: { QueueName: !Ref N } } }]\nOutputs: { O: { Value: !GetAtt QA.Arn } }")}`,
    resources(
      '  Role: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: { Statement: [{ Condition: { StringEquals: { a: b } } }] } } }',
    ),
    resources(
      "  Fn: { Type: AWS::Lambda::Function, Properties: { Role: !Ref Topic, Code: { ZipFile: '${NotSub}' }, Environment: { Variables: { Any: x } } } }",
    ),
    resources(
      '  Queue: { Type: AWS::SQS::Queue, DependsOn: Topic, Properties: { RedrivePolicy: { anything: 1 }, Tags: [{ Key: a, Value: b }] } }',
    ),
    resources(
      'Mappings: { Names: { a: { b: c } } }\n  '.trimEnd() +
        "\nOutputs: { O: { Value: !FindInMap [Names, a, b] }, P: { Value: !FindInMap [!Ref 'AWS::Region', a, b] } }",
    ),
    JSON.stringify({
      Resources: { Q: { Type: 'AWS::SQS::Queue', Properties: { QueueName: { Ref: 'Name' } } } },
      Parameters: { Name: { Type: 'String' } },
    }),
  ])('%s', (text) => {
    expect(shown(text)).toEqual([]);
    right += 1;
  });
});

test('resources with a false condition are ignored', () => {
  const text = `Parameters: { On: { Type: String }, Stored: { Type: 'AWS::SSM::Parameter::Value<String>' } }
Conditions: { Is: !Equals [!Ref On, 'yes'], Maybe: !Equals [!Ref Stored, x] }
Resources: { A: { Type: AWS::SNS::Topic }, B: { Type: AWS::SQS::Queue, Condition: Is } }`;
  const ids = (given: string) => check(text, { On: given }).resources.map(({ logicalId }) => logicalId);
  expect(ids('yes')).toEqual(['A', 'B']);
  expect(ids('no')).toEqual(['A']);
  expect(check(text, { On: 'yes' }).exact).toBe(true);
  expect(check(text.replace('Condition: Is', 'Condition: Maybe'), { On: 'yes' }).exact).toBe(false);
});

test('without schemas, types and properties are not checked', () => {
  const text = resources('  Url: { Type: AWS::SSM::Parameter, Properties: { Typ: !Ref Topicc } }');
  expect(checkTemplate(readTemplateDocument(text), GIVEN).findings.map(({ message }) => message)).toEqual([
    'Url refers to Topicc, which is neither a parameter nor a resource of the template; did you mean Topic?',
  ]);
});

test('the schemas are those of the installed specification: run `npm run schemas`', () => {
  const { version } = JSON.parse(
    readFileSync('node_modules/@aws-cdk/aws-service-spec/package.json', 'utf8'),
  ) as { version: string };
  const [header] = readFileSync('src/cloudformation/template/resource-schemas.ts', 'utf8').split('\n');
  expect(header).toContain(`@aws-cdk/aws-service-spec ${version};`);
});

/** Every template below these folders, by path. */
function templates(): [file: string, text: string][] {
  return ['templates', 'sandbox', 'test'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(?:ya?ml|json|template)$/.test(entry.name))
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((file) => !file.includes('node_modules') && !file.startsWith('test/situations/'))
      .map((file): [string, string] => [file, readFileSync(file, 'utf8')])
      .filter(([, text]) => /^(?:Resources|\s*"Resources"):/m.test(text)),
  );
}

test('no template of the repository is refused', () => {
  const all = templates();
  const refused = all.flatMap(([file, text]) =>
    check(text)
      .findings.filter(({ level }) => level === 'error')
      .map(({ message, line }) => `${file}:${line}: ${message}`),
  );
  console.log(`Template check: ${all.length} templates, ${refused.length} refused`);
  expect(refused).toEqual([]);
  expect(all.length).toBeGreaterThanOrEqual(60);
});
