import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { OIDC_REQUEST_TOKEN } from '../../../sandbox/iam/oidc.ts';
import type { Run } from '../../../sandbox/runner.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { deployEnvironment, ecsServiceTemplate, SMALL_PLATFORM } from '../../support/environment.ts';
import { LayoutWriter } from '../../support/oci.ts';
import { RegistrySession } from '../../support/registry.ts';
import { attachBundle, statement } from '../../support/signed-images.ts';
import { type Sigstore, startSigstore } from '../../support/sigstore.ts';

const newSandbox = useSandboxes();
const newWorkspace = useWorkspaces();

/** The claims that the sandbox's token certifies. */
const CLAIMS = {
  repository: 'org/platform',
  job_workflow_ref: 'org/platform/.github/workflows/pipeline.yml@refs/heads/main',
};
const OTHER_CLAIMS = { ...CLAIMS, job_workflow_ref: CLAIMS.job_workflow_ref.replace('pipeline', 'other') };
const ruleOf = (workflow: string): string =>
  `verify: { repository: org/platform, workflow: .github/workflows/${workflow}.yml, ref: refs/heads/main, trusted-root: trusted_root.json }`;
const RULE = ruleOf('pipeline');

let sigstore: Sigstore;
beforeAll(async () => {
  sigstore = await startSigstore();
});
afterAll(() => sigstore.close());

/** A platform with one service whose environment requires a signature. */
class SignedPlatform {
  readonly sandbox: Sandbox;
  readonly registry: RegistrySession;
  readonly workspace: string;

  private constructor(sandbox: Sandbox, registry: RegistrySession, workspace: string) {
    this.sandbox = sandbox;
    this.registry = registry;
    this.workspace = workspace;
  }

  static async start(...manifest: Parameters<SignedPlatform['require']>): Promise<SignedPlatform> {
    const sandbox = await newSandbox({ timeScale: 200 });
    const registry = await RegistrySession.open(sandbox, { repositoryName: 'shop/api' });
    const workspace = newWorkspace({
      ...SMALL_PLATFORM,
      'network.yml': (SMALL_PLATFORM['network.yml'] ?? '').replace(/ {2}Images: .*\n/, ''),
      'api.yml': ecsServiceTemplate('blue', '{ DeploymentCircuitBreaker: { Enable: true, Rollback: true } }'),
      'trusted_root.json': sigstore.trustedRoot,
    });
    const platform = new SignedPlatform(sandbox, registry, workspace);
    platform.require(...manifest);
    return platform;
  }

  /** Writes the manifest, with additional keys of the environment, the service and its build. */
  require(environment = RULE, service = '', build = ''): void {
    const more = (keys: string): string => (keys === '' ? '' : `, ${keys}`);
    const manifest = (SMALL_PLATFORM['platform.yml'] ?? '')
      .replace('parameters: dev.json', `$&${more(environment)}`)
      .replace('priority: 100', `$&${more(service)}`)
      .replace('oci-layout: image', `$&${more(build)}`);
    writeFileSync(join(this.workspace, 'platform.yml'), manifest);
  }

  /** Changes the image of the workspace. Returns its digest. */
  commit(version: string): string {
    const layout = new LayoutWriter(join(this.workspace, 'image'));
    const image = layout.image([version]);
    layout.finish(image);
    return image.digest;
  }

  async sign(digest: string, claims = CLAIMS): Promise<void> {
    await attachBundle(this.registry, digest, await sigstore.sign(statement(digest), { claims }));
  }

  run(inputs: Record<string, string> = {}): Promise<Run> {
    const { ACTIONS_ID_TOKEN_REQUEST_URL = '' } = this.sandbox.env();
    // The sandbox's repositories are on loopback, so they are not recognized as ECR: they are read with a login.
    const [host = ''] = this.registry.uri.split('/');
    const auth = this.registry.authorization.replace(/^Basic /, '');
    const env = {
      DOCKER_AUTH_CONFIG: JSON.stringify({ auths: { [host]: { auth } } }),
      ACTIONS_ID_TOKEN_REQUEST_URL,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: OIDC_REQUEST_TOKEN,
      SIGSTORE_FULCIO_URL: sigstore.url,
      SIGSTORE_REKOR_URL: sigstore.url,
      SIGSTORE_TRUSTED_ROOT: 'trusted_root.json',
    };
    return deployEnvironment(this.sandbox, inputs, { workspace: this.workspace, env });
  }

  /** Runs a command. Returns what it released: changes of the service, and executed change sets of its stack. */
  async release(
    inputs: Record<string, string> = {},
  ): Promise<{ run: Run; service: Part; released: string[]; all: string[] }> {
    const from = this.sandbox.calls.all.length;
    const run = await this.run(inputs);
    const made = this.sandbox.calls.all.slice(from);
    const all = made
      .map(({ operation }) => operation)
      .filter((one) => /^(?:ExecuteChangeSet|UpdateService|RegisterTask|RunTask)/.test(one));
    const parts = (run.result['parts'] ?? []) as Part[];
    const service = parts.find(({ name, kind }) => name === 'api' && kind === 'service') ?? NO_PART;
    return { run, service, all, released: all.filter((one) => one !== 'ExecuteChangeSet') };
  }

  /** The inputs of `apply` for a plan. */
  async plan(): Promise<Record<string, string>> {
    const { outputs } = await this.run({ command: 'plan' });
    return { command: 'apply', plan: outputs['plan'] ?? '', fingerprint: outputs['fingerprint'] ?? '' };
  }
}

interface Part {
  name: string;
  kind: string;
  verdict: string;
  reason: string;
  error?: { code: string };
}
const NO_PART: Part = { name: '', kind: '', verdict: 'none', reason: '' };

describe('an environment with verify', () => {
  test('refuses an image without a signature before its first release and before the next ones', async () => {
    const platform = await SignedPlatform.start();
    const v1 = platform.commit('v1');
    const first = await platform.release();
    expect(first.run.exitCode).toBe(1);
    expect(first.service.reason).toContain('has no signature. Expected one by the workflow');
    expect(first.released).toEqual([]);
    expect(platform.sandbox.calls.of('PutParameter').map(({ input }) => input['Name'])).not.toContain(
      '/shop/dev/api/image',
    );

    await platform.sign(v1);
    const created = await platform.release();
    expect(created.service).toMatchObject({ verdict: 'created' });
    expect(created.run.log).toContain(`signed by https://github.com/${CLAIMS.job_workflow_ref}`);

    const v2 = platform.commit('v2');
    const unsigned = await platform.release();
    expect(unsigned.run.exitCode).toBe(1);
    expect(unsigned.service.reason).toContain('has no signature');
    expect(unsigned.all).toEqual([]);

    await platform.sign(v2, OTHER_CLAIMS);
    const other = await platform.release();
    expect(other.service.reason).toContain(
      'workflow: expected org/platform/.github/workflows/pipeline.yml, got',
    );
    expect(other.all).toEqual([]);

    await platform.sign(v2);
    const released = await platform.release();
    expect(released.service).toMatchObject({ verdict: 'deployed' });
    expect(released.released).toEqual(['RegisterTaskDefinition', 'UpdateService']);
  });

  test('refuses an unsigned image in an approved plan, and releases it once it is signed', async () => {
    const platform = await SignedPlatform.start('');
    platform.commit('v1');
    expect((await platform.release()).service).toMatchObject({ verdict: 'created' });
    platform.require(RULE);
    const v2 = platform.commit('v2');
    const approved = await platform.plan();
    const unsigned = await platform.release(approved);
    expect(unsigned.run.exitCode).toBe(1);
    expect(unsigned.service.reason).toContain('has no signature');
    expect(unsigned.all).toEqual([]);
    await platform.sign(v2);
    const released = await platform.release(approved);
    expect(released.service).toMatchObject({ verdict: 'deployed' });
  });

  test.each(['plan', 'deploy'])(
    'refuses a given image without a signature by %s, before any stack is changed',
    async (command) => {
      const platform = await SignedPlatform.start();
      platform.commit('v1');
      const digest = await platform.registry.image('v2');
      const images = JSON.stringify({ api: digest });
      const refused = await platform.release({ command, images });
      expect(refused.run.exitCode).toBe(1);
      expect(refused.run.outputs).toMatchObject({ verdict: 'failed' });
      expect(refused.run.outputs['reason']).toContain('has no signature');
      expect(refused.run.result['error']).toMatchObject({ code: 'signature-unverified' });
      expect(platform.sandbox.calls.of('CreateChangeSet')).toEqual([]);
      expect(refused.all).toEqual([]);
      await platform.sign(digest);
      const { run } = await platform.release({ command, images });
      expect(run.outputs).toMatchObject({ verdict: command === 'plan' ? 'planned' : 'deployed' });
    },
  );

  test('requires the signer of the service if it has one', async () => {
    const platform = await SignedPlatform.start(RULE, ruleOf('other'));
    const digest = platform.commit('v1');
    await platform.release();
    await platform.sign(digest);
    const refused = await platform.release();
    expect(refused.service.reason).toContain(
      'workflow: expected org/platform/.github/workflows/other.yml, got',
    );
    expect(refused.released).toEqual([]);
    await platform.sign(digest, OTHER_CLAIMS);
    expect((await platform.release()).service).toMatchObject({ verdict: 'created' });
  });

  test('releases an image signed by the same run', async () => {
    const platform = await SignedPlatform.start(RULE, '', 'sign: keyless');
    for (const [version, verdict] of [
      ['v1', 'created'],
      ['v2', 'deployed'],
    ] as const) {
      platform.commit(version);
      const { run, service } = await platform.release();
      expect(service).toMatchObject({ verdict });
      expect(run.log).toContain(`Signed by https://github.com/${CLAIMS.job_workflow_ref}`);
      expect(run.log).toContain('Verified sha256:');
    }
  });
});
