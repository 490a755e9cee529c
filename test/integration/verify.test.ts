import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { OIDC_REQUEST_TOKEN } from '../../sandbox/iam/oidc.ts';
import type { Run } from '../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../support/action.ts';
import { buildPushImage } from '../support/image.ts';
import { useLayouts } from '../support/layouts.ts';
import { PromotionWorld, promoteEnvironment } from '../support/promotion.ts';
import { RegistrySession } from '../support/registry.ts';
import { type Sigstore, startSigstore } from '../support/sigstore.ts';
import { tools } from '../support/tools/tools.ts';

/** Real cosign, offline: the bundles verify its signatures, and it verifies theirs. */
const execute = promisify(execFile);
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const layoutOf = useLayouts();
const SERVICE = 'user-service';

let cosign: string;
let folder: string;
let sigstore: Sigstore;

beforeAll(async () => {
  cosign = tools.cosign();
  folder = mkdtempSync(join(tmpdir(), 'cosign-'));
  sigstore = await startSigstore();
  for (const name of ['ours', 'theirs']) await run(['generate-key-pair', '--output-key-prefix', name]);
});
afterAll(async () => {
  rmSync(folder, { recursive: true });
  await sigstore.close();
});

async function run(args: string[], login?: RegistrySession): Promise<string> {
  if (login) {
    const host = login.uri.slice(0, login.uri.indexOf('/'));
    const auth = login.authorization.replace('Basic ', '');
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ auths: { [host]: { auth } } }));
  }
  const env = { PATH: process.env['PATH'], HOME: folder, DOCKER_CONFIG: folder, COSIGN_PASSWORD: '' };
  const { stdout, stderr } = await execute(cosign, args, { cwd: folder, env });
  return stdout + stderr;
}

const FORMS = {
  bundle: [],
  'tag .sig': ['--new-bundle-format=false'],
};

async function sign(
  session: RegistrySession,
  digest: string,
  form: keyof typeof FORMS,
  key = 'ours',
): Promise<void> {
  const offline = ['--use-signing-config=false', '--tlog-upload=false', '--yes'];
  await run(['sign', '--key', `${key}.key`, ...offline, ...FORMS[form], `${session.uri}@${digest}`], session);
}

function promote(world: PromotionWorld, inputs = {}): Promise<Run> {
  const workspace = workspaceOf({
    'platform.yml': world.manifest({ staging: 'verify: { key: cosign.pub }' }),
    'cosign.pub': readFileSync(join(folder, 'ours.pub'), 'utf8'),
  });
  return promoteEnvironment(world, workspace, inputs);
}

describe.each(['bundle', 'tag .sig'] as const)('an image that cosign signed with a key (%s)', (form) => {
  test('is promoted', async () => {
    const world = await PromotionWorld.start();
    const digest = await world.release(SERVICE, 'v2');
    await sign(world.registry('dev'), digest, form);
    const promoted = await promote(world);
    expect(promoted.outputs).toMatchObject({ verdict: 'promoted' });
    expect(await world.runs('staging')).toEqual([digest]);
    // The signature was copied too.
    const target = world.registry('staging');
    const verified = await run(
      [
        'verify',
        '--key',
        'ours.pub',
        '--insecure-ignore-tlog',
        '--private-infrastructure',
        `${target.uri}@${digest}`,
      ],
      target,
    );
    expect(verified).toContain('The signatures were verified against the specified public key');
  });

  test('with another key is refused, until the right key signs it too', async () => {
    // The second signature moves the tag of the first.
    const repository = { imageTagMutability: 'MUTABLE' as const, imageTagMutabilityExclusionFilters: [] };
    const world = await PromotionWorld.start({ repository });
    const digest = await world.release(SERVICE, 'v2');
    await sign(world.registry('dev'), digest, form, 'theirs');
    const refused = await promote(world);
    expect(refused.outputs).toMatchObject({ verdict: 'blocked' });
    expect(refused.outputs['reason']).toContain('it is not signed with this key');
    await sign(world.registry('dev'), digest, form);
    expect((await promote(world)).outputs).toMatchObject({ verdict: 'promoted' });
  });

  test('is refused if only one platform is signed', async () => {
    const world = await PromotionWorld.start();
    const digest = await world.release(SERVICE, 'v2');
    const session = world.registry('dev');
    const answer = await session.fetch('GET', `manifests/${digest}`, {
      headers: { accept: 'application/vnd.oci.image.index.v1+json' },
    });
    const { manifests } = (await answer.json()) as { manifests: { digest: string }[] };
    await sign(session, manifests[0]?.digest ?? '', form);
    const refused = await promote(world);
    expect(refused.outputs).toMatchObject({ verdict: 'blocked' });
    expect(refused.outputs['reason']).toContain('has no signature');
  });
});

test('an unsigned image is refused', async () => {
  const world = await PromotionWorld.start();
  await world.release(SERVICE, 'v2');
  const refused = await promote(world, { command: 'check' });
  expect(refused.outputs).toMatchObject({ verdict: 'blocked' });
});

test('cosign verifies the signatures of build-push-image', async () => {
  const sandbox = await sandboxOf();
  const { workspace, digest } = layoutOf(['signed'], { 'trusted_root.json': sigstore.trustedRoot });
  const { ACTIONS_ID_TOKEN_REQUEST_URL = '' } = sandbox.env();
  const pushed = await buildPushImage(
    sandbox,
    { 'oci-layout': 'image', sign: 'keyless' },
    {
      workspace,
      env: {
        ACTIONS_ID_TOKEN_REQUEST_URL,
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: OIDC_REQUEST_TOKEN,
        SIGSTORE_FULCIO_URL: sigstore.url,
        SIGSTORE_REKOR_URL: sigstore.url,
        SIGSTORE_TRUSTED_ROOT: 'trusted_root.json',
      },
    },
  );
  expect(pushed.outputs).toMatchObject({ verdict: 'pushed' });
  writeFileSync(join(folder, 'trusted_root.json'), sigstore.trustedRoot);
  const session = await RegistrySession.reopen(sandbox);
  const verify = (identity: string) =>
    run(
      [
        'verify',
        '--trusted-root',
        'trusted_root.json',
        '--certificate-identity',
        identity,
        '--certificate-oidc-issuer',
        'https://token.actions.githubusercontent.com',
        `${session.uri}@${digest}`,
      ],
      session,
    );
  const workflow = 'https://github.com/org/platform/.github/workflows/pipeline.yml';
  expect(await verify(`${workflow}@refs/heads/main`)).toContain(digest);
  await expect(verify(`${workflow}@refs/heads/dev`)).rejects.toThrow('no matching');
});
