import { expect, test } from '@jest/globals';
import { DEV, useSandboxes } from '../../support/action.ts';
import { buildPushImage } from '../../support/image.ts';
import { useLayouts } from '../../support/layouts.ts';

const sandboxOf = useSandboxes();
const layoutOf = useLayouts();

test.each<[Record<string, string>, RegExp]>([
  [{ repository: 'Upper/Case' }, /^repository: "Upper\/Case" is not valid: expected a repository's name/],
  [{ repository: 'ghcr.io/shop/app' }, /^repository: .*ghcr\.io is another registry: give it in also/],
  [{ tags: 'a b' }, /^tags: "a b" is not valid: a tag has letters/],
  [{ tags: '-a' }, /^tags: "-a"/],
  [{ 'oci-layout': 'nowhere' }, /^oci-layout: ".*nowhere" is not valid: there is no such folder or file/],
  [
    { 'oci-layout': 'image', service: 'api' },
    /^service: "api" is not valid: a ready oci-layout is not built/,
  ],
  [{ 'oci-layout': 'Dockerfile' }, /^oci-layout: ".*Dockerfile" is not valid: expected a folder or a tar/],
  [{ context: 'nowhere' }, /^context: ".*nowhere" is not valid: there is no such folder/],
  [{ context: 'image' }, /^file: ".*image\/Dockerfile" is not valid: there is no such Dockerfile/],
  [{ file: 'nowhere' }, /^file: ".*nowhere" is not valid: there is no such Dockerfile/],
  [{ service: 'nowhere' }, /^context: ".*nowhere" is not valid: there is no such folder/],
  [{ service: 'image', file: 'Dockerfile' }, /^service: "image" is not valid: a service is its own context/],
  [{ platforms: 'amd64' }, /^platforms: "amd64" is not valid: expected a platform such as linux\/amd64/],
  [
    { 'build-contexts': 'base=nowhere' },
    /^build-contexts: ".*nowhere" is not valid: there is no such folder/,
  ],
  [{ commit: 'v1.2' }, /^commit: "v1.2" is not valid: expected a whole commit SHA/],
  [{ scan: 'hig' }, /^scan: "hig" is not valid: .*did you mean high\?/],
  [{ provenance: 'maximal' }, /^provenance: "maximal" is not valid/],
  [{ timeout: 'soon' }, /^timeout: "soon" is not valid/],
  [{ 'aws-region': 'ireland' }, /^aws-region: "ireland" is not valid/],
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

test("the URI of a repository is taken in the job's own account and region, and refused in another", async () => {
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
  expect(other.outputs['reason']).toMatch(/^repository: .*expected a repository of the account 111111111111/);
  expect(sandbox.calls.of('CreateRepository')).toHaveLength(1);
});

test('a tag without a commit must be given', async () => {
  const sandbox = await sandboxOf();
  const run = await buildPushImage(
    sandbox,
    { 'oci-layout': 'image' },
    { ...layoutOf(['one']), env: { GITHUB_SHA: '' } },
  );
  expect(run.outputs['reason']).toContain('tags: there is no commit to take the tag from');
});
