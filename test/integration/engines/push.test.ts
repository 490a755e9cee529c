import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect } from '@jest/globals';
import type { Sandbox } from '../../../sandbox/index.ts';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { useBaseRegistry } from '../../support/engines/base-registry.ts';
import type { Driver } from '../../support/engines/engine.ts';
import { testWithEngines as test, useEngine } from '../../support/engines/start.ts';
import { buildPushImage, ecrOf } from '../../support/image.ts';
import { authorizationOf } from '../../support/registry.ts';

/** Images that real engines build and push with the committed bundle, read by skopeo. */
const execute = promisify(execFile);
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const { registry, base } = useBaseRegistry();
const DRIVERS: readonly Driver[] = ['remote', 'docker-container', 'docker', 'docker without buildx'];

/** skopeo's options for a sandbox's registry, or for the real one without a login. */
async function accessTo(sandbox: Sandbox): Promise<string[]> {
  const authorization = (await authorizationOf(ecrOf(sandbox))).replace('Basic ', '');
  return ['--tls-verify=false', '--creds', Buffer.from(authorization, 'base64').toString('utf8')];
}

async function digestOf(image: string, access: readonly string[]): Promise<string> {
  const args = ['inspect', ...access, '--format', '{{.Digest}}', `docker://${image}`];
  return (await execute('skopeo', args)).stdout.trim();
}

describe.each(DRIVERS)('with the driver %s', (driver) => {
  const engine = useEngine(driver);

  test.each([
    ["the sandbox's registry", () => ({})],
    ["docker's registry", () => ({ scenario: { ecr: { registry: registry().url } } })],
  ])('an image is pushed to %s with all its tags, and not built again', async (_, options) => {
    const sandbox = await sandboxOf(options());
    const workspace = workspaceOf({ Dockerfile: `FROM ${base().name}\nRUN echo hello > /hello\n` });
    const env = engine().env;
    const repository = `shop/${driver.replaceAll(' ', '-')}`;
    const inputs = { repository, sbom: 'false', tags: 'v1,env-dev' };
    const first = await buildPushImage(sandbox, inputs, { workspace, env });
    expect(first.outputs['reason']).toMatch(/^Pushed the image to /);
    expect(first.outputs).toMatchObject({ verdict: 'pushed', reused: 'false', tag: 'v1' });
    const second = await buildPushImage(sandbox, { ...inputs, tags: 'v2' }, { workspace, env });
    const { digest = '', image = '' } = first.outputs;
    expect(second.outputs).toMatchObject({ verdict: 'reused', digest, image });

    const name = image.replace(/@.*/, '');
    const access = await accessTo(sandbox);
    for (const tag of ['v1', 'env-dev', 'v2']) expect(await digestOf(`${name}:${tag}`, access)).toBe(digest);
  });
});
