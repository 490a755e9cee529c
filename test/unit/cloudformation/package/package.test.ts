import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { unzipSync, zipSync } from 'fflate';
import { sha256 } from '../../../../src/core/canonical.ts';
import { zip } from '../../../../src/cloudformation/package/archive.ts';
import { checkLocalPaths } from '../../../../src/cloudformation/package/check.ts';
import { packageTemplate } from '../../../../src/cloudformation/package/package.ts';
import { readTemplateDocument } from '../../../../src/cloudformation/template/document.ts';

let workspace: string;
beforeEach(() => {
  workspace = mkdtempSync(join(tmpdir(), 'package-'));
});
afterEach(() => {
  rmSync(workspace, { recursive: true });
});

function write(name: string, text: string | Uint8Array = name): string {
  const path = join(workspace, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

const functionOf = (code: string): string =>
  `Resources:\n  Handler:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code: ${code}\n      Runtime: nodejs24.x\n`;
const stackOf = (url: string): string =>
  `Resources:\n  Child:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: ${url}\n`;

function check(text: string, request: object = {}): string[] {
  const given = { file: 'app.yml', workspace, artifactBucket: 'bucket', ...request };
  return checkLocalPaths(readTemplateDocument(text), given).map(
    ({ level, input, message, file, line }) => `${level} ${input} ${file}:${line} ${message}`,
  );
}

function packaged(text: string) {
  const request = { file: 'app.yml', workspace, artifactBucket: 'bucket', region: 'eu-west-1' };
  return packageTemplate(readTemplateDocument(text), request);
}

describe('an archive', () => {
  test('is the same for the same content, whatever the order, the times and the modes of the files', () => {
    for (const [folder, names] of [
      ['one', ['b/2.js', 'a.js', 'ä.js']],
      ['two', ['ä.js', 'a.js', 'b/2.js']],
    ] as const) {
      for (const name of names) writeFileSync(write(`${folder}/${name}`, name), name);
    }
    utimesSync(join(workspace, 'two/a.js'), 1, 1);
    chmodSync(join(workspace, 'two/a.js'), 0o600);
    const [one, two] = [zip(join(workspace, 'one')), zip(join(workspace, 'two'))];
    expect(sha256(two)).toBe(sha256(one));
    expect(Object.keys(unzipSync(one))).toEqual(['a.js', 'b/2.js', 'ä.js']);
    // A changed hash results in a changed S3Key for every user: every function would be deployed again.
    expect(sha256(one)).toMatchInlineSnapshot(
      `"5eb6c669bc380d598d00851e93a66c5bfa51da2356b477c746652b41563e82f3"`,
    );
  });

  test('keeps the executable bit', () => {
    chmodSync(write('src/run.sh'), 0o744);
    write('src/plain.txt');
    const bytes = zip(join(workspace, 'src'));
    const modes = [...bytes.toString('latin1').matchAll(/PK\u0001\u0002/g)].map(({ index }) =>
      (bytes.readUInt32LE(index + 38) >>> 16).toString(8),
    );
    expect(modes).toEqual(['100644', '100755']);
  });

  test('follows links, and leaves empty folders out', () => {
    write('shared/lib.js', 'lib');
    write('src/index.js');
    mkdirSync(join(workspace, 'src/empty'));
    symlinkSync('../shared', join(workspace, 'src/lib'));
    symlinkSync('index.js', join(workspace, 'src/main.js'));
    const files = unzipSync(zip(join(workspace, 'src')));
    expect(Object.keys(files)).toEqual(['index.js', 'lib/lib.js', 'main.js']);
    expect(Buffer.from(files['lib/lib.js'] ?? []).toString()).toBe('lib');
  });

  test.each<[string, string, RegExp]>([
    ['a broken link', 'none', /link cannot be read \(ENOENT\)/],
    ['a link to itself', 'link', /link cannot be read \(ELOOP\)/],
    ['a link to its folder', '..', /link\/.* is a symbolic link to one of its parent folders/],
  ])('%s is refused', (_name, target, message) => {
    write('src/index.js');
    symlinkSync(target, join(workspace, 'src/link'));
    expect(() => zip(join(workspace, 'src'))).toThrow(message);
  });

  test('an empty folder is refused', () => {
    mkdirSync(join(workspace, 'src'));
    expect(() => zip(join(workspace, 'src'))).toThrow(/it contains no files/);
  });
});

describe('a packaged path', () => {
  test('a zip archive is uploaded as it is', () => {
    const archive = zipSync({ 'index.js': Buffer.from('1') });
    write('code.zip', archive);
    const { artifacts, text } = packaged(functionOf('code.zip'));
    expect(artifacts.map(({ key, bytes }) => [key, Buffer.compare(bytes, archive)])).toEqual([
      [`platform/artifacts/${sha256(archive)}.zip`, 0],
    ]);
    expect(text).toContain(
      `Code: { "S3Bucket": "bucket", "S3Key": "platform/artifacts/${sha256(archive)}.zip" }`,
    );
  });

  test('a single file of a function is zipped under its own name', () => {
    write('index.py', 'x');
    const [artifact] = packaged(functionOf('index.py')).artifacts;
    expect(Object.keys(unzipSync(artifact?.bytes ?? Buffer.alloc(0)))).toEqual(['index.py']);
  });

  test('the same content is one artifact', () => {
    write('a/index.js', 'x');
    write('b/index.js', 'x');
    const both = `${functionOf('a')}${functionOf('b').replace('Resources:\n', '').replace('Handler', 'Other')}`;
    expect(packaged(both).artifacts).toHaveLength(1);
  });

  test.each([
    ['a comment', 'src # why'],
    ['quotes', '"src"'],
    ['a block', '|\n        src'],
    ['a folded block', '>-\n        src'],
    ['a text with two lines', '"./\\\n        src"'],
    ['an anchor', '&code src'],
  ])('%s: all other lines are unchanged', (_name, written) => {
    write('src/index.js');
    const text = functionOf(written);
    const result = packaged(text).text;
    expect(result.split('\n').length).toBe(text.split('\n').length);
    expect(result.split('\n').indexOf('      Runtime: nodejs24.x')).toBe(
      text.split('\n').indexOf('      Runtime: nodejs24.x'),
    );
    const document = readTemplateDocument(result);
    expect(document.node(['Resources', 'Handler', 'Properties', 'Code', 'S3Bucket'])).toMatchObject({
      value: 'bucket',
    });
  });

  test('JSON stays JSON', () => {
    write('src/index.js');
    const text = JSON.stringify(
      { Resources: { F: { Type: 'AWS::Lambda::Function', Properties: { Code: 'src', Runtime: 'x' } } } },
      undefined,
      2,
    );
    const result = packaged(text).text;
    expect(JSON.parse(result)).toMatchObject({
      Resources: { F: { Properties: { Code: { S3Bucket: 'bucket' } } } },
    });
  });

  test('nested templates are packaged with their own paths, each relative to its template', () => {
    write('nested/a/deep/child.yml', functionOf('../../src'));
    write('nested/a/middle.yml', stackOf('deep/child.yml'));
    write('nested/src/index.js');
    const { artifacts, text } = packaged(stackOf('nested/a/middle.yml'));
    expect(artifacts.map(({ name }) => name)).toEqual([
      'Handler.Code',
      'Child.TemplateURL',
      'Child.TemplateURL',
    ]);
    const [code, child, middle] = artifacts;
    expect(child?.bytes.toString()).toContain(code?.key);
    expect(middle?.bytes.toString()).toContain(child?.key);
    expect(text).toContain(middle?.key);
  });
});

test('packages the output of sam build', () => {
  write('.aws-sam/build/HelloWorldFunction/app.js', 'exports.lambdaHandler = 1');
  write('.aws-sam/build/Shared/nodejs/lib.js', 'lib');
  const template = `AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Timeout: 3
Resources:
  HelloWorldFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: HelloWorldFunction
      Handler: app.lambdaHandler
      Runtime: nodejs24.x
    Metadata:
      SamResourceId: HelloWorldFunction
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties:
      ContentUri: Shared
`;
  const request = {
    file: '.aws-sam/build/template.yaml',
    workspace,
    artifactBucket: 'bucket',
    region: 'eu-west-1',
  };
  const document = readTemplateDocument(template);
  expect(checkLocalPaths(document, { ...request, capabilities: ['CAPABILITY_IAM'] })).toEqual([]);
  const { text, artifacts } = packageTemplate(document, request);
  expect(artifacts.map(({ name }) => name).toSorted()).toEqual([
    'HelloWorldFunction.CodeUri',
    'Shared.ContentUri',
  ]);
  for (const { name, key } of artifacts)
    expect(text).toContain(`${name.split('.')[1]}: "s3://bucket/${key}"`);
});

describe('what cannot be packaged', () => {
  test.each<[string, string, object, RegExp]>([
    [
      'no bucket',
      functionOf('src'),
      { artifactBucket: undefined },
      /^error artifact-bucket app.yml:5 expected a bucket, because Handler.Code has the local path "src"$/,
    ],
    [
      'no file',
      functionOf('none'),
      {},
      /^error template app.yml:5 Handler.Code: expected a file or folder relative to the template, got "none", which/,
    ],
    [
      'a folder outside',
      functionOf('../..'),
      {},
      /^error template app.yml:5 Handler.Code: expected a path in the workspace, got "\.\.\/\.\."$/,
    ],
    [
      'an absolute path outside',
      functionOf('/etc/hosts'),
      {},
      /expected a path in the workspace, got "\/etc\/hosts"/,
    ],
    [
      'an empty folder',
      functionOf('empty'),
      {},
      /Handler.Code: cannot package "empty": it contains no files$/,
    ],
    [
      'a folder as a template',
      stackOf('empty'),
      {},
      /Child.TemplateURL: expected a file, got "empty", a folder$/,
    ],
    [
      'no template',
      stackOf('none.yml'),
      {},
      /Child.TemplateURL: expected a file relative to the template, got "none.yml", which/,
    ],
    [
      'a template in itself',
      stackOf('app.yml'),
      {},
      /Child.TemplateURL: expected another template, got "app.yml"/,
    ],
    [
      'a path in a nested template',
      stackOf('child.yml'),
      {},
      /^error template child.yml:5 Handler.Code: expected a file or folder relative to the template, got "none"/,
    ],
    [
      'a template that nests it back',
      stackOf('back.yml'),
      {},
      /^error template back.yml:5 Child.TemplateURL: expected another template/,
    ],
    [
      'a nested transform',
      stackOf('sam.yml'),
      { capabilities: ['CAPABILITY_IAM'] },
      /^error capabilities app.yml:5 expected CAPABILITY_AUTO_EXPAND, .* sam.yml has a transform$/,
    ],
    [
      'a nested macro',
      stackOf('macro.yml'),
      { capabilities: [] },
      /^error capabilities app.yml:5 .* macro.yml has a transform$/,
    ],
    [
      'a nested template that cannot be parsed',
      stackOf('broken.yml'),
      {},
      /^notice template broken.yml:1 This template could not be parsed/,
    ],
    [
      'a warning in a nested template',
      stackOf('twice.yml'),
      {},
      /^warning template twice.yml:2 Duplicate key Resources, also defined on line 1/,
    ],
  ])('%s', (_name, text, request, expected) => {
    write('app.yml', text);
    mkdirSync(join(workspace, 'empty'));
    write('child.yml', functionOf('none'));
    write('back.yml', stackOf('app.yml'));
    write('sam.yml', 'Transform: AWS::Serverless-2016-10-31\nResources: {}\n');
    write('macro.yml', 'Resources:\n  A: { Type: T, Properties: !Transform { Name: Mine } }\n');
    write('broken.yml', 'a: [');
    write('twice.yml', 'Resources: {}\nResources: {}\n');
    expect(check(text, request)).toEqual([expect.stringMatching(expected)]);
  });

  test('what is too large for Lambda is a warning', () => {
    truncateSync(write('src/large.bin'), 251 * 1024 * 1024);
    write('src/index.js');
    expect(check(functionOf('src'))).toEqual([
      "warning template app.yml:5 Handler.Code is 263.2 MB unzipped. Lambda's limit is 262.1 MB, including layers.",
    ]);
    expect(check(functionOf('src').replace('Lambda::Function', 'CodeCommit::Repository'))).toEqual([]);
  });

  test.each<[string, string, object]>([
    ['an acknowledged transform', stackOf('sam.yml'), { capabilities: ['CAPABILITY_AUTO_EXPAND'] }],
    [
      'a transform of the template itself',
      `Transform: AWS::Serverless-2016-10-31\n${functionOf('src')}`,
      { capabilities: [] },
    ],
    [
      'a folder next to a template outside of the workspace',
      functionOf('src'),
      { file: '/tmp/none/../../tmp/app.yml' },
    ],
  ])('%s is not packaged', (_name, text, request) => {
    write('sam.yml', 'Transform: AWS::Serverless-2016-10-31\nResources: {}\n');
    write('src/index.js');
    const file = 'file' in request ? { file: join(workspace, 'app.yml'), workspace: '/nowhere' } : {};
    expect(check(text, { ...request, ...file })).toEqual([]);
  });
});
