import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ListImageReferrersCommand } from '@aws-sdk/client-ecr';
import type { Sandbox } from '../../../sandbox/index.ts';
import { OIDC_REQUEST_TOKEN } from '../../../sandbox/iam/oidc.ts';
import { useSandboxes } from '../../support/action.ts';
import { buildPushImage, ecrOf, REPOSITORY } from '../../support/image.ts';
import { type LayoutWorkspace, useLayouts } from '../../support/layouts.ts';
import { type Sigstore, startSigstore } from '../../support/sigstore.ts';
import { expectExample } from '../../support/error-example.ts';

const sandboxOf = useSandboxes();
const layoutOf = useLayouts();
const SIGNER = 'https://github.com/org/platform/.github/workflows/pipeline.yml@refs/heads/main';

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

const layout = (): LayoutWorkspace => layoutOf(['signed'], { 'trusted_root.json': sigstore.trustedRoot });

function push(sandbox: Sandbox, { workspace }: LayoutWorkspace, inputs = {}, env = {}) {
  const { ACTIONS_ID_TOKEN_REQUEST_URL } = sandbox.env();
  return buildPushImage(
    sandbox,
    { 'oci-layout': 'image', sign: 'keyless', ...inputs },
    {
      workspace,
      env: {
        ...(ACTIONS_ID_TOKEN_REQUEST_URL !== undefined && { ACTIONS_ID_TOKEN_REQUEST_URL }),
        ACTIONS_ID_TOKEN_REQUEST_TOKEN: OIDC_REQUEST_TOKEN,
        SIGSTORE_FULCIO_URL: sigstore.url,
        SIGSTORE_REKOR_URL: sigstore.url,
        SIGSTORE_TRUSTED_ROOT: 'trusted_root.json',
        ...env,
      },
    },
  );
}

async function signatures(sandbox: Sandbox, imageDigest: string): Promise<number> {
  const subjectId = { imageDigest };
  const command = new ListImageReferrersCommand({ repositoryName: REPOSITORY, subjectId });
  return ((await ecrOf(sandbox).send(command)).referrers ?? []).length;
}

describe('sign: keyless', () => {
  test('signs the image with the identity of the job, once', async () => {
    const sandbox = await sandboxOf();
    const made = layout();
    const run = await push(sandbox, made);
    expect(run.outputs).toMatchObject({ verdict: 'pushed', digest: made.digest });
    expect(run.log).toContain(`Signed by ${SIGNER} (issuer https://token.actions.githubusercontent.com).`);
    expect(JSON.parse(run.outputs['result'] ?? '')).toMatchObject({ signature: { state: 'signed' } });
    expect(run.summary).toContain('Signed by https');
    expect(await signatures(sandbox, made.digest)).toBe(1);
    const again = await push(sandbox, made, { tags: 'v2' });
    expect(again.outputs).toMatchObject({ verdict: 'reused' });
    expect(JSON.parse(again.outputs['result'] ?? '')).toMatchObject({ signature: { state: 'present' } });
    expect(await signatures(sandbox, made.digest)).toBe(1);
  });

  test('signs an image that an earlier run pushed without a signature', async () => {
    const sandbox = await sandboxOf();
    const made = layout();
    await push(sandbox, made, { sign: 'none' });
    expect(await signatures(sandbox, made.digest)).toBe(0);
    const run = await push(sandbox, made, { tags: 'v2' });
    expect(run.outputs).toMatchObject({ verdict: 'reused' });
    expect(await signatures(sandbox, made.digest)).toBe(1);
  });

  test.each([
    [
      'without the permission for a token',
      { ACTIONS_ID_TOKEN_REQUEST_URL: '' },
      'oidc-unavailable',
      'sign: keyless needs an OIDC token',
    ],
    [
      'in a private repository with the public instance',
      { SIGSTORE_FULCIO_URL: '', SIGSTORE_REKOR_URL: '' },
      'input-invalid',
      'in the public log of Sigstore',
    ],
    [
      'with a log that does not respond',
      { SIGSTORE_REKOR_URL: 'http://127.0.0.1:9' },
      'service-unavailable',
      'Sigstore did not sign the image: "error creating tlog entry',
    ],
    [
      'with a trust root of another instance',
      { SIGSTORE_TRUSTED_ROOT: 'other.json' },
      'signature-unverified',
      'The new signature cannot be verified',
    ],
  ])('%s, fails before a tag is set', async (_, env, code, reason) => {
    const other = await startSigstore();
    const sandbox = await sandboxOf();
    const files = { 'trusted_root.json': sigstore.trustedRoot, 'other.json': other.trustedRoot };
    const run = await push(sandbox, layoutOf(['signed'], files), {}, env);
    await other.close();
    expect(run.exitCode).toBe(1);
    expect(run.outputs).toMatchObject({ verdict: 'failed' });
    expect(run.outputs['tag']).toBeUndefined();
    expect(run.outputs['reason']).toContain(reason);
    expect(JSON.parse(run.outputs['result'] ?? '')).toMatchObject({ error: { code } });
    if (code === 'service-unavailable') expectExample(code, run);
    expect(run.log.replaceAll(/::add-mask::.*/g, '')).not.toMatch(/eyJ[\w-]+\.eyJ/);
  });
});
