import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { useWorkspaces } from '../../support/action.ts';
import { PromotionWorld, promoteEnvironment } from '../../support/promotion.ts';
import { attachBundle, statement } from '../../support/signed-images.ts';
import { type Sigstore, startSigstore } from '../../support/sigstore.ts';
import { expectExample } from '../../support/error-example.ts';

const workspaceOf = useWorkspaces();
const RULE =
  'verify: { repository: org/shop, workflow: .github/workflows/build.yml, ref: refs/heads/main, trusted-root: trusted_root.json }';

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

const workspace = (world: PromotionWorld, rule = RULE): string =>
  workspaceOf({
    'platform.yml': world.manifest({ staging: rule }),
    'trusted_root.json': sigstore.trustedRoot,
  });

/** The calls that change the account of the target. */
const changing = (world: PromotionWorld, from: number): string[] =>
  world.sandbox.calls.all
    .slice(from)
    .map(({ operation }) => operation)
    .filter((operation) =>
      /^(?:PutImage|UpdateService|RegisterTask|InitiateLayer|CompleteLayer)/.test(operation),
    );

describe('an environment with verify', () => {
  test('gets an image that the expected workflow has signed', async () => {
    const world = await PromotionWorld.start();
    const digest = await world.release('user-service', 'v2');
    await attachBundle(world.registry('dev'), digest, await sigstore.sign(statement(digest)));
    const run = await promoteEnvironment(world, workspace(world), {});
    expect(run.outputs).toMatchObject({ verdict: 'promoted' });
    expect(run.log).toContain('user-service: verified');
    expect(await world.runs('staging')).toEqual([digest]);
  });

  test.each([
    ['is unsigned', undefined, {}, 'has no signature. Expected one by the workflow'],
    [
      'another repository has signed',
      { repository: 'org/other', job_workflow_ref: 'org/other/.github/workflows/build.yml@refs/heads/main' },
      {},
      'repository: expected https://github.com/org/shop, got "https://github.com/org/other"',
    ],
    [
      'a pull request has signed, also with a bypass',
      {
        ref: 'refs/pull/1/merge',
        job_workflow_ref: 'org/shop/.github/workflows/build.yml@refs/pull/1/merge',
      },
      { 'bypass-reason': 'in a hurry' },
      'ref: expected refs/heads/main, got "refs/pull/1/merge"',
    ],
    ['is unsigned, in a check', undefined, { command: 'check' }, 'has no signature'],
    ['is unsigned, in a dry run', undefined, { 'dry-run': 'true' }, 'has no signature'],
  ])('refuses an image that %s, before anything changes', async (_, claims, inputs, reason) => {
    const world = await PromotionWorld.start();
    const digest = await world.release('user-service', 'v2');
    if (claims) {
      const bundle = await sigstore.sign(statement(digest), { claims });
      await attachBundle(world.registry('dev'), digest, bundle);
    }
    const from = world.sandbox.calls.all.length;
    const run = await promoteEnvironment(world, workspace(world), inputs);
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({ verdict: 'blocked' });
    expect(run.outputs['reason']).toContain(reason);
    expect(JSON.parse(run.outputs['result'] ?? '')).toMatchObject({
      error: { code: 'signature-unverified' },
    });
    expect(changing(world, from)).toEqual([]);
  });

  test('reports an invalid rule before any call to AWS', async () => {
    const world = await PromotionWorld.start();
    const from = world.sandbox.calls.all.length;
    const run = await promoteEnvironment(
      world,
      workspace(world, 'verify: { repository: org/*, workflow: build.yml, ref: main }'),
      {},
    );
    expect(run.exitCode).toBe(1);
    expect(run.outputs['reason']).toMatch(
      /^environments\.staging\.verify\.repository: expected .*, got "org\/\*" \(platform\.yml:\d+\)/,
    );
    expectExample('manifest-invalid', run);
    expect(world.sandbox.calls.all.length).toBe(from);
  });
});

test('an unverified attestation is reported as present, not verified', async () => {
  const world = await PromotionWorld.start();
  await world.release('user-service', 'v2');
  const run = await promoteEnvironment(world, workspace(world, 'protected: false'), {
    require: 'attestation',
  });
  expect(run.outputs).toMatchObject({ verdict: 'promoted' });
  expect(run.summary).toContain('but it is not verified');
});
