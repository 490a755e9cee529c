import { afterEach, describe, expect, test } from '@jest/globals';
import { gitHubState } from '../../sandbox/github/state.ts';
import type { Sandbox } from '../../sandbox/index.ts';
import { runAction, type Run, type RunOptions } from '../../sandbox/runner.ts';
import { SLACK_WEBHOOKS, slackMessages } from '../../sandbox/slack/endpoint.ts';
import { node24 } from '../runtime/node24.js';
import { deployStack, useSandboxes, useWorkspaces } from '../support/action.ts';
import { DEV_ACCOUNT, deployEnvironment } from '../support/environment.ts';
import { PromotionWorld, promoteEnvironment } from '../support/promotion.ts';
import { NEXT, updateService } from '../support/service.ts';
import { EcsWorld } from '../unit/sandbox/ecs/ecs-world.ts';

const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();

/** All runs of a test, with their webhooks. */
const told: { run: Run; webhook: string }[] = [];
afterEach(() => {
  for (const { run, webhook } of told.splice(0)) {
    const { pathname } = new URL(webhook);
    const shown = run.log
      .split('\n')
      .filter((line) => !line.startsWith('::add-mask::'))
      .join('\n');
    expect(shown + run.summary + JSON.stringify(run.outputs)).not.toContain(pathname);
  }
});

/** Removes and returns the messages of a run: the first line of each, and the rest. */
async function messagesOf(
  sandbox: Sandbox,
  start: (notify: string) => Promise<Run>,
  webhook = sandbox.webhookUrl,
): Promise<{ run: Run; first: string | undefined; rest: string; count: number }> {
  const run = await start(webhook);
  told.push({ run, webhook });
  const messages = slackMessages(sandbox.world).splice(0);
  const [first, ...rest] = (messages[0] ?? '').split('\n');
  return {
    run,
    first: messages.length === 0 ? undefined : first,
    rest: rest.join('\n'),
    count: messages.length,
  };
}

/** ECS rolls a deployment back after the first failed tasks. */
const BREAKER = {
  deploymentConfiguration: { deploymentCircuitBreaker: { enable: true, rollback: true } },
};

const TEMPLATE = 'Resources: { Topic: { Type: AWS::SNS::Topic } }';
const RUN = /<[^|]+\/actions\/runs\/\d+\|Run> · .*by octocat/;

describe('deploy-stack', () => {
  const stack = (sandbox: Sandbox, inputs: Record<string, string>, options: RunOptions = {}) =>
    deployStack(
      sandbox,
      { template: 't.yml', ...inputs },
      { workspace: workspaceOf({ 't.yml': TEMPLATE }), ...options },
    );

  test('posts a failure with its fix, but not a success', async () => {
    const sandbox = await sandboxOf({
      scenario: {
        resources: [
          { match: { logicalId: 'Topic', stack: 'bad' }, on: 'create', fail: { message: 'Rate <exceeded>' } },
        ],
      },
    });
    const created = await messagesOf(sandbox, (notify) => stack(sandbox, { notify }));
    expect([created.run.outputs['verdict'], created.count]).toEqual(['created', 0]);
    const unchanged = await messagesOf(sandbox, (notify) => stack(sandbox, { notify }));
    expect([unchanged.run.outputs['verdict'], unchanged.count]).toEqual(['unchanged', 0]);
    const failed = await messagesOf(sandbox, (notify) => stack(sandbox, { notify, 'stack-name': 'bad' }));
    expect(failed.first).toMatch(/^❌ \*deploy-stack: (failed|rolled-back)\* stack bad in eu-west-1$/);
    expect(failed.rest).toContain('Rate &lt;exceeded&gt;');
    expect(failed.rest).toMatch(RUN);
    expect(failed.count).toBe(1);
  });

  test.each(['removed', 'archived', 'prohibited'] as const)(
    'a webhook that is %s changes no verdict: green stays green, red stays red',
    async (which) => {
      const sandbox = await sandboxOf();
      const webhook = `${sandbox.url}${SLACK_WEBHOOKS[which]}`;
      const green = await messagesOf(sandbox, (notify) => stack(sandbox, { notify }), webhook);
      expect([green.run.exitCode, green.run.outputs['verdict']]).toEqual([0, 'created']);
      const red = await messagesOf(
        sandbox,
        (notify) => stack(sandbox, { notify, template: 'none.yml' }),
        webhook,
      );
      expect([red.run.exitCode, red.run.outputs['verdict']]).toEqual([1, 'failed']);
      expect(red.run.log).toMatch(
        /::warning::notify: cannot post to the webhook: the webhook returned HTTP 4\d\d [a-z_]+\./,
      );
    },
  );

  test('a cancelled job exits even if the webhook does not respond', async () => {
    const sandbox = await sandboxOf({
      timeScale: 1,
      scenario: {
        resources: [{ match: { logicalId: 'Topic' }, on: 'create', seconds: 600 }],
        faults: [{ kind: 'delay', service: 'slack', delayMs: 600_000 }],
      },
    });
    const { run } = await messagesOf(sandbox, (notify) =>
      stack(
        sandbox,
        { notify },
        {
          onStart: (child) => {
            void sandbox.calls.arrival({ operation: 'ExecuteChangeSet' }).then(() => child.kill('SIGINT'));
          },
        },
      ),
    );
    expect([run.exitCode, run.outputs['verdict']]).toEqual([1, 'cancelled']);
    expect(sandbox.calls.of('IncomingWebhook').length).toBeLessThanOrEqual(1);
  });
});

test('deploy-environment posts a failure and drift, but not a plan', async () => {
  const sandbox = await sandboxOf({
    scenario: { drift: [{ stack: 'dev-shop-topic', logicalId: 'Topic', set: { DisplayName: 'by hand' } }] },
  });
  const platform = (stack: string) => `
project: shop
region: eu-west-1
environments: { dev: { ${DEV_ACCOUNT} } }
stacks: { topic: { template: ${stack} } }
services: {}
`;
  const good = workspaceOf({ 'platform.yml': platform('t.yml'), 't.yml': TEMPLATE });
  const bad = workspaceOf({
    'platform.yml': platform('t.yml'),
    't.yml': 'Resources: { Topic: { Type: AWS::Nope } }',
  });
  const ends: unknown[] = [];
  for (const [command, workspace] of [
    ['plan', good],
    ['deploy', good],
    ['deploy', good],
    ['drift', good],
    ['deploy', bad],
  ] as const) {
    const { run, first } = await messagesOf(sandbox, (notify) =>
      deployEnvironment(sandbox, { command, notify }, { workspace }),
    );
    ends.push([command, run.outputs['verdict'], first]);
  }
  expect(ends).toEqual([
    ['plan', 'planned', undefined],
    ['deploy', 'deployed', undefined],
    ['deploy', 'unchanged', undefined],
    ['drift', 'drifted', '❌ *deploy-environment: drifted* dev'],
    ['deploy', 'failed', '❌ *deploy-environment: failed* dev'],
  ]);
});

test('promote-environment posts rollbacks and holds, but not a promotion or one that is held', async () => {
  const world = await PromotionWorld.start();
  const { sandbox } = world;
  const workspace = workspaceOf({ 'platform.yml': world.manifest() });
  const [service = ''] = world.services;
  const promote = (inputs: Record<string, string>) =>
    messagesOf(sandbox, (notify) => promoteEnvironment(world, workspace, { notify, ...inputs }));
  await world.release(service, 'v2', 'staging');
  const ends: unknown[] = [];
  for (const inputs of [
    { command: 'hold', reason: 'Load test <!here>' },
    { command: 'hold', reason: 'Load test <!here>', 'dry-run': 'true' },
    { 'dry-run': 'true' },
    {},
    { command: 'release-hold' },
    { command: 'rollback', reason: 'Users cannot log in' },
    { command: 'status' },
  ] as Record<string, string>[]) {
    const { run, first, rest } = await promote(inputs);
    ends.push([inputs['command'] ?? 'promote', run.outputs['verdict'], first]);
    if (first !== undefined) expect(rest).toMatch(RUN);
    expect(rest).not.toContain('<!here>');
  }
  expect(ends).toEqual([
    ['hold', 'hold-set', '⏸️ *promote-environment: hold-set* staging'],
    ['hold', expect.any(String), undefined],
    ['promote', expect.any(String), undefined],
    ['promote', 'held', undefined],
    ['release-hold', 'hold-released', '▶️ *promote-environment: hold-released* staging'],
    ['rollback', 'restored', '↩️ *promote-environment: restored* staging'],
    ['status', 'reported', undefined],
  ]);
});

test('update-service posts a deployment that ECS rolled back', async () => {
  const rules = [{ does: 'exit' as const, match: { image: NEXT }, logs: ['@everyone look'] }];
  const world = await EcsWorld.withService({ scenario: { ecs: { rules } } }, BREAKER);
  const { run, first, rest } = await messagesOf(world.sandbox, (notify) =>
    updateService(world, { image: NEXT, notify }),
  );
  expect(run.outputs['verdict']).toBe('rolled-back');
  expect(first).toMatch(/^❌ \*update-service: rolled-back\* user-service in /);
  expect(rest).toMatch(RUN);
  expect(rest).toMatch(/\n\*Fix:\* .*log/);
  expect(rest).not.toContain('@everyone');
});

describe('supersede-runs', () => {
  const supersede = async (environment: string, actions: 'read' | 'write' = 'write') => {
    const environments = [{ name: 'prod', reviewers: ['lead', 'second'] }, { name: 'dev' }];
    const sandbox = await sandboxOf({ scenario: { github: { environments, runs: [] } } });
    const { id } = gitHubState(sandbox.world).startRun({});
    const { GITHUB_TOKEN: token = '', ...env } = sandbox.jobEnv({ permissions: { actions }, claims: {} });
    return messagesOf(sandbox, (notify) =>
      runAction('supersede-runs', {
        inputs: { environment, notify, reason: '2 of 7 stacks will change.' },
        token,
        node: [node24()],
        env: { ...env, GITHUB_RUN_ID: String(id) },
      }),
    );
  };

  test('posts the pending approval with its reviewers and plan', async () => {
    const { run, first, rest } = await supersede('prod');
    expect([run.outputs['verdict'], first]).toEqual(['unchanged', '⏳ *Waiting for approval* prod']);
    expect(rest).toMatch(
      /^2 of 7 stacks will change\. Reviewers: lead, second\. Review the plan in the run's summary, then approve or reject the deployment there\.\n/,
    );
  });

  test.each(['dev', 'nowhere'])('does not mention %s, which needs no approval', async (environment) => {
    const { run, count } = await supersede(environment);
    expect([run.outputs['verdict'], count]).toEqual(['unchanged', 0]);
  });
});
