import { expect, test } from '@jest/globals';
import type { FaultRule } from '../../../sandbox/index.ts';
import { gitHubState } from '../../../sandbox/github/state.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { DEV_ACCOUNT, deployEnvironment } from '../../support/environment.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

const ENVIRONMENTS = ['dev', 'staging', 'prod', 'dr'];
const PULL_REQUEST = 7;
const BOT = 'github-actions[bot]';
const SHARED = '<!-- platform:deploy-environment/shop -->';

const FILES = {
  'platform.yml': `
project: shop
region: eu-west-1
environments:
${ENVIRONMENTS.map((name) => `  ${name}: { ${DEV_ACCOUNT} }`).join('\n')}
stacks:
  network: { template: network.yml }
services: {}
`,
  'network.yml': `
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: '<!-- platform:part prod 9999.1.1 - -->' } }
`,
};

/** Delays reads, whose results are then outdated, and writes. */
const LATENCY: FaultRule[] = [
  { kind: 'delay', operation: 'issues/list-comments', after: true, delayMs: 900, probability: 0.6 },
  { kind: 'delay', operation: 'issues/update-comment', delayMs: 1500, probability: 0.5 },
  { kind: 'delay', operation: 'issues/create-comment', delayMs: 700, probability: 0.5 },
];

test('concurrent plans share one comment with a section for each environment, which the next commit updates', async () => {
  const old = ['dev', 'prod'].map((name) => ({
    issue: PULL_REQUEST,
    user: BOT,
    body: `<!-- platform:deploy-environment/shop/${name} -->\nof an older release`,
  }));
  const copied = { issue: PULL_REQUEST, user: 'stranger', body: `${SHARED}\ncopied` };
  const sandbox = await sandboxOf({ scenario: { github: { comments: [...old, copied] }, faults: LATENCY } });
  const workspace = workspaceOf(FILES);
  const { comments } = gitHubState(sandbox.world);

  for (const [number, sha] of [
    [1, 'b'.repeat(40)],
    [2, 'c'.repeat(40)],
  ] as const) {
    const head = { sha, repo: { full_name: 'org/platform' } };
    const runs = await Promise.all(
      ENVIRONMENTS.map((environment) =>
        deployEnvironment(
          sandbox,
          { command: 'plan', environment },
          { workspace, event: { pull_request: { number: PULL_REQUEST, head } }, run: { number } },
        ),
      ),
    );
    for (const { exitCode, log, outputs } of runs) {
      if (exitCode !== 0) console.error(log);
      expect(outputs['verdict']).toBe('planned');
      expect(log).toMatch(/Pull request comment (created|updated): /);
    }
    const [foreign, shared, ...others] = comments;
    expect([foreign?.body, others]).toEqual([copied.body, []]);
    const parts = shared?.body.match(/^<!-- platform:part .*$/gm) ?? [];
    expect(parts.map((marker) => marker.replace(/\.1\.\d+ /, ' '))).toEqual(
      ENVIRONMENTS.map((name) => `<!-- platform:part ${name} ${1000 + number} ${sha} -->`),
    );
    for (const name of ENVIRONMENTS) expect(shared?.body).toContain(`✅ ${name}: planned`);
    expect(shared?.body).not.toContain('⚠️ Outdated: the newest commit is');
  }
  expect(sandbox.calls.of('issues/create-comment').length).toBeGreaterThanOrEqual(1);
});

test('a section of an earlier commit is marked', async () => {
  const sandbox = await sandboxOf();
  const workspace = workspaceOf(FILES);
  const plan = (environment: string, number: number, sha: string) =>
    deployEnvironment(
      sandbox,
      { command: 'plan', environment },
      {
        workspace,
        event: { pull_request: { number: PULL_REQUEST, head: { sha, repo: { full_name: 'org/platform' } } } },
        run: { number },
      },
    );
  await Promise.all([plan('dev', 1, 'b'.repeat(40)), plan('prod', 1, 'b'.repeat(40))]);
  await plan('dev', 2, 'c'.repeat(40));
  const [comment] = gitHubState(sandbox.world).comments;
  const runs = `${sandbox.githubUrl}/org/platform/actions/runs`;
  expect(comment?.body.match(/^.*Commit `.*$/gm)).toEqual([
    `Commit \`ccccccc\` · [Run](${runs}/1002)`,
    `⚠️ Outdated: the newest commit is \`ccccccc\` · Commit \`bbbbbbb\` · [Run](${runs}/1001)`,
  ]);
});
