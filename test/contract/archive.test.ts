import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { parse } from 'yaml';

interface ActionFile {
  runs: { main: string };
}

let archive: string;

beforeAll(() => {
  archive = mkdtempSync(join(tmpdir(), 'archive-'));
  const packed = execFileSync('git', ['archive', '--worktree-attributes', 'HEAD'], { maxBuffer: 2 ** 30 });
  execFileSync('tar', ['--extract', '--directory', archive], { input: packed });
});

afterAll(() => {
  rmSync(archive, { recursive: true, force: true });
});

const ACTIONS = ['action.yml', ...readdirSync('actions').map((name) => `actions/${name}/action.yml`)];

test.each(ACTIONS)('%s starts from the archive that a runner downloads', (file) => {
  const { runs } = parse(readFileSync(join(archive, file), 'utf8')) as ActionFile;
  const main = resolve(dirname(join(archive, file)), runs.main);
  const { status, stdout } = spawnSync(process.execPath, [main], {
    env: { PATH: process.env['PATH'], GITHUB_WORKSPACE: archive, RUNNER_TEMP: archive },
    encoding: 'utf8',
  });
  expect(stdout).toContain('::error');
  expect(status).toBe(1);
});

test('everything that a reusable workflow uses is in the archive', () => {
  const used = readdirSync('.github/workflows').flatMap((file) =>
    [...readFileSync(join('.github/workflows', file), 'utf8').matchAll(/uses: \$\/(\S+)/g)].map(
      ([, path]) => path ?? '',
    ),
  );
  expect(used.length).toBeGreaterThan(10);
  expect(used.filter((path) => !existsSync(join(archive, path)))).toEqual([]);
});
