import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { type BuildEnvironment, hashContent } from '../../../../src/images/build/content-hash.ts';
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
  return (await hashContent(requestFor(context, changes), environment())).hash;
}

function environment(changes: Partial<BuildEnvironment> = {}): BuildEnvironment {
  const { signal } = new AbortController();
  return { platforms: ['linux/amd64'], dialect: 'buildx', env: {}, signal, ...changes };
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
      'a removed file',
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
      'ignored files',
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

  test('a file of a named context, but not an ignored one', async () => {
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
  test('an ignored file', async () => {
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

test('the ignore file next to the Dockerfile overrides that of the context', async () => {
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

test('reports if every commit would change the content', async () => {
  const folder = workspaceOf(DOCKERFILE);
  commitAll(folder);
  const { notes } = await hashContent(requestFor(folder), environment());
  expect(notes).toEqual([expect.stringContaining('.git')]);
});

describe('the platform', () => {
  const hashFor = async (platforms: string[], defaults: string[]): Promise<string> => {
    const folder = workspaceOf(DOCKERFILE);
    return (await hashContent(requestFor(folder, { platforms }), environment({ platforms: defaults }))).hash;
  };

  test('of the builder is the default, and setting it explicitly changes nothing', async () => {
    const byDefault = await hashFor([], ['linux/arm64']);
    expect(await hashFor([], ['linux/amd64'])).not.toBe(byDefault);
    expect(await hashFor(['linux/arm64'], ['linux/amd64'])).toBe(byDefault);
  });

  test.each([
    ['linux/x86_64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['Linux/AArch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/i386', 'linux/386'],
    ['macos/arm64/9', 'darwin/arm64/v9'],
  ])('%s is %s', async (given, usual) => {
    expect(await hashFor([given], [])).toBe(await hashFor([usual], []));
  });

  test.each([
    ['linux/amd64', 'linux/amd64/v2'],
    ['linux/arm/v6', 'linux/arm/v7'],
    ['linux/amd64', 'linux/amd64,linux/arm64'],
    // A builder whose default platform is unknown.
    ['linux/amd64', 'linux/amd64*,linux/arm64*'],
  ])('%s is not %s', async (one, other) => {
    expect(await hashFor(one.split(','), [])).not.toBe(await hashFor(other.split(','), []));
  });
});

test("docker's own client interprets ignore files differently, so its images have a different hash", async () => {
  const request = requestFor(workspaceOf(DOCKERFILE));
  const { hash } = await hashContent(request, environment({ dialect: 'docker-20' }));
  expect(hash).not.toBe((await hashContent(request, environment())).hash);
});

test('SOURCE_DATE_EPOCH is hashed as the build argument that Docker creates from it', async () => {
  const folder = workspaceOf(DOCKERFILE);
  const env = { SOURCE_DATE_EPOCH: '1' };
  const { hash } = await hashContent(requestFor(folder), environment({ env }));
  expect(hash).not.toBe(await hashOf(folder));
  expect(hash).toBe(await hashOf(folder, { buildArgs: env }));
});

describe("git's information about a file is not used as its content", () => {
  const CRLF = 'a\r\nb\r\n';

  /** Each creates a file on disk that differs from what the index or the attributes suggest. */
  test.each<[string, (folder: string) => void]>([
    [
      'attributes that were removed after the checkout',
      (folder) => {
        writeFileSync(join(folder, '.gitattributes'), '* text eol=crlf\n');
        checkOutAgain(folder);
        rmSync(join(folder, '.gitattributes'));
      },
    ],
    [
      'attributes outside the tree',
      (folder) => {
        writeFileSync(join(folder, '.git/info/attributes'), '* text eol=crlf\n');
        checkOutAgain(folder);
        rmSync(join(folder, '.git/info/attributes'));
      },
    ],
    [
      'core.autocrlf only at the checkout',
      (folder) => {
        git(folder, 'config', 'core.autocrlf', 'true');
        checkOutAgain(folder);
        git(folder, 'config', 'core.autocrlf', 'false');
      },
    ],
    [
      'a filter that keeps the size',
      (folder) => {
        git(folder, 'config', 'filter.turn.smudge', 'tr ab ba');
        git(folder, 'config', 'filter.turn.clean', 'tr ab ba');
        writeFileSync(join(folder, '.gitattributes'), 'a.txt filter=turn\n');
        checkOutAgain(folder);
        rmSync(join(folder, '.gitattributes'));
      },
    ],
    ...['assume-unchanged', 'skip-worktree'].map((flag): [string, (folder: string) => void] => [
      flag,
      (folder) => {
        git(folder, 'update-index', `--${flag}`, 'a.txt');
        writeFileSync(join(folder, 'a.txt'), CRLF);
      },
    ]),
    [
      'a change that keeps size and time',
      (folder) => {
        const { atime, mtime } = statSync(join(folder, 'a.txt'));
        writeFileSync(join(folder, 'a.txt'), 'b\na\n');
        utimesSync(join(folder, 'a.txt'), atime, mtime);
      },
    ],
    [
      'a split index',
      (folder) => {
        git(folder, 'update-index', '--split-index');
        writeFileSync(join(folder, 'a.txt'), CRLF);
      },
    ],
    [
      'a repository with SHA-256',
      (folder) => {
        rmSync(join(folder, '.git'), { recursive: true });
        git(folder, 'init', '--quiet', '--object-format=sha256');
        git(folder, 'add', '--all');
        writeFileSync(join(folder, 'a.txt'), CRLF);
      },
    ],
  ])('%s', async (_, change) => {
    const files = { ...DOCKERFILE, 'a.txt': 'a\nb\n', '.dockerignore': '.git\n.gitattributes' };
    const folder = workspaceOf(files);
    commitAll(folder);
    const before = await hashOf(folder);
    change(folder);
    const after = await hashOf(folder);
    expect(after).not.toBe(before);
    rmSync(join(folder, '.git'), { recursive: true });
    expect(await hashOf(folder)).toBe(after);
  });

  function checkOutAgain(folder: string): void {
    rmSync(join(folder, 'a.txt'));
    git(folder, 'checkout', '--', 'a.txt');
  }
});

test('a large file is hashed completely', async () => {
  const folder = workspaceOf({ ...DOCKERFILE, large: 'x'.repeat(5_000_000) });
  const before = await hashOf(folder);
  appendFileSync(join(folder, 'large'), 'y');
  expect(await hashOf(folder)).not.toBe(before);
});

test('no two contexts have the same hash', async () => {
  const name = fc.constantFrom('a', 'b', 'a/b', 'b/a');
  const content = fc.constantFrom('', '\n', '["a","file",33188,0]\n', 'x');
  const context = fc.dictionary(name, content, { maxKeys: 3 });
  const seen = new Map<string, string>();
  await fc.assert(
    fc.asyncProperty(context, async (files) => {
      const names = Object.keys(files);
      fc.pre(!names.some((one) => names.some((other) => other.startsWith(`${one}/`))));
      const hash = await hashOf(workspaceOf({ ...DOCKERFILE, ...files }));
      const text = JSON.stringify(Object.entries(files).sort());
      expect(seen.get(hash) ?? text).toBe(text);
      seen.set(hash, text);
    }),
    { numRuns: 60 },
  );
});

test('a cancelled job stops the hashing', async () => {
  const folder = workspaceOf({ ...DOCKERFILE, large: '' });
  truncateSync(join(folder, 'large'), 2 ** 33);
  const signal = AbortSignal.timeout(50);
  await expect(hashContent(requestFor(folder), environment({ signal }))).rejects.toMatchObject({
    name: 'TimeoutError',
  });
});

test.each([
  [
    'a Dockerfile that is a link out of its folder',
    '../Dockerfile',
    'This is a link to a file outside its folder',
  ],
  ['a Dockerfile that does not exist', undefined, 'expected a Dockerfile in the workspace'],
])('%s is an input error', async (_, target, message) => {
  const outer = workspaceOf({ ...DOCKERFILE, 'app/a': '' });
  const folder = join(outer, 'app');
  if (target !== undefined) symlinkSync(target, join(folder, 'Dockerfile'));
  await expect(hashOf(folder)).rejects.toMatchObject({
    code: 'input-invalid',
    message: expect.stringContaining(message),
  });
});

describe('an OCI layout as a named context', () => {
  const digestOf = (letter: string): string => `sha256:${letter.repeat(64)}`;
  /** A layout with these images: the annotations of each, by the letter of its digest. */
  const layoutOf = (images: Record<string, Record<string, string>>): string =>
    workspaceOf({
      'index.json': JSON.stringify({
        manifests: Object.entries(images).map(([letter, annotations]) => ({
          digest: digestOf(letter),
          annotations,
        })),
      }),
      ...Object.fromEntries(Object.keys(images).map((letter) => [`blobs/sha256/${letter.repeat(64)}`, '{}'])),
    });
  const TAG = 'org.opencontainers.image.ref.name';
  const NAME = 'io.containerd.image.name';
  const context = workspaceOf(DOCKERFILE);
  const hashWith = (reference: string): Promise<string> =>
    hashOf(context, { buildContexts: { base: `oci-layout://${reference}` } });

  test.each([
    ['the tag latest by default', { a: { [TAG]: 'latest' }, b: { [TAG]: 'v2' } }, ''],
    ['a tag', { a: { [TAG]: 'v1' }, b: { [TAG]: 'v2' } }, ':v1'],
    ['a name before a tag', { b: { [TAG]: 'v1' }, a: { [NAME]: 'v1' } }, ':v1'],
    ['the only image, whatever its tag', { a: {} }, ':v9'],
    ['a digest', { a: {}, b: {} }, `@${digestOf('a')}`],
    ['a digest after a tag', { a: {}, b: { [TAG]: 'v1' } }, `:v1@${digestOf('a')}`],
  ])('is hashed by %s', async (_, images, reference) => {
    const expected = await hashWith(`${layoutOf({ a: {} })}@${digestOf('a')}`);
    expect(await hashWith(`${layoutOf(images)}${reference}`)).toBe(expected);
  });

  test('with another digest changes the content, another image in the layout does not', async () => {
    const one = await hashWith(layoutOf({ a: { [TAG]: 'latest' } }));
    expect(await hashWith(layoutOf({ b: { [TAG]: 'latest' } }))).not.toBe(one);
    expect(await hashWith(layoutOf({ a: { [TAG]: 'latest' }, c: { [TAG]: 'v3' } }))).toBe(one);
  });

  test.each([
    ['a tag', { a: { [TAG]: 'v1' }, b: { [TAG]: 'v2' } }, ':v3'],
    ['a digest', { a: {} }, `@${digestOf('b')}`],
    ['an image at all', {}, ''],
  ])('without %s is an input error', async (_, images, reference) => {
    await expect(hashWith(`${layoutOf(images)}${reference}`)).rejects.toMatchObject({
      input: 'build-contexts',
      message: expect.stringContaining('expected an image in the layout'),
    });
  });

  test('that is no layout is an input error', async () => {
    await expect(hashWith(workspaceOf({ a: '' }))).rejects.toMatchObject({ input: 'build-contexts' });
  });
});
