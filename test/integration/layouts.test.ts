import { execFile, execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from '@jest/globals';
import { useSandboxes, useWorkspaces } from '../support/action.ts';
import { useBaseRegistry } from '../support/engines/base-registry.ts';
import { testWithEngines as test, useEngine } from '../support/engines/start.ts';
import { buildPushImage } from '../support/image.ts';
import { pushMultiPlatform } from '../support/multi-platform.ts';
import { RegistrySession, RepositorySession } from '../support/registry.ts';

/** Layouts of BuildKit and skopeo are pushed with the bundle, and skopeo copies the image back. */
const sandboxOf = useSandboxes();
const workspaceOf = useWorkspaces();
const engine = useEngine('remote');
const { registry } = useBaseRegistry();
const run = promisify(execFile);
const TLS = '--src-tls-verify=false';

/** The digest in a layout's index.json, and how often. */
function namedBy(index: string): { digest: string; times: number } {
  const { manifests } = JSON.parse(index) as { manifests: { digest: string }[] };
  const digests = new Set(manifests.map((one) => one.digest));
  if (digests.size !== 1) throw new Error(`the layout names ${digests.size} images`);
  return { digest: [...digests][0] ?? '', times: manifests.length };
}

const indexOfTar = (file: string): string =>
  execFileSync('tar', ['--extract', '--to-stdout', `--file=${file}`, 'index.json'], { encoding: 'utf8' });
const indexOfFolder = (folder: string): string => readFileSync(join(folder, 'index.json'), 'utf8');

/** Pushes the layout, and reads all of it with skopeo. */
async function pushed(workspace: string, given: string): Promise<string | undefined> {
  const sandbox = await sandboxOf();
  const ran = await buildPushImage(sandbox, { 'oci-layout': given, tags: 'v1' }, { workspace });
  expect(ran.outputs).toMatchObject({ verdict: 'pushed', tag: 'v1' });
  const session = await RegistrySession.reopen(sandbox);
  const credentials = Buffer.from(session.authorization.replace('Basic ', ''), 'base64').toString();
  const source = `docker://${session.uri}:v1`;
  const copy = ['copy', '--all', TLS, `--src-creds=${credentials}`, source, `dir:${join(workspace, 'out')}`];
  await run('skopeo', ['--insecure-policy', ...copy]);
  return ran.outputs['digest'];
}

const DOCKERFILE = { Dockerfile: 'FROM scratch\nCOPY file /\n', file: 'content' };

test.each([
  ['a tar', [], 'type=oci,dest=image.tar', 1],
  ['a tar with two names', ['--tag=app:v1', '--tag=app:latest'], 'type=oci,dest=image.tar', 2],
  ['a tar without attestations', ['--provenance=false'], 'type=oci,dest=image.tar', 1],
  ['a tar with zstd layers', [], 'type=oci,dest=image.tar,compression=zstd,force-compression=true', 1],
  ['a tar with two platforms', ['--platform=linux/amd64,linux/arm64'], 'type=oci,dest=image.tar', 1],
  ['a folder', [], 'type=oci,dest=image.tar,tar=false', 1],
] as const)('BuildKit writes %s', async (_, options, output, times) => {
  const workspace = workspaceOf(DOCKERFILE);
  const target = output.replace('image.tar', join(workspace, 'image.tar'));
  await engine().docker('buildx', 'build', ...options, `--output=${target}`, workspace);
  const path = join(workspace, 'image.tar');
  const index = output.endsWith('tar=false') ? indexOfFolder(path) : indexOfTar(path);
  expect(namedBy(index).times).toBe(times);
  expect(await pushed(workspace, 'image.tar')).toBe(namedBy(index).digest);
});

test.each([
  ['a folder', 'oci:', 'image', []],
  ['a folder with all platforms', 'oci:', 'image', ['--all']],
  ['a tar', 'oci-archive:', 'image.tar', ['--all']],
  ['a folder with zstd layers', 'oci:', 'image', ['--dest-compress-format=zstd', '--dest-compress']],
] as const)('skopeo writes %s', async (_, transport, name, options) => {
  const workspace = workspaceOf({});
  const upstream = new RepositorySession(`${registry().host}/upstream/app`, '');
  await pushMultiPlatform(upstream, 'v1');
  const path = join(workspace, name);
  const source = `docker://${upstream.uri}:v1`;
  await run('skopeo', ['--insecure-policy', 'copy', TLS, ...options, source, `${transport}${path}`]);
  const index = transport === 'oci:' ? indexOfFolder(path) : indexOfTar(path);
  expect(await pushed(workspace, name)).toBe(namedBy(index).digest);
});

test('a gzipped tar is read', async () => {
  const workspace = workspaceOf(DOCKERFILE);
  const path = join(workspace, 'image.tar');
  await engine().docker('buildx', 'build', `--output=type=oci,dest=${path}`, workspace);
  const { digest } = namedBy(indexOfTar(path));
  await run('gzip', [path]);
  expect(await pushed(workspace, 'image.tar.gz')).toBe(digest);
});
