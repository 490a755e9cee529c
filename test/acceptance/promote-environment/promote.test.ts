import { DescribeImagesCommand, SetRepositoryPolicyCommand } from '@aws-sdk/client-ecr';
import { describe, expect, test } from '@jest/globals';
import { gitHubState } from '../../../sandbox/github/state.ts';
import type { PromotionWorld as World } from '../../support/promotion.ts';
import { expectResultExample } from '../../support/result-example.ts';
import { useWorkspaces } from '../../support/action.ts';
import { pushReferrer } from '../../support/multi-platform.ts';
import { ACCOUNTS, PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';

const workspaceOf = useWorkspaces();
const workspace = (world: World, more = {}, service = ''): string =>
  workspaceOf({ 'platform.yml': world.manifest(more, service) });
/** The operations that change something, in any API. */
const CHANGING =
  /^(?:Put|Update|Create|Register|Deregister|Delete|Set|Upload|Initiate|Complete|Start|Stop|Run|Patch)/;

function changes({ sandbox }: World, from: number): string[] {
  return sandbox.calls.all
    .slice(from)
    .map(({ operation }) => operation)
    .filter((operation) => CHANGING.test(operation));
}

describe('a promotion', () => {
  test('deploys the same digest to the tasks, the ledger and the tag, and is recorded', async () => {
    const commits = ['7631', '7632'].map((start) => ({ sha: start.padEnd(40, '2e') })); // The images v1 and v2.
    const world = await PromotionWorld.start({ scenario: { github: { commits } } });
    const digest = await world.release('user-service', 'v2');
    const run = await promoteEnvironment(world, workspace(world), {});
    expect(run.outputs).toMatchObject({
      verdict: 'promoted',
      reason: 'Promoted 1 service to staging: the images of dev.',
      from: 'dev',
      to: 'staging',
      images: JSON.stringify({ 'user-service': digest }),
      promoted: '["user-service"]',
      skipped: '[]',
      'has-changes': 'true',
    });
    expect(run.exitCode).toBe(0);
    await expectResultExample(run);
    expect(await world.runs('staging')).toEqual([digest]);
    const release = JSON.parse((await world.parameter('staging', 'user-service/release')) ?? '') as object;
    const uri = world.registry('staging').uri;
    expect(release).toMatchObject({ image: `${uri}@${digest}`, from: 'dev', actor: 'octocat' });
    expect((release as { commit: string }).commit).toMatch(/^7632/); // The images of dev's release.
    const { imageDetails } = await world.registry('staging').client.send(
      new DescribeImagesCommand({
        repositoryName: 'shop/user-service',
        imageIds: [{ imageDigest: digest }],
      }),
    );
    expect(imageDetails?.[0]?.imageTags).toEqual(['env-staging', 'v2']);
    expect(await world.parameter('staging', 'lock')).toBeUndefined();
    const [deployment] = gitHubState(world.sandbox.world).deployments;
    expect(deployment?.environment).toBe('staging');
    expect(deployment?.fields).toMatchObject({
      description: 'octocat promotes from dev: user-service',
      payload: { from: 'dev', images: { 'user-service': digest }, actor: 'octocat' },
    });
    const { url = '' } = run.outputs;
    expect(url).toBe(
      'https://eu-west-1.console.aws.amazon.com/ecs/v2/clusters/staging-shop/services?region=eu-west-1',
    );
    const statuses = deployment?.statuses.map(({ state, fields }) => [state, fields['environment_url']]);
    expect(statuses).toEqual([
      ['in_progress', url],
      ['success', url],
    ]);
    expect(run.summary).toContain('### ✅ dev → staging: promoted');
    expect(run.summary).toContain('/compare/76312e');
  });

  test('overwrites no signature, adds a note, and continues', async () => {
    const world = await PromotionWorld.start({ repository: { imageTagMutability: 'IMMUTABLE' } });
    const digest = await world.release('user-service', 'v2');
    const tag = `${digest.replace(':', '-')}.sig`;
    await pushReferrer(world.registry('dev'), digest, 'a signature of dev', tag);
    const own = await pushReferrer(world.registry('staging'), digest, 'a signature of staging', tag);
    const run = await promoteEnvironment(world, workspace(world), {});
    expect(run.outputs['verdict']).toBe('promoted');
    const note = `user-service: shop/user-service:${tag} was not changed, because it has content that cannot be merged.`;
    expect(run.summary).toContain(note);
    expect(run.result['notes']).toContain(note);
    const { imageDetails } = await world
      .registry('staging')
      .client.send(
        new DescribeImagesCommand({ repositoryName: 'shop/user-service', imageIds: [{ imageTag: tag }] }),
      );
    expect(imageDetails?.[0]?.imageDigest).toBe(own);
  });

  test('is unchanged the second time and transfers nothing', async () => {
    const world = await PromotionWorld.start();
    await world.release('user-service', 'v2');
    await promoteEnvironment(world, workspace(world), {});
    const from = world.sandbox.calls.all.length;
    const run = await promoteEnvironment(world, workspace(world), {});
    expect(run.outputs).toMatchObject({
      verdict: 'unchanged',
      skipped: '["user-service"]',
      'has-changes': 'false',
    });
    // Only the lock was written.
    expect(changes(world, from)).toEqual(['PutParameter', 'DeleteParameter']);
    expect(world.sandbox.calls.all.slice(from).filter(({ service }) => service === 'ecr')).toEqual([]);
  });

  test('with a dry run changes nothing, and its plan can then be promoted exactly', async () => {
    const world = await PromotionWorld.start({ services: ['a', 'b'] });
    const digest = await world.release('b', 'v2');
    const from = world.sandbox.calls.all.length;
    const plan = await promoteEnvironment(world, workspace(world), { 'dry-run': 'true' });
    expect(plan.outputs).toMatchObject({
      verdict: 'planned',
      reason: '1 of 2 services would be promoted.',
      'has-changes': 'true',
      promoted: '[]',
      skipped: '["a"]',
    });
    expect(changes(world, from)).toEqual([]);
    expect(plan.log).toMatch(/b +sha256:\w{12} +sha256:\w{12} +promote/);
    const images = plan.outputs['images'] ?? '';
    const run = await promoteEnvironment(world, workspace(world), { images });
    expect(run.outputs).toMatchObject({ verdict: 'promoted', promoted: '["b"]', skipped: '["a"]' });
    expect(await world.runs('staging', 'b')).toEqual([digest]);
  });

  test('copies an image from the registry of the tasks in another account', async () => {
    const world = await PromotionWorld.start();
    const digest = await world.release('user-service', 'v2');
    const policyText = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: { AWS: ACCOUNTS.dev }, Action: 'ecr:*' }],
    });
    await world
      .registry('staging')
      .client.send(new SetRepositoryPolicyCommand({ repositoryName: 'shop/user-service', policyText }));
    const run = await promoteEnvironment(world, workspace(world), { require: 'steady,attestation' });
    expect(run.outputs).toMatchObject({ verdict: 'promoted' });
    expect(await world.runs('staging')).toEqual([digest]);
  });
});
