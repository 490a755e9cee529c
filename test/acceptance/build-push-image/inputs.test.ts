import { expect, test } from '@jest/globals';
import { DEV, useSandboxes } from '../../support/action.ts';
import { buildPushImage } from '../../support/image.ts';
import { useLayouts } from '../../support/layouts.ts';

const sandboxOf = useSandboxes();
const layoutOf = useLayouts();

test.each<[Record<string, string>, RegExp]>([
  [
    { repository: 'Upper/Case' },
    /^repository: expected the name of a repository in lower case.*, got "Upper\/Case"/,
  ],
  [{ repository: 'ghcr.io/shop/app' }, /^repository: .* To push to ghcr\.io, add it to the input also/],
  [{ tags: 'a b' }, /^tags: expected a tag without a registry: at most 128 letters.*, got "a b"/],
  [{ tags: '-a' }, /^tags: expected a tag .*, got "-a"/],
  [
    { 'oci-layout': 'nowhere' },
    /^oci-layout: expected a folder or a tar archive in the workspace, got "nowhere"/,
  ],
  [
    { 'oci-layout': 'image', service: 'api' },
    /^service: expected no value, because oci-layout is set, got "api"/,
  ],
  [{ 'oci-layout': 'Dockerfile' }, /^oci-layout: expected a folder or a tar archive.*, got "Dockerfile"/],
  [{ context: 'nowhere' }, /^context: expected a folder in the workspace, got "nowhere"/],
  [{ context: 'image' }, /^file: expected a Dockerfile in the workspace, got "image\/Dockerfile"/],
  [{ file: 'nowhere' }, /^file: expected a Dockerfile in the workspace, got "nowhere"/],
  [{ service: 'nowhere' }, /^context: expected a folder in the workspace, got "nowhere"/],
  [
    { service: 'image', file: 'Dockerfile' },
    /^service: expected no value, because context or file is set, got "image"/,
  ],
  [{ platforms: 'amd64' }, /^platforms: expected a platform such as linux\/amd64.*, got "amd64"/],
  [
    { 'build-contexts': 'base=nowhere' },
    /^build-contexts: expected a folder in the workspace, got "nowhere"/,
  ],
  [{ commit: 'v1.2' }, /^commit: expected a full commit SHA.*, got "v1.2"/],
  [{ scan: 'hig' }, /^scan: .*, got "hig"\. Did you mean high\?/],
  [{ provenance: 'maximal' }, /^provenance: .*, got "maximal"/],
  [{ timeout: 'soon' }, /^timeout: .*, got "soon"/],
  [{ 'aws-region': 'ireland' }, /^aws-region: .*, got "ireland"/],
])('%j is one clear error, before any call to AWS', async (inputs, reason) => {
  const sandbox = await sandboxOf();
  const image = layoutOf(['one'], { Dockerfile: 'FROM scratch\n' });
  const run = await buildPushImage(sandbox, inputs, image);
  expect(run.exitCode).toBe(1);
  expect(run.outputs['verdict']).toBe('failed');
  expect(run.outputs['reason']).toMatch(reason);
  expect(sandbox.calls.all).toEqual([]);
  expect(run.log).not.toContain('    at ');
});

test("accepts a repository URI only in the job's own account and region", async () => {
  const sandbox = await sandboxOf();
  const image = layoutOf(['one']);
  const uri = (account: string): string => `${account}.dkr.ecr.eu-west-1.amazonaws.com/shop/app`;
  const own = await buildPushImage(sandbox, { 'oci-layout': 'image', repository: uri(DEV) }, image);
  expect(own.outputs).toMatchObject({ verdict: 'pushed', repository: 'shop/app' });
  const other = await buildPushImage(
    sandbox,
    { 'oci-layout': 'image', repository: uri('222222222222') },
    image,
  );
  expect(other.outputs['reason']).toMatch(
    /^repository: expected a repository in the account 111111111111 of the job's credentials/,
  );
  expect(sandbox.calls.of('CreateRepository')).toHaveLength(1);
});

test('requires a tag if there is no commit', async () => {
  const sandbox = await sandboxOf();
  const run = await buildPushImage(
    sandbox,
    { 'oci-layout': 'image' },
    { ...layoutOf(['one']), env: { GITHUB_SHA: '' } },
  );
  expect(run.outputs['reason']).toContain('tags: a value is required, because there is no commit');
});
