import { expect, test } from '@jest/globals';
import type { StackResult } from '../../../src/cloudformation/commands/result.ts';
import type { DeployedPreview, Removal } from '../../../src/environment/preview/result.ts';
import { presentPreview, previewComment } from '../../../src/present/preview.ts';

const RUN_URL = 'https://github.com/org/shop/actions/runs/1';
const stack = (verdict: 'created' | 'failed', reason: string): StackResult => ({
  verdict,
  reason,
  stackName: 'dev-shop-pr-7-user',
  region: 'eu-west-1',
  command: 'deploy',
  durationMs: 0,
  notes: [],
});

function deployed(result: StackResult): DeployedPreview {
  return {
    kind: 'deployed',
    verdict: result.verdict === 'created' ? 'deployed' : 'failed',
    reason: 'why',
    pullRequest: 7,
    commit: '0123456789',
    expires: new Date(Date.UTC(2026, 0, 2)),
    deployment: 5,
    url: 'https://pr-7.example.com',
    services: [
      {
        name: 'user',
        stack: 'dev-shop-pr-7-user',
        commit: '0123456789',
        digest: 'sha256:1',
        run: { priority: 1007, result },
      },
      { name: 'order', stack: 'dev-shop-pr-7-order', commit: '9876543210', digest: 'sha256:2' },
    ],
  };
}

test('a deployment has its stacks in the outputs, and all services in the result', () => {
  const { outputs, result } = presentPreview(deployed(stack('created', 'made')), RUN_URL);
  expect(outputs).toEqual({
    'pull-request': '7',
    url: 'https://pr-7.example.com',
    stacks: '["dev-shop-pr-7-user"]',
    expires: '2026-01-02T00:00:00.000Z',
    price: '',
    deployment: '5',
  });
  expect(result).toHaveProperty('services', [
    expect.objectContaining({ name: 'user', verdict: 'created', ok: true, reason: 'made', priority: 1007 }),
    {
      name: 'order',
      stack: 'dev-shop-pr-7-order',
      ok: true,
      commit: '9876543210',
      digest: 'sha256:2',
    },
  ]);
});

test('a failed stack is in the summary, but not in the comment', () => {
  const preview = deployed(stack('failed', 'no quota'));
  const titled = (sections: readonly { title?: string }[]): unknown[] => sections.map(({ title }) => title);
  const comment = titled(previewComment(preview, RUN_URL));
  expect(comment).toEqual(['❌ Preview of pull request 7: failed', undefined, 'user', undefined]);
  expect(titled(presentPreview(preview, RUN_URL).summary ?? [])).toEqual([
    ...comment,
    '❌ dev-shop-pr-7-user: failed',
  ]);
});

test('a superseded run keeps the outputs of what it deployed', () => {
  const { verdict, ok, reason, outputs } = presentPreview(
    {
      kind: 'superseded',
      verdict: 'superseded',
      reason: 'a newer commit',
      pullRequest: 7,
      deployed: deployed(stack('created', 'made')),
    },
    RUN_URL,
  );
  expect({ verdict, ok, reason, deployment: outputs['deployment'] }).toEqual({
    verdict: 'superseded',
    ok: false,
    reason: 'a newer commit',
    deployment: '5',
  });
});

test('a removal lists what it removed', () => {
  const removal: Removal = {
    stacks: ['dev-shop-pr-7-user'],
    tags: ['shop/user:pr-7-abc'],
    deployments: 1,
    failures: [],
    undeleted: [],
  };
  const { outputs, result } = presentPreview(
    { kind: 'removed', verdict: 'removed', reason: 'gone', pullRequest: 7, removal },
    RUN_URL,
  );
  expect(outputs).toEqual({ 'pull-request': '7', stacks: '["dev-shop-pr-7-user"]' });
  expect(result).toEqual({
    pullRequest: 7,
    stacks: removal.stacks,
    tags: removal.tags,
    deployments: 1,
    failures: [],
  });
});

test('a sweep groups previews by their result', () => {
  const item = (what: string, state: 'removed' | 'kept' | 'left') => ({
    what,
    pullRequest: 7,
    state,
    why: 'why',
  });
  const items = [
    item('dev-shop-pr-7-user', 'removed'),
    item('shop/user:pr-7', 'removed'),
    item('x', 'kept'),
    item('y', 'left'),
  ];
  const { outputs, result } = presentPreview(
    { kind: 'swept', verdict: 'swept', reason: 'done', dryRun: false, items, undeleted: [] },
    RUN_URL,
  );
  expect(outputs).toEqual({ stacks: '["dev-shop-pr-7-user"]' });
  expect(result).toEqual({
    dryRun: false,
    removed: items.slice(0, 2),
    failed: [],
    kept: items.slice(2, 3),
    left: items.slice(3),
    planned: [],
  });
});
