import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UpdateServiceCommand } from '@aws-sdk/client-ecs';
import { expect, test } from '@jest/globals';
import type { SandboxOptions } from '../../../sandbox/index.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment } from '../../support/environment.ts';
import { ACCOUNTS, deployRoles, ExistingShop } from '../../support/existing.ts';
import { deniedCalls, policyIn } from '../../support/iam.ts';
import { RegistrySession } from '../../support/registry.ts';
import { attachBundle, statement } from '../../support/signed-images.ts';
import { startSigstore } from '../../support/sigstore.ts';

/** Services that another tool created: only our images, revisions and parameters are created. */

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();
const GITHUB = { environments: [{ name: 'dev', branches: ['main'] }] };

async function newShop(options: SandboxOptions = {}): Promise<ExistingShop> {
  const scenario = { github: GITHUB, roles: deployRoles(['dev']) };
  const sandbox = await newSandbox({ accounts: Object.values(ACCOUNTS), scenario, ...options });
  sandbox.claims['environment'] = 'dev';
  const shop = await ExistingShop.create(sandbox, newWorkspace({}), ['dev']);
  sandbox.calls.all.length = 0;
  return shop;
}

const run = (shop: ExistingShop, inputs: Record<string, string>, sha = 'a'): Promise<Run> =>
  deployEnvironment(shop.sandbox, inputs, { workspace: shop.folder, env: { GITHUB_SHA: sha.repeat(40) } });

const outcome = ({ outputs, log }: Run): string => outputs['verdict'] ?? log;

/** The distinct operations that change something. */
function changes({ sandbox }: ExistingShop): string[] {
  const isRead = /^(?:Get|Describe|List|BatchGet|BatchCheck|Head|Download|Assume)/;
  const made = sandbox.calls.all
    .filter(({ service, operation }) => service !== 'github' && !isRead.test(operation))
    .map(({ service, operation }) => `${service} ${operation}`);
  return [...new Set(made)].sort();
}

test('builds an image, pushes it to the repository and releases it, and creates nothing else', async () => {
  const shop = await newShop();
  const doctor = await run(shop, { command: 'doctor' });
  expect(outcome(doctor)).toBe('ready');
  expect(changes(shop)).toEqual([]);
  const v1 = shop.commit('v1');
  const plan = await run(shop, { command: 'plan' });
  expect(plan.outputs).toMatchObject({
    verdict: 'planned',
    reason: 'Plan for dev ready: 1 of 1 service will change.',
    'has-changes': 'true',
  });
  expect(plan.summary).toContain(
    `Will build the image of this commit and release it to the service dev-web of the cluster live-dev, which runs dev-web-task:1`,
  );
  const { plan: document = '', fingerprint = '' } = plan.outputs;
  const applied = await run(shop, { command: 'apply', plan: document, fingerprint });
  expect(applied.outputs).toMatchObject({ verdict: 'deployed', images: JSON.stringify({ api: v1 }) });
  expect(await shop.runs('dev')).toEqual([v1]);
  expect(changes(shop)).toEqual([
    'ecs RegisterTaskDefinition',
    'ecs UpdateService',
    'registry PutManifest',
    'registry PutUpload',
    'registry StartUpload',
    'ssm DeleteParameter',
    'ssm PutParameter',
  ]);
  const again = await run(shop, { command: 'plan' });
  expect(again.outputs).toMatchObject({
    verdict: 'unchanged',
    'has-changes': 'false',
    images: JSON.stringify({ api: v1 }),
  });
  const same = await run(shop, { command: 'deploy' }, 'b');
  expect(outcome(same)).toBe('unchanged');
  expect(shop.sandbox.calls.where({ service: 'cloudformation' })).toEqual([]);

  const hold = { reason: 'Orders fail', actor: 'eve', at: '2026-11-27T08:00:00Z', run: '' };
  await shop.put('dev', 'hold', JSON.stringify(hold));
  await shop.put('dev', 'lock', 'a person');
  const status = await run(shop, { command: 'status' });
  expect(status.outputs['reason']).toBe('dev: 1 service is owned by another tool.');
  expect(status.summary).toContain(v1.slice(0, 'sha256:'.length + 12));
  expect(status.summary).toContain('dev is on hold (set by eve at 2026-11-27T08:00:00Z): Orders fail');
  expect(status.summary).toContain('dev is locked: a person');
  expect(outcome(await run(shop, { command: 'plan' }, 'c'))).toBe('held');
  await shop.take('dev', 'lock');

  const destroyed = await run(shop, { command: 'destroy' });
  expect(outcome(destroyed)).toBe('unchanged');
  expect(destroyed.summary).toContain('Not deleted, because another tool created them: api.');
  expect(await shop.runs('dev')).toEqual([v1]);

  const statements = policyIn(doctor.log);
  const { all } = shop.sandbox.calls;
  expect(deniedCalls(statements, all, shop.roles('dev'))).toEqual([]);
  const ledgerless = statements.filter(({ Action }) => !Action.includes('ssm:PutParameter'));
  expect(deniedCalls(ledgerless, all, shop.roles('dev'))).toContain(
    'ssm:PutParameter on arn:aws:ssm:eu-west-1:111111111111:parameter/shop/dev/api/lock',
  );
});

test('an image that the expected workflow did not sign is not released', async () => {
  const shop = await newShop();
  const sigstore = await startSigstore();
  try {
    const file = join(shop.folder, 'platform.yml');
    const rule =
      'verify: { repository: org/platform, workflow: .github/workflows/pipeline.yml, ref: refs/heads/main, trusted-root: root.json }';
    writeFileSync(file, readFileSync(file, 'utf8').replace('  dev:\n', `$&    ${rule}\n`));
    writeFileSync(join(shop.folder, 'root.json'), sigstore.trustedRoot);
    const registry = await RegistrySession.reopen(shop.sandbox, ACCOUNTS.dev, 'team/api');
    const [host = ''] = registry.uri.split('/');
    const auth = registry.authorization.replace(/^Basic /, '');
    const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: { auth } } }) };
    const deploy = () =>
      deployEnvironment(shop.sandbox, { command: 'deploy' }, { workspace: shop.folder, env });
    const digest = shop.commit('v1');
    const refused = await deploy();
    expect(outcome(refused)).toBe('failed');
    expect(refused.outputs['reason']).toMatch(
      / has no signature\. Expected one by the workflow .*pipeline\.yml.*\. 1 of 2 completed\.$/,
    );
    expect(changes(shop).filter((change) => change.startsWith('ecs '))).toEqual([]);
    const claims = {
      repository: 'org/platform',
      job_workflow_ref: 'org/platform/.github/workflows/pipeline.yml@refs/heads/main',
    };
    await attachBundle(registry, digest, await sigstore.sign(statement(digest), { claims }));
    expect(outcome(await deploy())).toBe('deployed');
    expect(await shop.runs('dev')).toEqual([digest]);
  } finally {
    await sigstore.close();
  }
});

test('compares the image with the running tasks, not only with the ledger', async () => {
  const shop = await newShop();
  const v1 = shop.commit('v1');
  expect(outcome(await run(shop, { command: 'deploy' }))).toBe('deployed');
  const byHand = (revision: number) =>
    shop.reconfigure('dev', { taskDefinition: `dev-web-task:${revision}` });

  const images = JSON.stringify({ api: v1 });
  const planned = await run(shop, { command: 'plan', images });
  expect(outcome(planned)).toBe('unchanged');
  await byHand(1);
  const plan = await run(shop, { command: 'plan', images });
  expect(plan.summary).toMatch(
    /Will release sha256:\w{12} to the service dev-web of the cluster live-dev, which runs dev-web-task:1/,
  );
  const { plan: document = '', fingerprint = '' } = plan.outputs;
  const approved = { command: 'apply', plan: document, fingerprint };
  const other = JSON.stringify({ api: `sha256:${'0'.repeat(64)}` });
  expect(outcome(await run(shop, { ...approved, images: other }))).toBe('plan-changed');
  const without = await run(shop, approved);
  expect(without.outputs['reason']).toContain('but images has no image for it.');
  const applied = await run(shop, { ...approved, images });
  expect(outcome(applied)).toBe('deployed');
  const repeated = await run(shop, { ...approved, images });
  expect(outcome(repeated)).toBe('unchanged');
  expect(await shop.runs('dev')).toEqual([v1]);
});

test('without a new image, keeps the running one and reports if it is not the recorded release', async () => {
  const shop = await newShop();
  shop.commit('v1');
  expect(outcome(await run(shop, { command: 'deploy' }))).toBe('deployed');
  shop.writeManifest({ build: false });
  const kept = await run(shop, { command: 'deploy' }, 'b');
  expect(outcome(kept)).toBe('unchanged');
  await shop.reconfigure('dev', { taskDefinition: 'dev-web-task:1' });
  const strayed = await run(shop, { command: 'deploy' }, 'c');
  expect(strayed.exitCode).toBe(1);
  expect(strayed.outputs['reason']).toContain('It was changed outside of Platform');
});

test('a service without a recorded release and with missing tasks is not green', async () => {
  const rules = [{ does: 'run' as const, times: 1 }, { does: 'stay-pending' as const }];
  const shop = await newShop({ scenario: { github: GITHUB, ecs: { rules } } });
  shop.writeManifest({ build: false });
  expect(outcome(await run(shop, { command: 'deploy' }))).toBe('unchanged');
  const place = { cluster: 'live-dev', service: 'dev-web' };
  await shop.ecs('dev').send(new UpdateServiceCommand({ ...place, desiredCount: 2 }));
  const unsteady = await run(shop, { command: 'deploy' });
  expect([unsteady.exitCode, outcome(unsteady)]).toEqual([1, 'failed']);
  expect(unsteady.outputs['reason']).toMatch(/api is not steady: .* Nothing was changed\. Fix: Check the/);
});

test('names a missing service and a missing repository before the first change', async () => {
  const shop = await newShop();
  const v1 = shop.commit('v1');
  shop.writeManifest({ cluster: 'live-dve', repository: 'team/apii' });
  const doctor = await run(shop, { command: 'doctor' });
  expect(outcome(doctor)).toBe('not-ready');
  expect(doctor.summary).toContain('Did you mean live-dev?');
  expect(doctor.summary).toContain('The repository team/apii does not exist');
  expect(policyIn(doctor.log).map(({ Action }) => Action[0])).not.toContain('iam:PassRole');
  const plan = await run(shop, { command: 'plan', images: JSON.stringify({ api: v1 }) });
  expect(plan.exitCode).toBe(1);
  expect(plan.outputs['reason']).toContain('Did you mean live-dev?');
  const deploy = await run(shop, { command: 'deploy', images: JSON.stringify({ api: v1 }) });
  expect(deploy.outputs['reason']).toContain('team/apii');
  expect(shop.sandbox.calls.of('RegisterTaskDefinition')).toEqual([]);
});

test('doctor names denied calls, an unproven repository, and a service without a circuit breaker', async () => {
  const shop = await newShop({ scenario: { github: GITHUB } });
  shop.writeManifest({ repository: 'team/other' });
  await shop.reconfigure('dev', {
    deploymentConfiguration: { deploymentCircuitBreaker: { enable: false, rollback: false } },
  });
  const denied = { kind: 'error' as const, code: 'AccessDeniedException', status: 400, times: 99 };
  shop.sandbox.addFault({ ...denied, operation: 'ListTasks' });
  shop.sandbox.addFault({ ...denied, operation: 'DescribeLogGroups' });
  const { summary } = await run(shop, { command: 'doctor' });
  expect(summary).toContain('denied: ecs:ListTasks');
  expect(summary).toContain('logs:DescribeLogGroups');
  expect(summary).toContain('The repository team/other does not exist');
  expect(summary).toContain('no container runs an image from team/other yet');
  expect(summary).toContain('the deployment circuit breaker is disabled');
});
