import { CreateRepositoryCommand } from '@aws-sdk/client-ecr';
import { expect, test } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../../support/action.ts';
import { DockerPlayback, PROGRESS } from '../../support/docker-playback.ts';
import { deployEnvironment, SMALL_PLATFORM } from '../../support/environment.ts';
import { ecrOf } from '../../support/image.ts';
import { useLayouts } from '../../support/layouts.ts';
import { openTokenRepository } from '../../support/registry.ts';

const start = useSandboxes();
const layoutOf = useLayouts();
const workspaceOf = useWorkspaces();
const LOGIN = { username: 'octocat', password: 'correct horse battery staple' };

test('the output has the images of all services, without account ids', async () => {
  const sandbox = await start();
  const { workspace, digest } = layoutOf(['one', 'two'], SMALL_PLATFORM);
  await ecrOf(sandbox).send(new CreateRepositoryCommand({ repositoryName: 'shop/api' }));
  const run = await deployEnvironment(sandbox, { command: 'build' }, { workspace });
  expect(run.outputs).toMatchObject({ verdict: 'built', images: JSON.stringify({ api: digest }) });
  const again = await deployEnvironment(sandbox, { command: 'build' }, { workspace });
  expect(again.outputs['images']).toBe(run.outputs['images']);
  expect(again.outputs['reason']).toBe('Reused 1 image.');
});

test('if one image cannot be pushed, the build fails without an images output', async () => {
  const sandbox = await start();
  const { workspace } = layoutOf(['one'], SMALL_PLATFORM);
  const run = await deployEnvironment(sandbox, { command: 'build' }, { workspace });
  expect(run.exitCode).toBe(1);
  expect(run.outputs).toMatchObject({ verdict: 'failed' });
  expect(run.outputs['images'] ?? '').toBe('');
  expect(run.outputs['reason']).toContain('api: ');
  expect(run.outputs['reason']).toContain('shop/api');
});

test("refuses an account other than the manifest's before the push", async () => {
  const sandbox = await start();
  const { workspace } = layoutOf(['one'], {
    ...SMALL_PLATFORM,
    'platform.yml': (SMALL_PLATFORM['platform.yml'] ?? '').replaceAll('111111111111', '222222222222'),
  });
  const run = await deployEnvironment(sandbox, { command: 'build' }, { workspace });
  expect(run.outputs['reason']).toContain('The credentials belong to account 111111111111');
  expect(sandbox.calls.all.map(({ operation }) => operation)).toEqual(['GetCallerIdentity']);
});

test('mirrors an image from another registry, and copies one to it', async () => {
  const sandbox = await start();
  const registry = await sandbox.openRegistry({ login: LOGIN });
  const digest = await openTokenRepository(registry, 'upstream/api').image('v1');
  const build = `build: { from: '${registry.host}/upstream/api:v1', also: ['${registry.host}/org/api:latest'] }`;
  const { workspace } = layoutOf(['one'], {
    ...SMALL_PLATFORM,
    'platform.yml': (SMALL_PLATFORM['platform.yml'] ?? '').replace('build: { oci-layout: image }', build),
  });
  await ecrOf(sandbox).send(new CreateRepositoryCommand({ repositoryName: 'shop/api' }));
  const auths = {
    [registry.host]: { auth: Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64') },
  };
  const env = { DOCKER_AUTH_CONFIG: JSON.stringify({ auths }) };
  const run = await deployEnvironment(sandbox, { command: 'build' }, { workspace, env });
  expect(run.outputs).toMatchObject({ verdict: 'built', images: JSON.stringify({ api: digest }) });
  expect(registry.pull('org/api', 'latest', true)).toBe(digest);
});

test('does not copy the image of a pull request to other registries', async () => {
  const sandbox = await start();
  const { workspace } = layoutOf(['one'], {
    ...SMALL_PLATFORM,
    'platform.yml': (SMALL_PLATFORM['platform.yml'] ?? '').replace(
      'build: { oci-layout: image }',
      'build: { oci-layout: image, also: registry.invalid/org/api:latest }',
    ),
  });
  await ecrOf(sandbox).send(new CreateRepositoryCommand({ repositoryName: 'shop/api' }));
  const event = { pull_request: { number: 7, head: { sha: 'b'.repeat(40) } } };
  const env = { GITHUB_EVENT_NAME: 'pull_request' };
  const run = await deployEnvironment(sandbox, { command: 'build' }, { workspace, event, env });
  expect(run.outputs['verdict']).toBe('built');
});

test('passes build arguments and secrets to all services or to one, without a trace of the secrets', async () => {
  const sandbox = await start();
  const docker = new DockerPlayback(workspaceOf({}), { builds: [{ progress: PROGRESS, exitCode: 1 }] });
  const build = "build: { context: api, build-args: { A: '1', B: '2' } }";
  const workspace = workspaceOf({
    ...SMALL_PLATFORM,
    'platform.yml': (SMALL_PLATFORM['platform.yml'] ?? '').replace('build: { oci-layout: image }', build),
    'api/Dockerfile': 'FROM scratch\n',
  });
  await ecrOf(sandbox).send(new CreateRepositoryCommand({ repositoryName: 'shop/api' }));
  const inputs = {
    command: 'build',
    'build-args': 'B=3\nC=4\napi/C=5',
    'build-secrets': 'api/token=correct-horse-battery',
  };
  const run = await deployEnvironment(sandbox, inputs, { workspace, env: docker.env });
  const [command = ''] = docker.builds;
  expect(command).toContain('--build-arg A=1 --build-arg B=3 --build-arg C=5');
  expect(command).toContain('--secret id=token,env=BUILD_SECRET_0');
  expect(docker.read('secret')).toBe('correct-horse-battery');
  const shown = `${run.log.replaceAll(/^::add-mask::.*$/gm, '')}${run.summary}${JSON.stringify(run.outputs)}`;
  expect(shown).not.toContain('correct-horse-battery');
  expect(docker.calls.join('\n')).not.toContain('correct-horse-battery');

  const wrong = { ...inputs, 'build-args': 'apis/A=1' };
  const refused = await deployEnvironment(sandbox, wrong, { workspace });
  expect(refused.outputs['reason']).toMatch(/^build-args: .*, got "apis\/A"\. Did you mean api\/A\?$/);
});

test('builds at most max-builds images at a time', async () => {
  const sandbox = await start();
  const names = Array.from({ length: 6 }, (_, index) => `api-${index}`);
  const services = names.map(
    (name, index) =>
      `  ${name}: { path: api, paths: ['/${name}'], priority: ${100 + index}, template: api.yml, build: { context: api } }\n`,
  );
  const workspace = workspaceOf({
    ...SMALL_PLATFORM,
    'platform.yml': (SMALL_PLATFORM['platform.yml'] ?? '').replace(/^ {2}api: .*\n/m, services.join('')),
    'api/Dockerfile': 'FROM scratch\n',
  });
  for (const name of names) {
    await ecrOf(sandbox).send(new CreateRepositoryCommand({ repositoryName: `shop/${name}` }));
  }
  const built = async (maxBuilds: string) => {
    const docker = new DockerPlayback(workspaceOf({}), {
      builds: [{ progress: PROGRESS, exitCode: 1 }],
      seconds: 0.5,
    });
    const inputs = { command: 'build', 'max-builds': maxBuilds };
    const run = await deployEnvironment(sandbox, inputs, { workspace, env: docker.env });
    return { run, docker };
  };
  const two = await built('2');
  expect(two.docker.builds).toHaveLength(6);
  expect(two.docker.mostBuilds).toBe(2);
  expect(two.run.log).toContain('Waiting for another build to finish (max-builds: 2).');
  expect((await built('100')).docker.mostBuilds).toBeGreaterThan(2);
  const wrong = await built('0');
  expect(wrong.run.outputs['reason']).toContain('max-builds: ');
});
