import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { useWorkspaces } from '../support/action.ts';
import { testWithTool } from '../support/software.ts';
import { tools } from '../support/tools/tools.ts';

/** Dockerfiles and shell scripts. actionlint checks the scripts of workflows, in workflow-linters.test.ts. */

interface Comment {
  file: string;
  line: number;
  code: number | string;
  message: string;
}

const workspaceOf = useWorkspaces();
const tracked = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0').filter(Boolean);

function lint(program: string, args: readonly string[]): string[] {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  // 1: something was found. Anything else is a failure of the linter itself.
  if (status === null || status > 1) throw new Error(`${basename(program)}: ${stderr}`);
  return (JSON.parse(stdout) as Comment[]).map(
    ({ file, line, code, message }) => `${file}:${line}: ${code}: ${message}`,
  );
}

/** Comments that accept a finding, in one of these files. */
const accepted = (files: readonly string[], comment: RegExp): string[] =>
  files.flatMap((file) => readFileSync(file, 'utf8').match(comment) ?? []);

describe('hadolint', () => {
  const test = testWithTool('hadolint');
  const hadolint = (files: readonly string[]) => lint(tools.hadolint(), ['--format', 'json', ...files]);
  const dockerfiles = tracked.filter((file) => /^(.*\.)?Dockerfile$/.test(basename(file)));

  test('finds nothing in the Dockerfiles', () => {
    process.stdout.write(`hadolint: ${dockerfiles.length} Dockerfiles\n`);
    expect(dockerfiles.length).toBeGreaterThan(0);
    expect(hadolint(dockerfiles)).toEqual([]);
    for (const comment of accepted(dockerfiles, /^.*hadolint ignore=.*$/gm)) {
      expect(comment).toMatch(/ignore=[\w,]+ [A-Z].{20,}\.$/);
    }
  });

  test('finds a base image without a version, and a script that ShellCheck refuses', () => {
    const folder = workspaceOf({ Dockerfile: 'FROM debian\nRUN echo $A\n' });
    const found = hadolint([join(folder, 'Dockerfile')]).join('\n');
    for (const code of ['DL3006', 'SC2086']) expect(found).toContain(code);
  });
});

describe('shellcheck', () => {
  const test = testWithTool('shellcheck');
  const shellcheck = (files: readonly string[]) =>
    lint(tools.shellcheck(), ['--norc', '--external-sources', '--format', 'json', ...files]);
  const scripts = tracked.filter(
    (file) => file.endsWith('.sh') || /^#!.*\b(ba|da|k)?sh\b/.test(readFileSync(file, 'utf8').slice(0, 80)),
  );

  test('finds nothing in the scripts', () => {
    process.stdout.write(`shellcheck: ${scripts.join(', ')}\n`);
    expect(scripts).toContain('.ci/run');
    expect(shellcheck(scripts)).toEqual([]);
    for (const comment of accepted(scripts, /^.*shellcheck disable=.*$/gm)) {
      expect(comment).toMatch(/disable=[\w,]+ # [A-Z].{20,}\.$/);
    }
  });

  test('finds an unquoted variable', () => {
    const folder = workspaceOf({ script: '#!/bin/sh\nrm $1\n' });
    expect(shellcheck([join(folder, 'script')]).join('\n')).toContain('2086');
  });
});
