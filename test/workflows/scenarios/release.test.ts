import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import type { RunReport } from '../rehearsal/report.ts';
import { LEAD, logOf, reviewer } from './stage.ts';

/**
 * The dry run of release.yml: its own scripts with bash in a real git repository. npm, the attestation and `gh` are
 * replaced; `gh` enforces GitHub's rules of releases and tags on a bare repository.
 */

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const WORKFLOW = '.github/workflows/release.yml';

/** https://cli.github.com/manual/gh_api: "GET normally and POST if any parameters were added". */
const GH = `#!/bin/bash
set -euo pipefail
echo "gh $*" >> "$PLAYBACK"
[ -n "\${GH_TOKEN:-}" ] || { echo 'gh: set GH_TOKEN' >&2; exit 4; }
ref() { git --git-dir "$ORIGIN" "$@"; }
if [ "$1 $2" = 'release create' ]; then
  [ -f "$4" ] && [ "$5" = --target ] || exit 1
  ref rev-parse --quiet --verify "refs/tags/$3" > /dev/null && { echo 'a release with the same tag name already exists' >&2; exit 1; }
  ref update-ref "refs/tags/$3" "$6"
  exit
fi
[ "$1" = api ] || exit 1
method=GET path= sha= name= force=false
shift
while [ $# -gt 0 ]; do
  case $1 in
    --silent) ;;
    --method) method=$2; shift ;;
    -f | -F)
      [ "$method" != GET ] || method=POST
      case $2 in sha=*) sha=\${2#sha=} ;; ref=*) name=\${2#ref=} ;; force=*) force=\${2#force=} ;; esac
      shift ;;
    *) path=$1 ;;
  esac
  shift
done
tag=\${path##*/}
case "$method \${path#"repos/$GITHUB_REPOSITORY/"}" in
  "GET git/ref/tags/$tag") ref rev-parse --quiet --verify "refs/tags/$tag" > /dev/null ;;
  "PATCH git/refs/tags/$tag") [ "$force" = true ] && ref update-ref "refs/tags/$tag" "$sha" ;;
  'POST git/refs') ! ref rev-parse --quiet --verify "$name" > /dev/null && ref update-ref "$name" "$sha" ;;
  *) exit 1 ;;
esac
`;

const NPM = `#!/bin/bash
echo "npm $*" >> "$PLAYBACK"
[ "$*" != 'run build' ] || [ -z "\${BUILDS:-}" ] || echo "$BUILDS" > dist/deploy-stack/index.js
`;

class Releases {
  readonly folder = workspaceOf({});
  readonly origin = join(workspaceOf({}), 'origin.git');
  readonly attested: string[] = [];
  readonly lead = reviewer();
  readonly #tools = workspaceOf({});

  constructor() {
    for (const [name, script] of [
      ['gh', GH],
      ['npm', NPM],
    ] as const) {
      writeFileSync(join(this.#tools, name), script);
      chmodSync(join(this.#tools, name), 0o755);
    }
    this.git('init', '--quiet', '--initial-branch=main');
    execFileSync('git', ['init', '--quiet', '--bare', '--initial-branch=main', this.origin]);
    mkdirSync(join(this.folder, 'dist/deploy-stack'), { recursive: true });
    writeFileSync(join(this.folder, 'dist/deploy-stack/index.js'), 'built\n');
  }

  git(...args: string[]): string {
    const identity = ['-c', 'user.name=test', '-c', 'user.email=test@example.com'];
    return execFileSync('git', [...identity, ...args], { cwd: this.folder, encoding: 'utf8' }).trim();
  }

  /** Commits a version, which will be released. */
  commit(version: string): string {
    writeFileSync(join(this.folder, 'package.json'), JSON.stringify({ version }));
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '--message', version);
    this.git('push', '--quiet', this.origin, 'HEAD:main');
    return this.git('rev-parse', 'HEAD');
  }

  async play({ ref = 'refs/heads/main', builds = '', attests = true } = {}): Promise<RunReport> {
    this.git('fetch', '--quiet', '--tags', '--force', this.origin);
    const github = { tokens: { [LEAD]: 'lead' }, environments: [{ name: 'release', reviewers: ['lead'] }] };
    const PATH = `${this.#tools}:${process.env['PATH'] ?? ''}`;
    const PLAYBACK = join(this.#tools, 'calls');
    const rehearsal = new Rehearsal({
      sandbox: await sandboxOf({ scenario: { github } }),
      repository: this.folder,
      node: [node24()],
      reviewer: this.lead,
      env: { PATH, PLAYBACK, ORIGIN: this.origin, ...(builds && { BUILDS: builds }) },
      standIns: {
        'actions/setup-node': () => ({}),
        'actions/attest-build-provenance': ({ workspace, inputs }) => {
          if (!attests) throw new Error('the attestation failed');
          for (const pattern of (inputs['subject-path'] ?? '').trim().split('\n')) {
            const found = execFileSync('bash', ['-c', `ls ${pattern}`], { cwd: workspace, encoding: 'utf8' });
            this.attested.push(...found.trim().split('\n'));
          }
          return {};
        },
      },
    });
    const sha = this.git('rev-parse', 'HEAD');
    return await rehearsal.play(WORKFLOW, { name: 'workflow_dispatch', ref, sha });
  }

  /** The tags on the server, and their commits. */
  tags(): Record<string, string> {
    const lines = execFileSync('git', ['--git-dir', this.origin, 'for-each-ref', 'refs/tags'], {
      encoding: 'utf8',
    });
    const pairs = lines
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split(/\s+/));
    return Object.fromEntries(pairs.map(([sha = '', , name = '']) => [name.replace('refs/tags/', ''), sha]));
  }
}

function expectResult(report: RunReport, result: string): void {
  if (report.result !== result) console.error(logOf(report));
  expect(report.result).toBe(result);
}

test('a version gets its tag, an attestation and the moving tag, which the next version moves', async () => {
  const releases = new Releases();
  const first = releases.commit('1.0.0');
  expectResult(await releases.play(), 'success');
  expect(releases.tags()).toEqual({ 'v1.0.0': first, v1: first });
  expect(releases.attested).toEqual(['platform-v1.0.0.tar.gz', 'dist/deploy-stack/index.js']);
  expect(releases.lead.asked).toEqual(['release']);
  const second = releases.commit('1.1.0');
  expectResult(await releases.play(), 'success');
  expect(releases.tags()).toEqual({ 'v1.0.0': first, 'v1.1.0': second, v1: second });
  const third = releases.commit('2.0.0');
  expectResult(await releases.play(), 'success');
  expect(releases.tags()).toEqual({
    'v1.0.0': first,
    'v1.1.0': second,
    v1: second,
    'v2.0.0': third,
    v2: third,
  });
});

test('an existing version is refused before the approval', async () => {
  const releases = new Releases();
  const first = releases.commit('1.0.0');
  await releases.play();
  releases.commit('1.0.0');
  const report = await releases.play();
  expectResult(report, 'failure');
  expect(logOf(report)).toContain('v1.0.0 already exists. Fix: increase the version in package.json');
  expect(releases.tags()).toEqual({ 'v1.0.0': first, v1: first });
  expect(releases.lead.asked).toEqual(['release']);
});

test.each([
  ['an invalid version', '1.0', {}, 'version: expected a version such as v1.2.3, got v1.0'],
  [
    'a bundle that does not match the sources',
    '1.0.0',
    { builds: 'other' },
    'dist/ does not match the sources',
  ],
])('%s is not released', async (_name, version, options, message) => {
  const releases = new Releases();
  releases.commit(version);
  const report = await releases.play(options);
  expectResult(report, 'failure');
  expect(logOf(report)).toContain(message);
  expect(releases.tags()).toEqual({});
});

test('without an attestation there is no release, and from another branch nothing happens', async () => {
  const releases = new Releases();
  releases.commit('1.0.0');
  await expect(releases.play({ attests: false })).rejects.toThrow('the attestation failed');
  expectResult(await releases.play({ ref: 'refs/heads/topic' }), 'skipped');
  expect(releases.tags()).toEqual({});
});
