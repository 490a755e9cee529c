import { join } from 'node:path';
import { expect } from '@jest/globals';
import { resolveBake } from '../../src/images/build/bake.ts';
import type { BuildRequest } from '../../src/images/build/command.ts';
import { DockerClient } from '../../src/images/build/docker.ts';
import { useWorkspaces } from '../support/action.ts';
import { createConfigWithBuildx } from '../support/engines/docker-config.ts';
import { runsWith, testWith, testWithTool } from '../support/software.ts';
import { contextOf } from '../unit/images/registry/context.ts';

/** Bake files, resolved by a real buildx of the same version on every machine. */
const test = runsWith('docker') ? testWithTool('buildx') : testWith('docker');

const workspaceOf = useWorkspaces();
const BAKE_FILE = `
variable "TAG" {
  default = "latest"
}
group "default" {
  targets = ["api"]
}
target "base" {
  args   = { A = "1", NONE = null }
  labels = { team = "shop" }
}
target "api" {
  inherits    = ["base"]
  context     = "./api"
  contexts    = { shared = "./shared", alpine = "docker-image://alpine:3" }
  args        = { B = "$\${HOME}", C = "%%{x}" }
  tags        = ["org/api:\${TAG}"]
  target      = "runtime"
  platforms   = ["linux/arm64", "linux/amd64"]
  secret      = ["type=env,id=npm,env=NPM_TOKEN", "type=file,id=key,src=./key"]
  attest      = ["type=provenance,mode=max", "type=sbom,disabled=true"]
  output      = ["type=registry"]
  cache-from  = ["type=gha"]
  pull        = true
  no-cache    = false
  ulimits     = ["nofile=1024:1024"]
  extra-hosts = { db = "10.0.0.1" }
  annotations = ["index:org.example=a"]
  shm-size    = "128m"
  network     = "none"
}
target "several" {
  name   = "several-\${v}"
  matrix = { v = ["a", "b"] }
}
target "linked" {
  contexts = { base = "target:base" }
}
target "local" {
  output = ["type=local,dest=out"]
}
`;

function resolved(target: string) {
  const workspace = workspaceOf({ 'docker-bake.hcl': BAKE_FILE, key: 'x' });

  const build: BuildRequest = {
    workspace,
    context: workspace,
    file: join(workspace, 'Dockerfile'),
    platforms: [],
    target: undefined,
    buildArgs: {},
    buildContexts: {},
    secrets: {},
    ssh: [],
    labels: {},
    cache: 'registry',
    provenance: 'auto',
    sbom: 'auto',
  };
  const env = {
    ...process.env,
    NPM_TOKEN: 'correct-horse',
    TAG: 'v1',
    DOCKER_CONFIG: createConfigWithBuildx(workspace),
  };
  const docker = new DockerClient(join(workspace, 'config'), undefined, env, contextOf());
  const bake = { files: [join(workspace, 'docker-bake.hcl')], target, labels: {} };
  return { workspace, result: resolveBake(docker, bake, build) };
}

test('a target resolves to the build that buildx would run', async () => {
  const { workspace, result } = resolved('default');
  const { build, notes } = await result;
  expect(build).toMatchObject({
    context: join(workspace, 'api'),
    file: join(workspace, 'api/Dockerfile'),
    buildArgs: { A: '1', B: '${HOME}', C: '%{x}' },
    buildContexts: { shared: join(workspace, 'shared'), alpine: 'docker-image://alpine:3' },
    labels: { team: 'shop' },
    target: 'runtime',
    platforms: ['linux/amd64', 'linux/arm64'],
    provenance: 'max',
    sbom: 'false',
    secretSpecs: { npm: 'id=npm,env=NPM_TOKEN', key: `id=key,src=${join(workspace, 'key')}` },
    options: [
      ...['--pull', '--network', 'none', '--shm-size', '128m', '--ulimit', 'nofile=1024:1024'],
      ...['--add-host', 'db=10.0.0.1', '--annotation', 'index:org.example=a'],
    ],
  });
  expect(notes.join('\n')).toContain('org/api:v1');
});

test.each([
  ['several', /This group has several: several-a, several-b$/],
  ['linked', /uses another target as the context base \(target:base\)/],
  ['local', /has the output dest=out,type=local,/],
  ['none', /docker buildx bake failed: "ERROR: failed to find target none"$/],
])('the target %s is refused', async (target, message) => {
  await expect(resolved(target).result).rejects.toThrow(message);
});
