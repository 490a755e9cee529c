import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@jest/globals';
import { useWorkspaces } from '../support/action.ts';
import { testWithTool } from '../support/software.ts';
import { tools } from '../support/tools/tools.ts';
import { pythonScript } from '../support/tools/venv.ts';

interface Check {
  check_id: string;
  check_name: string;
  file_path: string;
  resource: string;
  check_result: { suppress_comment?: string };
}
interface Report {
  summary: { passed: number; failed: number; parsing_errors: number };
  results: { failed_checks: Check[]; skipped_checks: Check[] };
}

const test = testWithTool('checkov');
const workspaceOf = useWorkspaces();

/** checkov's findings in the templates of a folder, without its vendor's platform. */
function check(folder: string): Report {
  const [python, script] = pythonScript(tools.checkov(), 'checkov');
  const args = ['--framework', 'cloudformation', '--skip-download', '--compact', '--output', 'json'];
  const run = spawnSync(python, [...script, ...args, '--directory', folder], {
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  // 1: some check failed.
  if (run.status === null || run.status > 1) throw new Error(`checkov: ${run.stderr}`);
  const report = JSON.parse(run.stdout) as Report;
  expect(report.summary).toMatchObject({ parsing_errors: 0 });
  return report;
}

/** A template with its loops expanded for one item, including comments: checkov skips `Fn::ForEach`. */
function withoutLoops(text: string): string {
  const loop =
    /^ *Fn::ForEach::\w+:\n *- (\w+)\n *- .+\n( *)- ([\w&{}$]+):\n((?:(?: *\n)|(?:\2 {2,}.*\n))*)/gm;
  return text.replace(loop, (_, name: string, indent: string, key: string, body: string) => {
    const each = (part: string): string => part.replaceAll(new RegExp(`[$&]\\{${name}\\}`, 'g'), 'Each');
    const lines = body.replaceAll(`!Ref ${name}`, 'each').replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    return `  ${each(key)}:\n${each(lines)}`;
  });
}

/** The repository's templates in a separate folder. */
function templatesForCheckov(): string {
  const names = readdirSync('templates').filter((name) => name.endsWith('.yml'));
  const texts = names.map(
    (name) => [name, withoutLoops(readFileSync(join('templates', name), 'utf8'))] as const,
  );
  expect(texts.filter(([, text]) => text.includes('Fn::ForEach'))).toEqual([]);
  return workspaceOf(Object.fromEntries(texts));
}

test('checkov finds exactly the findings that comments accept with a reason', () => {
  const { summary, results } = check(templatesForCheckov());
  expect(
    results.failed_checks.map(
      ({ check_id, file_path, resource, check_name }) =>
        `${file_path} ${resource}: ${check_id}: ${check_name}`,
    ),
  ).toEqual([]);
  const skipped = results.skipped_checks.map(
    ({ check_id, file_path, check_result }) =>
      `${file_path.slice(1)}: ${check_id}:${check_result.suppress_comment ?? ''}`,
  );
  const comments = readdirSync('templates')
    .filter((name) => name.endsWith('.yml'))
    .flatMap((name) =>
      [...readFileSync(join('templates', name), 'utf8').matchAll(/checkov:skip=(.*)/g)].map(
        ([, comment = '']) => `${name}: ${comment}`,
      ),
    );
  process.stdout.write(`checkov: ${summary.passed} checks passed, ${comments.length} accepted\n`);
  expect(comments.sort()).toEqual(skipped.sort());
  for (const comment of comments) expect(comment).toMatch(/: CKV\d?_AWS_\d+:[A-Z].{20,}\.$/);
});

test('checkov detects a public bucket and an unencrypted database', () => {
  const folder = workspaceOf({
    'bad.yml': `AWSTemplateFormatVersion: '2010-09-09'
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: { AccessControl: PublicRead }
  Database:
    Type: AWS::RDS::DBInstance
    Properties: { StorageEncrypted: false, DBInstanceClass: db.t4g.medium, Engine: postgres }
`,
  });
  const found = check(folder).results.failed_checks.map(({ check_id }) => check_id);
  expect(found).toEqual(expect.arrayContaining(['CKV_AWS_20', 'CKV_AWS_16']));
});
