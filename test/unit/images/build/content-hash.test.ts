import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { hashContent } from '../../../../src/images/build/content-hash.ts';
import type { BuildRequest } from '../../../../src/images/build/command.ts';
import { useWorkspaces } from '../../../support/action.ts';
import { fc } from '../../../support/property.ts';

const workspaceOf = useWorkspaces();
const DOCKERFILE = { Dockerfile: 'FROM scratch\nCOPY . /\n' };

function requestFor(context: string, changes: Partial<BuildRequest> = {}): BuildRequest {
  return {
    workspace: context,
    context,
    file: join(context, 'Dockerfile'),
    platforms: ['linux/amd64'],
    target: undefined,
    buildArgs: {},
    buildContexts: {},
    secrets: {},
    ssh: [],
    labels: {},
    cache: 'none',
    provenance: 'auto',
    sbom: 'auto',
    ...changes,
  };
}

async function hashOf(context: string, changes: Partial<BuildRequest> = {}): Promise<string> {
  return (await hashContent(requestFor(context, changes), process.env, new AbortController().signal)).hash;
}

function git(folder: string, ...args: string[]): void {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@b.c', '-c', 'init.defaultBranch=main'];
  execFileSync('git', [...identity, ...args], { cwd: folder, stdio: 'pipe' });
}

function commitAll(folder: string): void {
  git(folder, 'init', '--quiet');
  git(folder, 'add', '--all');
  git(folder, 'commit', '--quiet', '--message', 'all');
}

describe('the hash changes with', () => {
  const files = { ...DOCKERFILE, 'src/a.ts': 'a', 'docs/b.md': 'b', '.dockerignore': 'docs\n.git' };

  test.each<[string, (folder: string) => void]>([
    [
      'the content of a file',
      (folder) => {
        writeFileSync(join(folder, 'src/a.ts'), 'b');
      },
    ],
    [
      'a new file',
      (folder) => {
        writeFileSync(join(folder, 'src/c.ts'), '');
      },
    ],
    [
      'a file that goes',
      (folder) => {
        rmSync(join(folder, 'src/a.ts'));
      },
    ],
    [
      'a mode',
      (folder) => {
        chmodSync(join(folder, 'src/a.ts'), 0o755);
      },
    ],
    [
      'an empty folder',
      (folder) => {
        mkdirSync(join(folder, 'empty'));
      },
    ],
    [
      'a link',
      (folder) => {
        symlinkSync('a.ts', join(folder, 'src/link'));
      },
    ],
    [
      'the Dockerfile',
      (folder) => {
        writeFileSync(join(folder, 'Dockerfile'), 'FROM scratch\n');
      },
    ],
    [
      'what is ignored',
      (folder) => {
        writeFileSync(join(folder, '.dockerignore'), '.git');
      },
    ],
  ])('%s', async (_, change) => {
    const folder = workspaceOf(files);
    const before = await hashOf(folder);
    change(folder);
    expect(await hashOf(folder)).not.toBe(before);
  });

  test.each<[string, Partial<BuildRequest>]>([
    ['an argument', { buildArgs: { A: '1' } }],
    ['the target', { target: 'test' }],
    ['a platform', { platforms: ['linux/amd64', 'linux/arm64'] }],
    ['a label', { labels: { team: 'shop' } }],
    ['a named context', { buildContexts: { base: 'docker-image://alpine:3' } }],
    ['a secret', { secrets: { token: 'x' } }],
    ['an attestation', { provenance: 'max' }],
  ])('%s', async (_, changes) => {
    const folder = workspaceOf(files);
    expect(await hashOf(folder, changes)).not.toBe(await hashOf(folder));
  });

  test('a file of a named context, but not one that it ignores', async () => {
    const folder = workspaceOf(files);
    const other = workspaceOf({ 'a.txt': 'a', 'b.txt': 'b', '.dockerignore': 'b.txt' });
    const changes = { buildContexts: { other } };
    const before = await hashOf(folder, changes);
    writeFileSync(join(other, 'b.txt'), 'c');
    expect(await hashOf(folder, changes)).toBe(before);
    writeFileSync(join(other, 'a.txt'), 'c');
    expect(await hashOf(folder, changes)).not.toBe(before);
  });
});

describe('the hash does not change with', () => {
  test('a file that is ignored', async () => {
    const folder = workspaceOf({ ...DOCKERFILE, 'docs/b.md': 'b', '.dockerignore': 'docs' });
    const before = await hashOf(folder);
    writeFileSync(join(folder, 'docs/b.md'), 'c');
    expect(await hashOf(folder)).toBe(before);
  });

  test('the value of a secret, the commit in a label, or the order of arguments', async () => {
    const folder = workspaceOf(DOCKERFILE);
    const revision = 'org.opencontainers.image.revision';
    const one = { secrets: { a: '1' }, labels: { [revision]: '1' }, buildArgs: { A: '1', B: '2' } };
    const two = { secrets: { a: '2' }, labels: { [revision]: '2' }, buildArgs: { B: '2', A: '1' } };
    expect(await hashOf(folder, two)).toBe(await hashOf(folder, one));
  });
});

test('the rules beside the Dockerfile win over those in the context', async () => {
  const folder = workspaceOf({
    ...DOCKERFILE,
    'a.txt': 'a',
    '.dockerignore': '',
    'Dockerfile.dockerignore': 'a.txt',
  });
  const before = await hashOf(folder);
  writeFileSync(join(folder, 'a.txt'), 'b');
  expect(await hashOf(folder)).toBe(before);
});

test('says when every commit would be other content', async () => {
  const folder = workspaceOf(DOCKERFILE);
  commitAll(folder);
  const content = await hashContent(requestFor(folder), process.env, new AbortController().signal);
  expect(content.seesGit).toBe(true);
});

describe("git's index", () => {
  test('gives the same hash as reading every file', async () => {
    const names = fc.constantFrom('a', 'b/c', 'b/d e', 'ü', 'b/f.bin');
    const files = fc.dictionary(names, fc.string({ maxLength: 50 }), { minKeys: 1 });
    // One that is hashed piece by piece.
    const large = Buffer.alloc(5_000_000, 'large').toString();
    await fc.assert(
      fc.asyncProperty(files, files, async (committed, changed) => {
        const folder = workspaceOf({ ...DOCKERFILE, ...committed, large, '.dockerignore': '.git' });
        commitAll(folder);
        for (const [name, text] of Object.entries(changed)) {
          mkdirSync(join(folder, name, '..'), { recursive: true });
          writeFileSync(join(folder, name), text);
        }
        const known = await hashOf(folder);
        rmSync(join(folder, '.git'), { recursive: true });
        expect(await hashOf(folder)).toBe(known);
      }),
      { numRuns: 10 },
    );
  });

  test.each([
    ['files that git was told not to look at', 'assume-unchanged', ''],
    ['files that git converts', '', '* text=auto eol=lf\n'],
    ['files behind a filter', '', '*.txt filter=lfs\n'],
  ])('is not believed of %s', async (_, flag, attributes) => {
    const folder = workspaceOf({
      ...DOCKERFILE,
      'a.txt': 'a\n',
      '.dockerignore': '.git',
      '.gitattributes': attributes,
    });
    commitAll(folder);
    if (flag !== '') git(folder, 'update-index', `--${flag}`, 'a.txt');
    const before = await hashOf(folder);
    writeFileSync(join(folder, 'a.txt'), 'a\r\n');
    expect(await hashOf(folder)).not.toBe(before);
  });
});
