import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { requireConfinedFile, requireConfinedLinks } from '../../../src/rehearse/confinement.ts';
import { useWorkspaces } from '../../support/action.ts';

const workspaceOf = useWorkspaces();
const git = { context: { signal: new AbortController().signal }, env: process.env };

test.each(['../outside.yml', '/etc/hostname', 'templates/../../outside.yml', 'link.yml', 'folder/inner.yml'])(
  'a file outside of the workspace is refused: %s',
  (path) => {
    const root = workspaceOf({ 'outside.yml': 'Resources: {}', 'elsewhere/inner.yml': '' });
    const workspace = join(root, 'workspace');
    mkdirSync(join(workspace, 'templates'), { recursive: true });
    symlinkSync('../outside.yml', join(workspace, 'link.yml'));
    symlinkSync(join(root, 'elsewhere'), join(workspace, 'folder'));
    expect(() => {
      requireConfinedFile('template', path, workspace);
    }).toThrow(`template: expected a file in the workspace, got ${JSON.stringify(path)}`);
  },
);

test('files in the workspace, links to them, and missing files are accepted', () => {
  const workspace = workspaceOf({ 'templates/a.yml': '' });
  symlinkSync('templates/a.yml', join(workspace, 'b.yml'));
  for (const path of ['templates/a.yml', './templates/../templates/a.yml', 'b.yml', 'missing.yml'])
    requireConfinedFile('template', path, workspace);
});

test('a file that is too large is refused before it is read', () => {
  const workspace = workspaceOf({ 'a.yml': 'x'.repeat(1024 * 1024 + 1) });
  expect(() => {
    requireConfinedFile('template', 'a.yml', workspace);
  }).toThrow('template: a.yml is 1.0 MB. A rehearsal reads files of at most 1.0 MB');
});

test('a committed link that leaves the repository is named', async () => {
  const workspace = workspaceOf({});
  execFileSync('git', ['init', '-q'], { cwd: workspace });
  writeFileSync(join(workspace, 'a'), '');
  symlinkSync('a', join(workspace, 'inside'));
  symlinkSync('nowhere', join(workspace, 'dangling'));
  execFileSync('git', ['add', '-A'], { cwd: workspace });
  await requireConfinedLinks(workspace, git);
  symlinkSync('/etc', join(workspace, 'etc'));
  execFileSync('git', ['add', '-A'], { cwd: workspace });
  await expect(requireConfinedLinks(workspace, git)).rejects.toThrow(
    'The symbolic link etc leads out of the repository',
  );
});

test('links that git cannot list are an error', async () => {
  await expect(requireConfinedLinks(workspaceOf({}), git)).rejects.toThrow(
    'The links of the repository cannot be listed. git: ',
  );
});
