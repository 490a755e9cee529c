import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { commitOfImage, sourceOfRun } from '../../../src/delivery/source.ts';
import { commitOf, readCheckout, repositoryUrl } from '../../../src/github/checkout.ts';
import { type GitHubContext, readGitHubContext } from '../../../src/github/context.ts';
import { checkOut } from '../../support/checkout.ts';
import { recordingLog } from '../core/fakes.ts';

const RUN_SHA = 'a'.repeat(40);
const OTHER_SHA = 'b'.repeat(40);
const CI_SHA = 'c'.repeat(40);

const github: GitHubContext = readGitHubContext({
  GITHUB_REPOSITORY: 'org/shop',
  GITHUB_SHA: RUN_SHA,
  GITHUB_REF: 'refs/heads/main',
  GITHUB_RUN_NUMBER: '7',
  GITHUB_WORKFLOW_REF: 'org/shop/.github/workflows/deploy.yml@refs/heads/main',
  GITHUB_SERVER_URL: 'https://github.example',
});
/** A run that was started by the end of another one. */
const followUp: GitHubContext = {
  ...github,
  triggeringRun: {
    workflow: '.github/workflows/ci.yml',
    ref: 'refs/heads/main',
    sha: CI_SHA,
    runNumber: 40,
    runAttempt: 1,
  },
};

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'checkout-'));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

const IDENTITY = ['-c', 'user.name=octocat', '-c', 'user.email=octocat@example.com'];

function git(folder: string, ...args: string[]): string {
  return execFileSync('git', ['-c', 'safe.directory=*', '-C', folder, ...IDENTITY, ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
}

/** A new repository with two commits, on its branch main. */
function newRepository(): string {
  const folder = mkdtempSync(join(root, 'repository-'));
  git(folder, 'init', '--initial-branch=main');
  git(folder, 'commit', '--allow-empty', '-m', 'first');
  git(folder, 'commit', '--allow-empty', '-m', 'second');
  return folder;
}

async function read(workspace: string, folder = workspace, env: NodeJS.ProcessEnv = process.env) {
  const { log, lines } = recordingLog();
  const context = { log, signal: new AbortController().signal };
  const checkout = await readCheckout({ workspace, folder, github, env, context });
  return { checkout, lines };
}

function chownAll(folder: string, uid: number): void {
  chownSync(folder, uid, uid);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    chownSync(join(folder, name), uid, uid);
  }
}

describe('the commit of a checkout', () => {
  test.each<[string, (repository: string) => string]>([
    ['on a branch', (repository) => repository],
    [
      'with packed refs',
      (repository) => {
        git(repository, 'pack-refs', '--all');
        return repository;
      },
    ],
    [
      'detached at an older commit',
      (repository) => {
        git(repository, 'checkout', '--detach', 'HEAD~1');
        return repository;
      },
    ],
    [
      'at a tag',
      (repository) => {
        git(repository, 'tag', '-a', 'v1', '-m', 'v1', 'HEAD~1');
        git(repository, 'checkout', 'v1');
        return repository;
      },
    ],
    [
      'of a worktree',
      (repository) => {
        const worktree = `${repository}-worktree`;
        git(repository, 'worktree', 'add', '--detach', worktree, 'HEAD~1');
        return worktree;
      },
    ],
    [
      'of a submodule',
      (repository) => {
        const host = newRepository();
        git(host, '-c', 'protocol.file.allow=always', 'submodule', 'add', repository, 'module');
        return join(host, 'module');
      },
    ],
    [
      'that is shallow',
      (repository) => {
        const clone = `${repository}-clone`;
        git(root, 'clone', '--depth=1', `file://${repository}`, clone);
        return clone;
      },
    ],
  ])('%s is that of its HEAD', async (_, prepare) => {
    const folder = prepare(newRepository());
    const { checkout, lines } = await read(folder);
    expect(checkout?.commit).toBe(git(folder, 'rev-parse', 'HEAD'));
    expect(lines).toEqual([]);
  });

  test('is read even if the workspace is owned by another user, as in a container', async () => {
    const folder = newRepository();
    const commit = git(folder, 'rev-parse', 'HEAD');
    if (process.getuid?.() === 0) {
      chownAll(folder, 65_534);
      expect(() => execFileSync('git', ['-C', folder, 'rev-parse', 'HEAD'], { stdio: 'pipe' })).toThrow(
        'dubious ownership',
      );
    }
    expect((await read(folder)).checkout?.commit).toBe(commit);
  });

  test('is that of the nearest repository between the folder and the workspace, never one above', async () => {
    const workspace = newRepository();
    const app = join(workspace, 'app');
    mkdirSync(join(app, 'services', 'api'), { recursive: true });
    const commit = git(workspace, 'rev-parse', 'HEAD');
    expect((await read(workspace, join(app, 'services', 'api'))).checkout?.commit).toBe(commit);
    checkOut(app, OTHER_SHA);
    expect((await read(workspace, join(app, 'services', 'api'))).checkout?.commit).toBe(OTHER_SHA);
    expect((await read(workspace, join(workspace, 'elsewhere'))).checkout?.commit).toBe(commit);
    expect((await read(workspace, root)).checkout?.commit).toBe(commit);
    const below = join(workspace, 'below');
    mkdirSync(below);
    expect((await read(below)).checkout).toBeUndefined();
  });

  test.each<[string, (folder: string) => NodeJS.ProcessEnv]>([
    ['that has no commit yet', () => process.env],
    [
      'that is damaged',
      (folder) => {
        writeFileSync(join(folder, '.git', 'HEAD'), 'nothing\n');
        return process.env;
      },
    ],
    ['without git on the machine', () => ({ PATH: '' })],
  ])('%s is unknown, with a warning', async (_, prepare) => {
    const folder = mkdtempSync(join(root, 'empty-'));
    git(folder, 'init');
    const { checkout, lines } = await read(folder, folder, prepare(folder));
    expect(checkout).toBeUndefined();
    expect(lines).toEqual([
      expect.stringMatching(
        /^::warning::Cannot read the commit of the checkout .* Fix: Set the input commit/,
      ),
    ]);
  });
});

test.each([
  ['', 'org/shop', 'https://github.example/org/shop'],
  ['https://github.example/org/shop', 'org/shop', 'https://github.example/org/shop'],
  ['https://github.example/org/shop.git', 'org/shop', 'https://github.example/org/shop'],
  ['https://github.example/Org/Shop/', 'org/shop', 'https://github.example/org/shop'],
  [
    'https://x-access-token:ghs_secret@github.example/org/other',
    'org/other',
    'https://github.example/org/other',
  ],
  ['http://github.example:8080/org/other.git', 'org/other', 'https://github.example/org/other'],
  ['git@github.example:org/other.git', 'org/other', 'https://github.example/org/other'],
  ['ssh://git@github.example:22/org/other.git', 'org/other', 'https://github.example/org/other'],
  [
    'https://gitlab.example/group/part/other.git',
    'gitlab.example/group/part/other',
    'https://gitlab.example/group/part/other',
  ],
  ['git@gitlab.example:group/other.git', 'gitlab.example/group/other', 'https://gitlab.example/group/other'],
  ['/srv/git/shop.git', 'org/shop', 'https://github.example/org/shop'],
  ['file:///srv/git/shop.git', 'org/shop', 'https://github.example/org/shop'],
])('a checkout of %j is of the repository %s', async (origin, repository, url) => {
  const folder = mkdtempSync(join(root, 'origin-'));
  checkOut(folder, OTHER_SHA, origin);
  const { checkout } = await read(folder);
  expect(checkout).toEqual({ commit: OTHER_SHA, repository });
  expect(repositoryUrl({ commit: OTHER_SHA, repository }, github)).toBe(url);
});

describe('the commit of a step', () => {
  const checkout = { commit: OTHER_SHA, repository: 'org/shop' };

  test.each<[string, Parameters<typeof commitOf>[0], Parameters<typeof commitOf>[1], object, string[]]>([
    ['is GITHUB_SHA without a checkout', undefined, undefined, { commit: RUN_SHA }, []],
    ['is GITHUB_SHA in its checkout', undefined, { ...checkout, commit: RUN_SHA }, { commit: RUN_SHA }, []],
    ['is the checkout', undefined, checkout, checkout, [OTHER_SHA]],
    ['is the given one', CI_SHA, checkout, { commit: CI_SHA, repository: 'org/shop' }, [CI_SHA]],
    [
      'is of the repository that is checked out',
      undefined,
      { ...checkout, repository: 'org/app' },
      { ...checkout, repository: 'org/app' },
      [`${OTHER_SHA} of org/app`],
    ],
  ])('%s', (_, given, found, expected, noted) => {
    const { log, lines } = recordingLog();
    const context = { log, signal: new AbortController().signal };
    expect(commitOf(given, found, { github, context })).toMatchObject(expected);
    expect(lines).toEqual(
      noted.map((commit) => `::notice::Using commit ${commit} instead of GITHUB_SHA (${RUN_SHA}).`),
    );
  });

  test.each(['v1.2.3', 'main', OTHER_SHA.slice(1), 'B'.repeat(40), `${OTHER_SHA} `])(
    'cannot be %j',
    (given) => {
      const { log } = recordingLog();
      const context = { log, signal: new AbortController().signal };
      expect(() => commitOf(given, undefined, { github, context })).toThrow(/^commit: /);
    },
  );
});

describe('the source of a release', () => {
  const own = { workflow: '.github/workflows/deploy.yml', runNumber: 7 };
  const ci = { workflow: '.github/workflows/ci.yml', runNumber: 40 };

  test.each<[string, GitHubContext, string, object]>([
    ['the commit of a push', github, RUN_SHA, own],
    ['another commit that was checked out', github, OTHER_SHA, own],
    ['the commit of the previous run', followUp, CI_SHA, ci],
    ['the last commit of the default branch', followUp, RUN_SHA, own],
    ['another commit after the end of a run', followUp, OTHER_SHA, own],
  ])('%s is of its run', (_, run, commit, expected) => {
    expect(sourceOfRun(run, { commit, repository: 'org/shop' })).toMatchObject({ commit, ...expected });
  });

  test('in another repository does not share its run numbers', () => {
    expect(sourceOfRun(github, { commit: OTHER_SHA, repository: 'org/app' })).toMatchObject({
      repository: 'org/app',
      workflow: 'org/shop/.github/workflows/deploy.yml',
    });
  });

  test.each<[string, GitHubContext, string | undefined, string | undefined]>([
    ['that is deployed without a checkout', github, undefined, undefined],
    ['that is deployed with a checkout', github, OTHER_SHA, OTHER_SHA],
    ['of the previous run, without a checkout', followUp, undefined, CI_SHA],
    ['of the previous run, in addition to the default checkout', followUp, RUN_SHA, CI_SHA],
    ['of a ref that was checked out', followUp, OTHER_SHA, OTHER_SHA],
  ])('of an image %s', (_, run, commit, expected) => {
    const found = commit === undefined ? undefined : { commit, repository: 'org/shop' };
    expect(commitOfImage(run, found)?.commit).toBe(expected);
  });
});
