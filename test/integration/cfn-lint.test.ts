import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { describeFinding } from '../templates/finding.ts';
import type { Finding } from '../templates/finding.ts';
import { judge } from '../templates/suppression.ts';
import { suppressions } from '../templates/suppressions.ts';

/** cfn-lint is a Python program: it must be on PATH. */
interface Match {
  Rule: { Id: string };
  Level: string;
  Message: string;
  Filename: string;
  Location: { Path?: (string | number)[]; Start: { LineNumber: number } };
}

function lint(files: string[]): Finding[] {
  const { status, stdout, stderr } = spawnSync('cfn-lint', ['--format', 'json', '--template', ...files], {
    encoding: 'utf8',
  });
  // 0: nothing; 2, 4, 8 and their sums: errors, warnings, informational. Anything else is cfn-lint's own failure.
  if (status === null || status % 2 !== 0 || status > 14) throw new Error(`cfn-lint: ${stderr}`);
  const matches = JSON.parse(stdout) as Match[];
  return matches
    .filter(({ Level }) => Level === 'Error' || Level === 'Warning')
    .map(({ Rule, Message, Filename, Location }) => ({
      tool: 'cfn-lint',
      rule: Rule.Id,
      template: Filename.replace(/^.*\/|\.yml$/g, ''),
      ...(Location.Path?.[0] === 'Resources' && { resource: String(Location.Path[1]) }),
      message: `${Message} (line ${Location.Start.LineNumber})`,
    }));
}

const templates = readdirSync('templates')
  .filter((name) => name.endsWith('.yml'))
  .map((name) => `templates/${name}`);

test('cfn-lint finds no error and no warning', () => {
  expect(execFileSync('cfn-lint', ['--version'], { encoding: 'utf8' })).toMatch(/cfn-lint 1\./);
  const ours = suppressions.filter(({ tool }) => tool === 'cfn-lint');
  const { open, unused } = judge(lint(templates), ours, new Date().toISOString().slice(0, 10));
  expect(open.map(describeFinding)).toEqual([]);
  expect(unused).toEqual([]);
}, 120_000);
