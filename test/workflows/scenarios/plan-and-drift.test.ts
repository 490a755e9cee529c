import { expect, test } from '@jest/globals';
import { gitHubState } from '../../../sandbox/github/state.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { madeOf } from './scene.ts';
import { ACCOUNTS } from './shop.ts';
import { logOf, reviewer, verdictsOf } from './stage.ts';

const PULL_REQUEST = 7;
const hooks = { sandboxOf: useSandboxes(), workspaceOf: useWorkspaces() };

test('nightly drift detection without drift opens no issue', async () => {
  const { shop, rehearsal } = await madeOf(hooks, reviewer());
  const report = await rehearsal.play('workflows/drift.yml', { name: 'schedule' });
  if (report.result !== 'success') console.error(logOf(report));
  expect(Object.values(verdictsOf(report))).toEqual(['in-sync', 'in-sync', 'in-sync']);
  expect(gitHubState(shop.sandbox.world).issues).toEqual([]);
});

test('nightly drift detection keeps one issue for a manual change, also after the second night', async () => {
  const changed = {
    stack: 'staging-shop-network',
    logicalId: 'Topic',
    set: { DisplayName: 'by hand' },
  };
  const { shop, rehearsal } = await madeOf(hooks, reviewer(), { drift: [changed] });
  for (const night of [1, 2]) {
    const report = await rehearsal.play('workflows/drift.yml', { name: 'schedule' });
    const verdicts = Object.values(verdictsOf(report)).sort();
    if (!verdicts.includes('drifted')) console.error(`night ${night}`, logOf(report));
    expect(verdicts).toEqual(['drifted', 'in-sync', 'in-sync']);
    expect(report.result).toBe('failure');
    const { issues } = gitHubState(shop.sandbox.world);
    expect(issues.map(({ state, title }) => `${state}: ${title}`)).toEqual([
      'open: Drift: staging of shop differs from its templates',
    ]);
  }
});

test('a pull request gets one comment with a section for each environment, which later commits update', async () => {
  const { shop, rehearsal } = await madeOf(hooks, reviewer());
  const { comments } = gitHubState(shop.sandbox.world);
  const executed = shop.sandbox.calls.of('ExecuteChangeSet').length;
  for (const [action, version, sha] of [
    ['opened', 'v2', 'b'.repeat(40)],
    ['synchronize', 'v3', 'c'.repeat(40)],
  ] as const) {
    shop.commit(version);
    const pull_request = {
      number: PULL_REQUEST,
      head: { ref: 'topic', sha, repo: { full_name: 'org/platform' } },
      base: { ref: 'main', sha: 'a'.repeat(40) },
    };
    const report = await rehearsal.play('workflows/plan.yml', {
      name: 'pull_request',
      ref: `refs/pull/${PULL_REQUEST}/merge`,
      sha,
      payload: { action, pull_request },
    });
    if (report.result !== 'success') console.error(logOf(report));
    expect(report.result).toBe('success');
    expect(report.jobs['plan / rehearse']?.result).toBe('skipped');
    const shown = comments.filter(({ issue }) => issue === PULL_REQUEST).map(({ body }) => body);
    expect(shown).toHaveLength(1);
    const [head, ...parts] = (shown[0] ?? '').split(/^<!-- platform:part /m);
    expect(head).toBe('<!-- platform:deploy-environment/shop -->\n');
    expect(parts).toHaveLength(Object.keys(ACCOUNTS).length);
    for (const [index, environment] of Object.keys(ACCOUNTS).entries()) {
      expect(parts[index]).toContain(`Commit \`${sha.slice(0, 7)}\``);
      expect(parts[index]).toContain(`${environment}-shop-network`);
      expect(parts[index]).toContain(`\`v1\` → \`${version}\``);
    }
  }
  expect(shop.sandbox.calls.of('ExecuteChangeSet')).toHaveLength(executed);
});
