import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Run } from '../../../sandbox/runner.ts';
import { DEV, useWorkspaces } from '../../support/action.ts';
import { REPOSITORY } from '../../support/image.ts';
import { RegistrySession } from '../../support/registry.ts';
import { updateService } from '../../support/service.ts';
import { attachBundle, keyBundle, statement } from '../../support/signed-images.ts';
import { type Sigstore, startSigstore } from '../../support/sigstore.ts';
import { EcsWorld } from '../../unit/sandbox/ecs/ecs-world.ts';
import { expectExample } from '../../support/error-example.ts';

const workspaceOf = useWorkspaces();
const RULE = {
  repository: 'org/shop',
  workflow: '.github/workflows/build.yml',
  ref: 'refs/heads/main',
  'trusted-root': 'trusted_root.json',
};
const pair = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const other = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }) as string;
/** Operations that change a service or create something. */
const CHANGING = ['RegisterTaskDefinition', 'UpdateService', 'RunTask'] as const;

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

/** A bundle for an image with this digest. Undefined leaves the image unsigned. */
type Sign = (digest: string) => Promise<object> | object | undefined;

interface Released {
  run: Run;
  changes: string[];
  running: Set<string | undefined>;
  digests: { v1: string; v2: string };
}

/** Releases an image to a service that runs another one, which is unsigned. */
async function release(
  sign: Sign,
  verify: Record<string, string>,
  inputs: Record<string, string> = {},
): Promise<Released> {
  const world = await EcsWorld.start();
  const session = await RegistrySession.open(world.sandbox);
  const uri = `${DEV}.dkr.ecr.eu-west-1.amazonaws.com/${REPOSITORY}`;
  const digests = { v1: await session.image('v1', 'first'), v2: await session.image('v2', 'second') };
  const bundle = await sign(digests.v2);
  if (bundle) await attachBundle(session, digests.v2, bundle);
  await world.create({ taskDefinition: await world.registerWith({ image: `${uri}@${digests.v1}` }) });
  await world.settled();
  const from = world.sandbox.calls.all.length;
  const image = `${uri}@${digests.v2}`;
  const text = Object.entries(verify).map(([key, value]) => `${key}=${value}`);
  const run = await updateService(
    world,
    { image, verify: text.join('\n'), ...inputs },
    { workspace: workspaceOf({ 'trusted_root.json': sigstore.trustedRoot, 'cosign.pub': pem }) },
  );
  const operations = world.sandbox.calls.all.slice(from).map(({ operation }) => operation);
  const changes = operations.filter((one) => (CHANGING as readonly string[]).includes(one));
  const containers = (await world.tasks()).flatMap(({ containers: all = [] }) => all);
  return { run, changes, digests, running: new Set(containers.map(({ imageDigest }) => imageDigest)) };
}

describe('update-service with verify', () => {
  test.each<[string, Sign, Record<string, string>, string]>([
    [
      'the expected workflow',
      (digest) => sigstore.sign(statement(digest)),
      RULE,
      'signed by https://github.com/org/shop/.github/workflows/build.yml@refs/heads/main',
    ],
    [
      'the key in a file',
      (digest) => keyBundle(statement(digest), pair.privateKey),
      { key: 'cosign.pub' },
      'signed by the key SHA256:',
    ],
  ])('releases an image that is signed by %s', async (_, sign, verify, signer) => {
    const { run, changes, running, digests } = await release(sign, verify);
    expect(run.outputs).toMatchObject({ verdict: 'deployed' });
    expect(run.log).toContain('Verified ');
    expect(run.log).toContain(signer);
    expect(changes).toEqual(['RegisterTaskDefinition', 'UpdateService']);
    expect(running).toEqual(new Set([digests.v2]));
  });

  test.each<[string, Sign, Record<string, string>, string]>([
    ['is unsigned', () => undefined, RULE, 'has no signature. Expected one by the workflow'],
    ['is unsigned, with a key', () => undefined, { key: 'cosign.pub' }, 'has no signature'],
    [
      'is signed by another repository',
      (digest) =>
        sigstore.sign(statement(digest), {
          claims: {
            repository: 'org/other',
            job_workflow_ref: 'org/other/.github/workflows/build.yml@refs/heads/main',
          },
        }),
      RULE,
      'repository: expected https://github.com/org/shop, got "https://github.com/org/other"',
    ],
    [
      'is signed by another branch',
      (digest) =>
        sigstore.sign(statement(digest), {
          claims: {
            ref: 'refs/heads/dev',
            job_workflow_ref: 'org/shop/.github/workflows/build.yml@refs/heads/dev',
          },
        }),
      RULE,
      'ref: expected refs/heads/main, got "refs/heads/dev"',
    ],
    [
      'has the signature of another image',
      () => sigstore.sign(statement(`sha256:${'1'.repeat(64)}`)),
      RULE,
      `it is for the image sha256:${'1'.repeat(64)}`,
    ],
    [
      'is signed with another key',
      (digest) => keyBundle(statement(digest), other.privateKey),
      { key: 'cosign.pub' },
      'it is not signed with this key',
    ],
  ])('refuses an image that %s, before anything changes', async (signer, sign, verify, reason) => {
    const { run, changes, running, digests } = await release(sign, verify, {
      'pre-deploy': 'node migrate.js',
    });
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({ verdict: 'failed' });
    expect(run.outputs['reason']).toContain(reason);
    expect(run.result['error']).toMatchObject({ code: 'signature-unverified' });
    if (signer === 'is signed by another branch') expectExample('signature-unverified', run);
    expect(changes).toEqual([]);
    expect(running).toEqual(new Set([digests.v1]));
  });

  test('refuses a rule with an unknown key, and changes nothing', async () => {
    const { run, changes } = await release(() => undefined, { ...RULE, branch: 'main' });
    expect(run.exitCode).toBe(1);
    expect(run.outputs['reason']).toContain(
      'verify: expected keys of repository, workflow, ref, identity, issuer, key, trusted-root, got "branch"',
    );
    expect(changes).toEqual([]);
  });
});
