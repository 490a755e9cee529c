import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { checkLocalPaths } from '../../../../src/cloudformation/package/check.ts';
import { packageTemplate } from '../../../../src/cloudformation/package/package.ts';
import { readTemplateDocument } from '../../../../src/cloudformation/template/document.ts';

let workspace: string;
beforeAll(() => {
  workspace = mkdtempSync(join(tmpdir(), 'package-'));
  mkdirSync(join(workspace, 'stacks/src'), { recursive: true });
  write('stacks/src/index.js', 'exports.handler = 1');
  write('stacks/one.txt', 'one file');
  write('stacks/child.yml', 'Resources: {}\n');
});
afterAll(() => {
  rmSync(workspace, { recursive: true });
});
const write = (name: string, text: string): void => {
  writeFileSync(join(workspace, name), text);
};

const REQUEST = { file: 'stacks/app.yml', artifactBucket: 'bucket', region: 'eu-west-1' };

function packaged(template: string) {
  const document = readTemplateDocument(template);
  const given = { ...REQUEST, workspace };
  const findings = checkLocalPaths(document, given);
  if (findings.length > 0) return { findings, text: template, artifacts: [] };
  return { findings, ...packageTemplate(document, given) };
}

/** The properties of the resource after packaging. */
function propertiesOf(type: string, properties: object): unknown {
  const { text, findings } = packaged(
    JSON.stringify({ Resources: { It: { Type: type, Properties: properties } } }),
  );
  expect(findings).toEqual([]);
  const { Resources } = parse(text) as { Resources: { It: { Properties: unknown } } };
  return Resources.It.Properties;
}

const key = (extension: string) =>
  expect.stringMatching(new RegExp(`^platform/artifacts/[0-9a-f]{64}\\.${extension}$`));
const url = (extension: string) =>
  expect.stringMatching(new RegExp(`^s3://bucket/platform/artifacts/[0-9a-f]{64}\\.${extension}$`));
const template = expect.stringMatching(
  /^https:\/\/bucket\.s3\.eu-west-1\.amazonaws\.com\/platform\/artifacts\/[0-9a-f]{64}\.yml$/,
);
const object = (extension: string) => ({ Bucket: 'bucket', Key: key(extension) });
const s3Object = (extension: string) => ({ S3Bucket: 'bucket', S3Key: key(extension) });

/** Type, property, result for a folder, result for a file. */
const PROPERTIES: [string, string, unknown, unknown][] = [
  // RESOURCES_EXPORT_LIST of awscli/customizations/cloudformation/artifact_exporter.py, awscli 1.46
  ['AWS::Serverless::Function', 'CodeUri', url('zip'), url('zip')],
  ['AWS::Serverless::Api', 'DefinitionUri', url('zip'), url('txt')],
  ['AWS::AppSync::GraphQLSchema', 'DefinitionS3Location', url('zip'), url('txt')],
  ['AWS::AppSync::Resolver', 'RequestMappingTemplateS3Location', url('zip'), url('txt')],
  ['AWS::AppSync::Resolver', 'ResponseMappingTemplateS3Location', url('zip'), url('txt')],
  ['AWS::AppSync::FunctionConfiguration', 'RequestMappingTemplateS3Location', url('zip'), url('txt')],
  ['AWS::AppSync::FunctionConfiguration', 'ResponseMappingTemplateS3Location', url('zip'), url('txt')],
  ['AWS::ApiGateway::RestApi', 'BodyS3Location', object('zip'), object('txt')],
  ['AWS::Lambda::Function', 'Code', s3Object('zip'), s3Object('zip')],
  ['AWS::ElasticBeanstalk::ApplicationVersion', 'SourceBundle', s3Object('zip'), s3Object('txt')],
  ['AWS::Serverless::LayerVersion', 'ContentUri', url('zip'), url('zip')],
  ['AWS::Lambda::LayerVersion', 'Content', s3Object('zip'), s3Object('zip')],
  ['AWS::Glue::Job', 'Command.ScriptLocation', url('zip'), url('txt')],
  ['AWS::StepFunctions::StateMachine', 'DefinitionS3Location', object('zip'), object('txt')],
  ['AWS::Serverless::StateMachine', 'DefinitionUri', object('zip'), object('txt')],
  ['AWS::CodeCommit::Repository', 'Code.S3', object('zip'), object('zip')],
  // Additional ones in RESOURCES_WITH_LOCAL_PATHS of samcli/lib/utils/resources.py.
  ['AWS::Serverless::HttpApi', 'DefinitionUri', url('zip'), url('txt')],
  ['AWS::ApiGatewayV2::Api', 'BodyS3Location', object('zip'), object('txt')],
  ['AWS::AppSync::Resolver', 'CodeS3Location', url('zip'), url('txt')],
  ['AWS::AppSync::FunctionConfiguration', 'CodeS3Location', url('zip'), url('txt')],
  ['AWS::CloudFormation::ModuleVersion', 'ModulePackage', url('zip'), url('txt')],
  ['AWS::CloudFormation::ResourceVersion', 'SchemaHandlerPackage', url('zip'), url('txt')],
];

const nest = (path: string, value: unknown): object => {
  const [first = '', ...rest] = path.split('.');
  return { [first]: rest.length === 0 ? value : nest(rest.join('.'), value) };
};

describe.each(PROPERTIES)('%s %s', (type, path, folder, file) => {
  test('accepts a folder', () => {
    expect(propertiesOf(type, nest(path, './src'))).toEqual(nest(path, folder));
  });

  test('accepts a file', () => {
    expect(propertiesOf(type, nest(path, 'one.txt'))).toEqual(nest(path, file));
  });

  test.each([
    ['an object', { S3Bucket: 'b', S3Key: 'k' }],
    ['a function', { Ref: 'Code' }],
    ['a dynamic reference', '{{resolve:ssm:/code}}'],
    ['a URL', 'https://example.com/code.zip'],
    ['nothing', ''],
  ])('does not change %s', (_name, value) => {
    expect(propertiesOf(type, nest(path, value))).toEqual(nest(path, value));
  });

  test('is not added if it is absent', () => {
    expect(propertiesOf(type, { Name: 'x' })).toEqual({ Name: 'x' });
  });
});

test.each([
  ['AWS::CloudFormation::Stack', 'TemplateURL'],
  ['AWS::Serverless::Application', 'Location'],
])('%s %s accepts a template', (type, path) => {
  expect(propertiesOf(type, nest(path, 'child.yml'))).toEqual(nest(path, template));
  expect(propertiesOf(type, nest(path, 's3://b/child.yml'))).toEqual(nest(path, 's3://b/child.yml'));
});

test.each([
  ['AWS::Lambda::Function', 'Code', { S3Bucket: 'b', S3Key: 'a/k.zip', S3ObjectVersion: 'v1' }],
  ['AWS::CodeCommit::Repository', 'Code.S3', { Bucket: 'b', Key: 'a/k.zip', ObjectVersion: 'v1' }],
  ['AWS::ApiGateway::RestApi', 'BodyS3Location', { Bucket: 'b', Key: 'a/k.zip', Version: 'v1' }],
  ['AWS::ElasticBeanstalk::ApplicationVersion', 'SourceBundle', { S3Bucket: 'b', S3Key: 'a/k.zip' }],
  ['AWS::Serverless::Function', 'CodeUri', 's3://b/a/k.zip?versionId=v1'],
])('%s %s accepts an object by its URL', (type, path, expected) => {
  expect(propertiesOf(type, nest(path, 's3://b/a/k.zip?versionId=v1'))).toEqual(nest(path, expected));
});

describe('elsewhere in a template', () => {
  test.each<[string, string, RegExp]>([
    [
      'Metadata',
      'Metadata:\n  AWS::ServerlessRepo::Application:\n    LicenseUrl: one.txt\nResources: {}\n',
      /LicenseUrl: "s3:/,
    ],
    [
      'Metadata',
      'Metadata:\n  AWS::ServerlessRepo::Application:\n    ReadmeUrl: one.txt\nResources: {}\n',
      /ReadmeUrl: "s3:/,
    ],
    ['Globals', 'Globals:\n  Function:\n    CodeUri: src\nResources: {}\n', /CodeUri: "s3:.*zip"/],
    ['Globals', 'Globals:\n  Api:\n    DefinitionUri: one.txt\nResources: {}\n', /DefinitionUri: "s3:.*txt"/],
    [
      'a transform at the top',
      'Transform:\n  Name: AWS::Include\n  Parameters:\n    Location: one.txt\nResources: {}\n',
      /Location: "s3:.*txt"/,
    ],
    [
      'transforms in a list',
      'Transform:\n  - AWS::Serverless-2016-10-31\n  - Name: AWS::Include\n    Parameters: { Location: one.txt }\nResources: {}\n',
      /Location: "s3:.*txt" }/,
    ],
    [
      'a transform of a resource',
      'Resources:\n  Fn::Transform:\n    Name: AWS::Include\n    Parameters:\n      Location: one.txt\n',
      /Location: "s3:.*txt"/,
    ],
    [
      'a transform in its short form',
      'Resources:\n  A:\n    Type: T\n    Properties: !Transform { Name: AWS::Include, Parameters: { Location: one.txt } }\n',
      /Location: "s3:.*txt" } }/,
    ],
    [
      'a loop',
      'Resources:\n  Fn::ForEach::F:\n    - N\n    - [a, b]\n    - F${N}:\n        Type: AWS::Lambda::Function\n        Properties: { Code: src }\n',
      /Code: { "S3Bucket": "bucket", "S3Key": ".*zip" } }/,
    ],
  ])('%s', (_name, text, expected) => {
    const result = packaged(text);
    expect(result.findings).toEqual([]);
    expect(result.text).toMatch(expected);
    expect(result.text.split('\n')).toHaveLength(text.split('\n').length);
  });

  test.each([
    ['another macro', 'Transform: { Name: Mine, Parameters: { Location: one.txt } }\nResources: {}\n'],
    ['another type', 'Resources:\n  A: { Type: AWS::SNS::Topic, Properties: { Code: src } }\n'],
    [
      'a function in its short form',
      'Resources:\n  A: { Type: AWS::Lambda::Function, Properties: { Code: !Ref src } }\n',
    ],
    [
      'a choice',
      'Resources:\n  A: { Type: AWS::Lambda::Function, Properties: { Code: !If [c, src, src] } }\n',
    ],
    [
      'code in the template',
      'Resources:\n  A: { Type: AWS::Lambda::Function, Properties: { Code: { ZipFile: src } } }\n',
    ],
  ])('%s is not changed', (_name, text) => {
    expect(packaged(text)).toMatchObject({ findings: [], text, artifacts: [] });
  });
});
