import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { node24 } from '../../runtime/node24.js';
import { useWorkspaces } from '../../support/action.ts';
import { PREVIEWED_MANIFEST, PreviewHost } from '../../support/preview.ts';
import { Rehearsal } from '../rehearsal/rehearsal.ts';
import { LayoutWriter } from '../../support/oci.ts';
import { droppedOf, LEAD, reviewer, verdictsOf } from './stage.ts';

const CALLER = 'workflows/preview.yml';
/** As created by workflows/README.md; in addition, a preview needs an approval here. */
const ENVIRONMENTS = [
  { name: 'preview', reviewers: ['lead'], branches: ['refs/pull/*/merge'] },
  { name: 'preview-cleanup', branches: ['refs/pull/*/merge', 'main'] },
];
const lead = reviewer();
const workspaceOf = useWorkspaces();
let host: PreviewHost;
let rehearsal: Rehearsal;
beforeAll(async () => {
  host = await PreviewHost.start(workspaceOf, {
    scenario: { github: { tokens: { [LEAD]: 'lead' }, environments: ENVIRONMENTS } },
  });
  const repository = host.workspace;
  writeFileSync(join(repository, 'platform.yml'), PREVIEWED_MANIFEST);
  const refs = { main: { sha: '0'.repeat(40), repository } };
  rehearsal = new Rehearsal({ sandbox: host.sandbox, repository, refs, reviewer: lead, node: [node24()] });
});
afterAll(() => host.sandbox.close());

/**
 * The event of a pull request from the repository itself. GITHUB_REF: "For workflows triggered by pull_request that
 * were not merged, this is the pull request merge branch. If the pull request was merged, this is the branch it was
 * merged into."
 */
function pullRequest(number: number, action: string, merged = false) {
  const { head, base, sha } = host.pull(number);
  const merge = sha.slice(0, 39) + String(number);
  const pull_request = {
    number,
    merged,
    head: { ref: head, sha, repo: { full_name: 'org/platform' } },
    base: { ref: base },
  };
  return {
    name: 'pull_request',
    sha: merge,
    ref: merged ? `refs/heads/${base}` : `refs/pull/${number}/merge`,
    payload: { action, pull_request },
  };
}

/** Pushes a commit to the branch of a pull request: another head, and another image. */
function push(number: number, letter: string): string {
  host.pull(number).sha = letter.repeat(40);
  const folder = join(host.workspace, 'image');
  rmSync(folder, { recursive: true, force: true });
  const layout = new LayoutWriter(folder);
  const image = layout.image([`the layer of ${letter}`]);
  layout.finish(image);
  return image.digest;
}

test('a preview is deployed, updated and removed', async () => {
  for (const [action, letter] of [
    ['opened', 'b'],
    ['synchronize', 'c'],
  ] as const) {
    const digest = push(5, letter);
    const report = await rehearsal.play(CALLER, pullRequest(5, action));
    expect(verdictsOf(report)).toEqual({
      'preview / deploy': 'built, deployed',
      'preview / remove': 'skipped',
      sweep: 'skipped',
    });
    expect(report.jobs['preview / deploy']?.outputs).toEqual({ url: 'https://pr-5.dev.example.com' });
    expect(droppedOf(report)).toEqual([]);
    expect(await host.parameter('dev-platform-pr-5-user-service', 'Image')).toContain(digest);
    expect(host.comments(5)).toHaveLength(1);
    expect(host.comments(5)[0]).toContain(letter.repeat(7));
  }
  expect(host.deployments(5)).toEqual(['inactive', 'success']);
  expect((await host.tags()).filter((tag) => tag.startsWith('pr-5-'))).toHaveLength(2);

  host.pull(5).state = 'closed';
  const closed = await rehearsal.play(CALLER, pullRequest(5, 'closed'));
  expect(verdictsOf(closed)['preview / remove']).toBe('removed');
  expect(await host.stacks()).toEqual([]);
  expect(host.priorities).toEqual([]);
  expect(await host.tags()).not.toContainEqual(expect.stringMatching(/^pr-5-/));
  expect(host.deployments(5)).toEqual(['inactive', 'inactive']);
});

test('a preview is removed with its pull request, even if the branch was deleted', async () => {
  await host.run(7);
  expect(host.deployments(7)).toEqual(['success']);
  host.pull(7).state = 'closed';
  const report = await rehearsal.play(CALLER, pullRequest(7, 'closed', true));
  expect(verdictsOf(report)).toEqual({
    'preview / deploy': 'skipped',
    'preview / remove': 'removed',
    sweep: 'skipped',
  });
  expect(await host.stacks()).toEqual([]);
  expect(host.priorities).toEqual([]);
  expect(host.deployments(7)).toEqual(['inactive']);
});

test('an orphaned preview is swept at night, and active ones are kept', async () => {
  await host.run(8);
  await host.run(9);
  host.pull(8).state = 'closed';
  const report = await rehearsal.play(CALLER, { name: 'schedule' });
  expect(verdictsOf(report)).toEqual({ preview: 'skipped', 'sweep / sweep': 'swept' });
  expect(await host.stacks()).toEqual(['dev-platform-pr-9-user-service']);
  expect(host.deployments(8)).toEqual(['inactive']);
});

test('only deploying a preview needs the reviewer', () => {
  expect(lead.asked).toEqual(['preview', 'preview']);
});

test('a preview is not deployed from a branch, and not removed from one that its environment does not allow', async () => {
  const branch = { ...pullRequest(10, 'opened'), ref: 'refs/heads/topic' };
  const deploy = await rehearsal.play(CALLER, branch);
  expect(deploy.jobs['preview / deploy']).toMatchObject({
    result: 'failure',
    reason: 'Branch "topic" is not allowed to deploy to preview due to environment protection rules.',
    steps: [],
  });
  const merged = { ...pullRequest(10, 'closed', true), ref: 'refs/heads/release/1' };
  const removal = await rehearsal.play(CALLER, merged);
  expect(removal.jobs['preview / remove']).toMatchObject({ result: 'failure', steps: [] });
});
