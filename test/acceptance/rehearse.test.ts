import { execFile, execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, expect, test } from '@jest/globals';
import { node24 } from '../runtime/node24.js';
import { useWorkspaces } from '../support/action.ts';

/**
 * `npm run rehearse` on a clone of the reference platform with an uncommitted change: what it would do to dev, in which
 * the previous commit is deployed. The process has no variables of AWS or GitHub.
 */
const ROOT = resolve(import.meta.dirname, '../..');
const workspaceOf = useWorkspaces();
let repository: string;
beforeAll(() => {
  repository = workspaceOf({});
  for (const name of ['templates', 'platform.yml'])
    cpSync(join(ROOT, name), join(repository, name), { recursive: true });
  for (const name of ['user-service', 'product-service', 'order-service', 'frontend']) {
    const dockerfile = `services/${name}/Dockerfile`;
    cpSync(join(ROOT, dockerfile), join(repository, dockerfile));
  }
  git(repository, 'init', '--quiet', '--initial-branch=main');
  git(repository, 'add', '--all');
  git(
    repository,
    '-c',
    'user.name=o',
    '-c',
    'user.email=o@example.com',
    'commit',
    '--quiet',
    '--message=base',
  );
});

interface Change {
  what: string;
  file?: string;
  from?: string;
  to?: string;
  scenario?: string;
  exitCode: number;
  /** Parts of the report. */
  says: readonly string[];
}

const DEV = 'templates/environments/dev.json';
const changes: readonly Change[] = [
  { what: 'nothing', exitCode: 0, says: ['dev: unchanged', 'Nothing would change in dev.'] },
  {
    what: 'the retention of logs',
    file: DEV,
    from: '"LogRetentionDays": "30"',
    to: '"LogRetentionDays": "60"',
    exitCode: 0,
    says: ['dev: would-succeed', 'Vpc, aurora-serverless, cluster,', '`RetentionInDays`: `30` → `60`'],
  },
  {
    what: 'the name of the database, which requires a replacement',
    file: 'templates/aurora-serverless.yml',
    from: 'DatabaseName: !Ref DatabaseName',
    to: 'DatabaseName: other',
    exitCode: 1,
    says: [
      'dev: would-be-blocked',
      'Cluster (AWS::RDS::DBCluster) would be replaced',
      'allow-replace: Cluster',
    ],
  },
  {
    what: 'a reference without a target',
    file: 'templates/aurora-serverless.yml',
    from: '!Ref DatabaseName',
    to: '!Ref DatabaseNam',
    exitCode: 1,
    says: ['dev: would-fail', 'did you mean DatabaseName?', 'templates/aurora-serverless.yml:138'],
  },
  {
    what: 'the memory of services, with which one of them does not start',
    file: DEV,
    from: '"Memory": "512"',
    to: '"Memory": "1024"',
    scenario: `ecs: { rules: [{ match: { service: frontend }, does: exit, logs: ['error: no such file'] }] }`,
    exitCode: 1,
    says: [
      'dev: would-fail',
      'The container frontend exited with code 1 right after it started',
      'error: no such file',
      'The update was rolled back',
    ],
  },
];

test.each(changes)('a change of $what', async ({ file, from = '', to = '', scenario, exitCode, says }) => {
  const folder = workspaceOf({ ...(scenario !== undefined && { 'scenario.yml': scenario }) });
  cpSync(repository, folder, { recursive: true });
  if (file !== undefined) {
    const text = readFileSync(join(folder, file), 'utf8');
    expect(text).toContain(from);
    writeFileSync(join(folder, file), text.replace(from, to));
  }
  const run = await rehearse(folder, scenario === undefined ? [] : ['--scenario', 'scenario.yml']);
  for (const part of says) expect(run.output).toContain(part);
  expect(run.exitCode).toBe(exitCode);
});

test('an unknown base is named', async () => {
  const run = await rehearse(repository, ['--base', 'nowhere']);
  expect(run.output).toContain('rehearse: base: expected a branch');
  expect(run.exitCode).toBe(1);
});

function rehearse(cwd: string, args: readonly string[]): Promise<{ exitCode: number; output: string }> {
  const command = ['--import', import.meta.resolve('tsx'), join(ROOT, 'scripts/rehearse/main.ts')];
  const env = { PATH: process.env['PATH'] ?? '', HOME: cwd };
  return new Promise((done) => {
    execFile(
      node24(),
      [...command, '--environment', 'dev', ...args],
      { cwd, env, maxBuffer: 2 ** 24 },
      (error, stdout, stderr) => {
        done({ exitCode: error === null ? 0 : Number(error.code), output: `${stdout}${stderr}` });
      },
    );
  });
}

function git(cwd: string, ...args: string[]): void {
  execFileSync('git', args, { cwd });
}
