import { describe, expect, test } from '@jest/globals';
import { contract } from '../../../actions/build-push-image/contract.ts';
import { buildOnlyRequest, imageRequest } from '../../../actions/build-push-image/request.ts';
import { readInputs } from '../../../src/core/inputs/contract.ts';

const ORIGIN = { commit: 'abc', url: 'https://github.com/org/app' };
const DIGEST = `sha256:${'a'.repeat(64)}`;

function requested(given: Record<string, string>) {
  const all: Record<string, string> = { repository: 'shop/app', 'aws-region': 'eu-west-1', ...given };
  const inputs = readInputs(contract.inputs, { getInput: (name) => all[name] ?? '', env: {} });
  return inputs.push ? imageRequest(inputs, ORIGIN, '/w') : buildOnlyRequest(inputs, ORIGIN, '/w');
}

describe('a request', () => {
  test('from another registry', () => {
    expect(requested({ from: 'nginx:1.27' }).source).toEqual({
      kind: 'mirror',
      image: { registry: 'docker.io', path: 'library/nginx', name: 'nginx', tag: '1.27' },
    });
  });

  test("for copies uses the image's tags by default", () => {
    const also = 'ghcr.io/org/app, org/app:latest, localhost:5000/app';
    expect(requested({ also, tags: 'v1,v2' })).toMatchObject({
      also: [
        { repository: { registry: 'ghcr.io', path: 'org/app' }, tags: ['v1', 'v2'] },
        { repository: { registry: 'docker.io', path: 'org/app' }, tags: ['latest'] },
        { repository: { registry: 'localhost:5000', path: 'app' }, tags: ['v1', 'v2'] },
      ],
    });
  });

  test('of a bake file', () => {
    const bake = { 'bake-file': 'docker-bake.hcl, cwd:///tmp/meta.json', labels: 'a=b' };
    expect(requested(bake).source).toMatchObject({
      kind: 'build',
      bake: { files: ['/w/docker-bake.hcl', '/tmp/meta.json'], target: 'default', labels: { a: 'b' } },
    });
  });

  test.each([
    ['never', undefined],
    ['weekly', 604_800_000],
    ['720h', 2_592_000_000],
    ['90m', 5_400_000],
  ])('of a rebuild: %s', (rebuild, rebuildAfterMs) => {
    expect(requested({ rebuild })).toMatchObject({ reuse: true, numberTags: true });
    expect(requested({ rebuild, tags: 'v1' })).toMatchObject({ numberTags: false });
    expect('rebuildAfterMs' in requested({ rebuild })).toBe(rebuildAfterMs !== undefined);
    expect(Object(requested({ rebuild }))).toMatchObject(
      rebuildAfterMs === undefined ? {} : { rebuildAfterMs },
    );
  });

  test('without a push needs no region and no tag', () => {
    expect(requested({ push: 'false', 'aws-region': '', also: 'ghcr.io/org/app' })).toEqual({
      repository: 'shop/app',
      source: expect.objectContaining({ kind: 'build' }),
      timeoutMs: 3_600_000,
    });
  });
});

test.each<[Record<string, string>, RegExp]>([
  [{ rebuild: 'daily' }, /^rebuild: expected never, weekly, or a duration from 1h.*, got "daily"/],
  [{ rebuild: '59m' }, /^rebuild: expected never, weekly, or a duration from 1h such as 720h, got "59m"$/],
  [{ rebuild: 'weekly', from: 'nginx' }, /^rebuild: expected never, because from and.*, got "weekly"/],
  [{ from: 'org/UPPER' }, /^from: expected an image.*, got "org\/UPPER"/],
  [{ from: `app@sha512:${'a'.repeat(128)}` }, /^from: .*expected an image/],
  [
    { from: 'nginx', context: '.' },
    /^context: expected no value, because from is set, got "\."\. Its image is copied without a build$/,
  ],
  [
    { from: 'nginx', 'oci-layout': 'image' },
    /^oci-layout: expected no value, because from is set, got "image"\. Its image is copied without a build$/,
  ],
  [
    { from: 'nginx', 'bake-file': 'a.hcl' },
    /^bake-file: expected no value, because from is set, got "a\.hcl"\. Its image is copied without a build$/,
  ],
  [
    { from: 'nginx', platforms: 'linux/amd64' },
    /^platforms: expected no value, because from is set, got "linux\/amd64"\. Its image is copied without a build$/,
  ],
  [{ from: 'nginx', push: 'false' }, /^push: expected true with from or oci-layout.*, got "false"/],
  [
    { 'oci-layout': 'image', push: 'false' },
    /^push: expected true with from or oci-layout, got "false"\. There is nothing to build$/,
  ],
  [
    { 'oci-layout': 'image', 'bake-file': 'a.hcl' },
    /^bake-file: expected no value, because oci-layout is set, got "a\.hcl"\. Its image is already built$/,
  ],
  [
    { 'bake-file': 'a.hcl', file: 'Dockerfile' },
    /^file: expected no value, because bake-file is set, got "Dockerfile"\. The bake file specifies the context and the Dockerfil/,
  ],
  [{ scan: 'low', push: 'false' }, /^scan: expected off with push: false.*, got "low"/],
  [{ sbom: 'yes' }, /^sbom: expected auto, true, false or generator=.*, got "yes"/],
  [{ sbom: 'generator=org/scanner:1' }, /^sbom: .*expected auto, true, false or generator=<image>@sha256/],
  [
    { context: 'https://github.com/org/app.git#main' },
    /^context: expected a folder in the workspace, got "https:\/\/github\.com\/org\/app\.git#main"\. Check out the other repository f/,
  ],
  [{ context: 'git@github.com:org/app.git' }, /^context: .*expected a folder in the workspace/],
  [{ service: 'github.com/org/app' }, /^service: .*expected a folder in the workspace/],
  [{ also: 'nginx' }, /^also: expected a repository.*, got "nginx"/],
  [{ also: `ghcr.io/org/app@${DIGEST}` }, /^also: /],
  [{ also: 'https://ghcr.io/org/app' }, /^also: /],
  [{ 'aws-region': '' }, /^aws-region: a value is required, here or in the environment variable AWS_REGION/],
])('%j is one clear error', (inputs, reason) => {
  expect(() => requested(inputs)).toThrow(reason);
});
