import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import {
  checkTemplateSize,
  loadTemplate,
  templateSource,
} from '../../../../src/cloudformation/template/template.ts';
import {
  readTemplateDocument,
  TemplateSyntaxError,
} from '../../../../src/cloudformation/template/document.ts';
import { objectUrl } from '../../../../src/cloudformation/package/artifacts.ts';
import { awsError, fail, fakeAws, templateOf } from '../aws.ts';

let workspace: string;
beforeAll(() => {
  workspace = mkdtempSync(join(tmpdir(), 'templates-'));
});
afterAll(() => {
  rmSync(workspace, { recursive: true });
});
const write = (name: string, text: string): string => {
  writeFileSync(join(workspace, name), text);
  return name;
};

const YAML = `AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  VpcCidr:
    Type: String
    Default: 10.0.0.0/16
  DbPassword:
    Type: String
    NoEcho: true
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    DeletionPolicy: Retain
    UpdateReplacePolicy: Snapshot
    Properties:
      CidrBlock: !Ref VpcCidr
      Tags:
        - Key: Name
          Value: !Sub '\${AWS::StackName}-vpc'
  Role:
    Type: AWS::IAM::Role
    DeletionPolicy: !If [Prod, Retain, Delete]
    Properties:
      AssumeRolePolicyDocument:
        Condition:
          StringEquals:
            token.actions.githubusercontent.com:aud: sts.amazonaws.com
  'Fn::ForEach::Topics':
    - Name
    - [A, B]
    - Topic\${Name}: { Type: 'AWS::SNS::Topic' }
`;

describe('readTemplateDocument', () => {
  const document = readTemplateDocument(YAML);

  test('reads parameters', () => {
    expect(document.parameters).toEqual({
      VpcCidr: { type: 'String', noEcho: false, hasDefault: true },
      DbPassword: { type: 'String', noEcho: true, hasDefault: false },
    });
  });

  test('reads resources, and policies only if they are plain text', () => {
    expect(document.resources).toEqual({
      Vpc: { type: 'AWS::EC2::VPC', deletionPolicy: 'Retain', updateReplacePolicy: 'Snapshot' },
      Role: { type: 'AWS::IAM::Role' },
    });
  });

  test.each([
    ['Vpc', 10],
    ['Resources', 9],
    ['Resources.Vpc', 10],
    ['Vpc.Properties.CidrBlock', 15],
    ['Resources.Vpc.Properties.Tags.0.Value', 18],
    ['Resources.Vpc.Properties.NotThere', 14],
    ['Resources.Vpc.Properties.Tags.7', 16],
    ['Parameters.DbPassword', 6],
    [
      'Role.Properties.AssumeRolePolicyDocument.Condition.StringEquals.token.actions.githubusercontent.com:aud',
      26,
    ],
    ['Nothing', undefined],
    ['Resources.Nothing.Properties', undefined],
    ['Parameters.Nothing', undefined],
    ['', undefined],
  ])('%s is on line %s', (path, line) => {
    expect(document.lineOf(path)).toBe(line);
  });

  test('reads JSON with tabs, a byte order mark and Windows line endings', () => {
    const json =
      '\uFEFF{\r\n\t"Parameters": {"A": {"Type": "Number", "NoEcho": "TRUE"}},\r\n\t"Resources": {\r\n\t\t"Q": {"Type": "AWS::SQS::Queue"}\r\n\t}\r\n}';
    const read = readTemplateDocument(json);
    expect(read.parameters).toEqual({ A: { type: 'Number', noEcho: true, hasDefault: false } });
    expect(read.resources).toEqual({ Q: { type: 'AWS::SQS::Queue' } });
    expect(read.lineOf('Q')).toBe(4);
  });

  test.each([
    ['Resources:\n  A: [', 2],
    ['just text', 1],
    ['', 1],
    ['- a\n- b', 1],
  ])('%j does not parse', (text, line) => {
    expect(() => readTemplateDocument(text)).toThrow(TemplateSyntaxError);
    try {
      readTemplateDocument(text);
    } catch (error) {
      expect(error).toMatchObject({ line });
    }
  });
});

describe('loadTemplate', () => {
  test('returns the text, its hash and its lines without a call to AWS', async () => {
    const { context, calls } = fakeAws({});
    const template = await loadTemplate(context, write('app.yml', YAML), workspace);
    expect(template).toMatchObject({ file: 'app.yml', body: YAML });
    expect(template.hash).toMatch(/^[0-9a-f]{64}$/);
    expect(template.lineOf('Vpc')).toBe(10);
    expect(calls).toEqual([]);
  });

  test('a file that is missing is named', async () => {
    const { context } = fakeAws({});
    await expect(loadTemplate(context, 'missing.yml', workspace)).rejects.toThrow(
      /^template: cannot read "missing.yml" \(no such file\)/,
    );
  });

  const BROKEN = 'Resources:\n  A: {\n';
  const refused = () => fail(awsError('ValidationError', 'Template format error: YAML not well-formed.'));

  test('an invalid file is annotated on its line with both reasons', async () => {
    const { context, lines, inputs } = fakeAws({ GetTemplateSummary: refused });
    const name = write('broken.yml', BROKEN);
    await expect(loadTemplate(context, name, workspace)).rejects.toThrow(
      /^template: expected YAML or JSON \(broken\.yml:3\)\. .* CloudFormation: "Template format error: YAML not well-formed."$/,
    );
    expect(inputs('GetTemplateSummary')).toEqual([{ TemplateBody: BROKEN }]);
    context.annotations.flush(context.log);
    expect(lines.join('\n')).toMatch(/^::error .*file=broken.yml,line=3/);
  });

  test('a file that only CloudFormation can parse is left to it', async () => {
    const { context, lines } = fakeAws({
      GetTemplateSummary: () => ({ Parameters: [{ ParameterKey: 'A', ParameterType: 'Number' }] }),
    });
    const template = await loadTemplate(context, write('broken.yml', BROKEN), workspace);
    expect(template).toMatchObject({
      file: 'broken.yml',
      body: BROKEN,
      parameters: { A: { type: 'Number', noEcho: false, hasDefault: false } },
    });
    expect(lines.join('\n')).toMatch(/^::notice file=broken.yml,line=3.*Only CloudFormation can parse/);
  });

  test('without permission to validate, our own reason is shown with the permission', async () => {
    const { context, lines } = fakeAws({
      GetTemplateSummary: () => fail(awsError('AccessDenied', 'not authorized', 403)),
    });
    const loading = loadTemplate(context, write('broken.yml', BROKEN), workspace);
    await expect(loading).rejects.toThrow(/^template: expected YAML or JSON \(broken\.yml:3\)/);
    expect(lines.join('\n')).toMatch(/Allow cloudformation:GetTemplateSummary/);
  });

  test('an endpoint failure is not reported as an invalid template', async () => {
    const { context } = fakeAws({
      GetTemplateSummary: () => fail(awsError('InternalFailure', 'out of order', 500)),
    });
    const loading = loadTemplate(context, write('broken.yml', BROKEN), workspace);
    await expect(loading).rejects.toThrow(/out of order/);
  });

  test('scalars that CloudFormation interprets unexpectedly are a warning on their line', async () => {
    const { context, lines } = fakeAws({});
    await loadTemplate(context, write('twice.yml', `${YAML}  Vpc: { Type: AWS::EC2::VPC }\n`), workspace);
    context.annotations.flush(context.log);
    expect(lines.join('\n')).toMatch(/^::warning .*file=twice.yml,line=31.*also defined on line 10/);
  });

  test('a byte order mark is not submitted', async () => {
    const { context } = fakeAws({});
    expect((await loadTemplate(context, write('bom.yml', `\uFEFF${YAML}`), workspace)).body).toBe(YAML);
  });

  test.each([
    ['TemplateURL: nested/db.yml', true],
    ['TemplateURL: ./db.yml', true],
    ['TemplateURL: https://bucket.s3.amazonaws.com/db.yml', false],
    ['TemplateURL: !Sub https://${Bucket}/db.yml', false],
    ["TemplateURL: '{{resolve:ssm:/templates/db}}'", false],
    ['TemplateURL: !Ref Url', false],
    ['TemplateURL: {"Fn::Sub": "x"}', false],
  ])('a nested stack with %s needs a bucket: %s', async (property, refused) => {
    const { context } = fakeAws({});
    const body = `Resources:\n  Db:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      ${property}\n`;
    const loading = loadTemplate(context, write('parent.yml', body), workspace);
    if (refused) await expect(loading).rejects.toThrow(/^artifact-bucket: .* Db.TemplateURL .*parent.yml:5/);
    else await expect(loading).resolves.toBeDefined();
  });

  test.each([
    ['https://b.s3.eu-west-1.amazonaws.com/a.yml', 'https://b.s3.eu-west-1.amazonaws.com/a.yml'],
    ['s3://b/path/a b.yml', 'https://b.s3.eu-west-1.amazonaws.com/path/a%20b.yml'],
  ])('%s is read by CloudFormation', async (source, url) => {
    const { context, inputs } = fakeAws({
      GetTemplateSummary: () => ({
        Parameters: [
          { ParameterKey: 'A', ParameterType: 'Number', DefaultValue: '1' },
          { ParameterKey: 'B', ParameterType: 'String', NoEcho: true },
        ],
      }),
    });
    const template = await loadTemplate(context, source, workspace);
    expect(inputs('GetTemplateSummary')).toEqual([{ TemplateURL: url }]);
    expect(template).toMatchObject({
      url,
      parameters: {
        A: { type: 'Number', noEcho: false, hasDefault: true },
        B: { type: 'String', noEcho: true, hasDefault: false },
      },
    });
    expect(template.body).toBeUndefined();
  });

  test.each(['http://b/a.yml', 's3://bucket-only'])('%s is refused', async (source) => {
    const { context } = fakeAws({});
    await expect(loadTemplate(context, source, workspace)).rejects.toThrow(/^template: /);
  });
});

describe('the size of a template', () => {
  const sized = (bytes: number) => ({ ...templateOf('Resources: {}'), body: 'é'.repeat(bytes / 2) });

  test.each([
    [51_200, undefined, undefined],
    [51_202, undefined, /artifact-bucket: .*app.yml.*51202 bytes.*51200/],
    [51_202, 'bucket', undefined],
    [1_048_578, 'bucket', /at most 1048576 bytes/],
  ])('%d bytes with the bucket %s', (bytes, bucket, error) => {
    const check = () => {
      checkTemplateSize(sized(bytes), bucket);
    };
    if (error) expect(check).toThrow(error);
    else expect(check).not.toThrow();
  });

  test('a small one is sent in the request, one at a URL by its URL', async () => {
    const { context } = fakeAws({});
    const small = templateOf('Resources: {}');
    const inputs = { command: 'deploy', stackName: 'app', artifactBucket: 'bucket' } as const;
    expect(await templateSource(context, small, inputs)).toEqual({ TemplateBody: 'Resources: {}' });
    const { hash, parameters, resources } = small;
    const remote = {
      hash,
      parameters,
      resources,
      url: 'https://x',
      lineOf: () => undefined,
      locate: () => ({}),
    };
    expect(await templateSource(context, remote, inputs)).toEqual({
      TemplateURL: 'https://x',
    });
  });
});

test.each([
  ['bucket', 'eu-west-1', 'https://bucket.s3.eu-west-1.amazonaws.com/platform/app/1.yml'],
  ['my.bucket', 'eu-west-1', 'https://s3.eu-west-1.amazonaws.com/my.bucket/platform/app/1.yml'],
  ['bucket', 'cn-north-1', 'https://bucket.s3.cn-north-1.amazonaws.com.cn/platform/app/1.yml'],
])('the URL of an object in %s in %s', (bucket, region, url) => {
  expect(objectUrl(bucket, 'platform/app/1.yml', region)).toBe(url);
});
