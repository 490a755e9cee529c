import { describe, expect, test } from '@jest/globals';
import {
  ecrRegistry,
  isLoopback,
  parseReference,
  versionOf,
} from '../../../../src/images/registry/reference.ts';

const DIGEST = `sha256:${'f'.repeat(64)}`;
const SHA512 = `sha512:${'f'.repeat(128)}`;
const IDENTIFIER = '1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a';

/**
 * The name, and how Docker parses it: registry, path, version.
 *
 * @see https://github.com/distribution/reference/blob/main/normalize_test.go
 * @see https://github.com/distribution/reference/blob/main/reference_test.go
 */
const READ: readonly (readonly [name: string, registry: string, path: string, version?: string])[] = [
  ['nginx', 'docker.io', 'library/nginx'],
  ['nginx:1', 'docker.io', 'library/nginx', '1'],
  ['docker.io/nginx:1', 'docker.io', 'library/nginx', '1'],
  ['docker.io/library/nginx:1', 'docker.io', 'library/nginx', '1'],
  ['index.docker.io/library/nginx', 'docker.io', 'library/nginx'],
  ['index.docker.io/nginx', 'docker.io', 'library/nginx'],
  ['library/nginx', 'docker.io', 'library/nginx'],
  ['library/foo/bar', 'docker.io', 'library/foo/bar'],
  ['fooo/bar', 'docker.io', 'fooo/bar'],
  ['docker.io/fooo/bar', 'docker.io', 'fooo/bar'],
  ['store/foo/bar', 'docker.io', 'store/foo/bar'],
  [`docker.io/${IDENTIFIER}`, 'docker.io', `library/${IDENTIFIER}`],
  [IDENTIFIER.slice(1), 'docker.io', `library/${IDENTIFIER.slice(1)}`],
  ['test_com', 'docker.io', 'library/test_com'],
  ['test_com/foo', 'docker.io', 'test_com/foo'],
  ['test.com:tag', 'docker.io', 'library/test.com', 'tag'],
  ['test.com:5000', 'docker.io', 'library/test.com', '5000'],
  ['192.168.0.1', 'docker.io', 'library/192.168.0.1'],
  ['192.168.0.1:80', 'docker.io', 'library/192.168.0.1', '80'],
  ['192.168.0.1:8/debian', '192.168.0.1:8', 'debian'],
  ['192.168.1.1:5000/repo:5050', '192.168.1.1:5000', 'repo', '5050'],
  ['test.com/repo:tag', 'test.com', 'repo', 'tag'],
  ['test:5000/repo', 'test:5000', 'repo'],
  ['test:5000/repo:tag', 'test:5000', 'repo', 'tag'],
  [`test:5000/repo@${DIGEST}`, 'test:5000', 'repo', DIGEST],
  [`test:5000/repo:tag@${DIGEST}`, 'test:5000', 'repo', DIGEST],
  [`busybox:latest@${DIGEST}`, 'docker.io', 'library/busybox', DIGEST],
  ['lowercase:Uppercase', 'docker.io', 'library/lowercase', 'Uppercase'],
  ['localhost/app', 'localhost', 'app'],
  ['localhost:5000/a', 'localhost:5000', 'a'],
  ['localhost', 'docker.io', 'library/localhost'],
  ['Foo/bar', 'Foo', 'bar'],
  ['sub-dom1.foo.com/bar/baz/quux:some-long-tag', 'sub-dom1.foo.com', 'bar/baz/quux', 'some-long-tag'],
  [
    'b.gcr.io/test.example.com/my-app:test.example.com',
    'b.gcr.io',
    'test.example.com/my-app',
    'test.example.com',
  ],
  ['xn--n3h.com:18080/foo', 'xn--n3h.com:18080', 'foo'],
  [`xn--7o8h.com/myimage:xn--7o8h.com@${SHA512}`, 'xn--7o8h.com', 'myimage', SHA512],
  ['foo_bar.com:8080', 'docker.io', 'library/foo_bar.com', '8080'],
  ['foo/foo_bar.com:8080', 'docker.io', 'foo/foo_bar.com', '8080'],
  ['[fc00::1]:5000/docker', '[fc00::1]:5000', 'docker'],
  ['[fc00:1:2:3:4:5:6:7]:5000/library/debian', '[fc00:1:2:3:4:5:6:7]:5000', 'library/debian'],
  ['[2001:db8::1]/repo', '[2001:db8::1]', 'repo'],
  [`[2001:db8::1]:5000/repo:tag@${DIGEST}`, '[2001:db8::1]:5000', 'repo', DIGEST],
  ['dock__er/docker---rules', 'docker.io', 'dock__er/docker---rules'],
  ['d/t', 'docker.io', 'd/t'],
  ['ghcr.io/o/a:t', 'ghcr.io', 'o/a', 't'],
  ['public.ecr.aws/x/y', 'public.ecr.aws', 'x/y'],
  [
    `${'a/'.repeat(127)}a:tag-puts-this-over-max`,
    'docker.io',
    `${'a/'.repeat(127)}a`,
    'tag-puts-this-over-max',
  ],
];

const REFUSED: readonly string[] = [
  '',
  ':justtag',
  `@${DIGEST}`,
  'repo@sha256:ffffffffffffffffffffffffffffffffff',
  `validname@invaliddigest:${'f'.repeat(128)}`,
  `repo@${DIGEST.toUpperCase()}`,
  'Uppercase:tag',
  'test:5000/Uppercase/lowercase:tag',
  `${'a/'.repeat(128)}a:tag`,
  'aa/asdf$$^/aa',
  '[2001:db8::1]',
  '[2001:db8::1]:5000',
  '[2001:db8::1]:tag',
  '[fe80::1%eth0]:5000/repo',
  '[fe80::1%@invalidzone]:5000/repo',
  '[2001:db8:3:4::192.0.2.33]:5000/debian',
  'fc00::1:5000/debian',
  'https://github.com/docker/docker',
  'docker/Docker',
  '-docker',
  '-docker/docker',
  'docker-/docker',
  '-docker.io/docker/docker',
  'docker///docker',
  'docker.io/docker/Docker',
  'docker.io/docker///docker',
  IDENTIFIER,
  '____/____',
  '_docker/_docker',
  'dock..er/docker',
  'dock_.er/docker',
  'dock-.er/docker',
  'docker/',
  '/docker',
  'docker:',
  'docker:-foo',
  `docker:${'t'.repeat(129)}`,
  'docker@',
  'docker tag',
  'docker:tag\n',
];

describe('an image’s name', () => {
  test.each(READ)('%s', (name, registry, path, version = 'latest') => {
    const reference = parseReference(name);
    expect(reference).toMatchObject({ registry, path });
    expect(versionOf(reference ?? {})).toBe(version);
  });

  test.each(REFUSED)('not %j', (name) => {
    expect(parseReference(name)).toBeUndefined();
  });

  test.each(READ)('%s keeps its form and has the same meaning with its full name', (name) => {
    const { registry, path, name: short, tag, digest } = parseReference(name)!;
    const version = `${tag === undefined ? '' : `:${tag}`}${digest === undefined ? '' : `@${digest}`}`;
    expect(`${short}${version}`).toBe(name);
    expect(parseReference(`${registry}/${path}${version}`)).toMatchObject({ registry, path });
    expect(parseReference(`${short}@${DIGEST}`)).toMatchObject({ registry, path, digest: DIGEST });
  });
});

test.each([
  ['111111111111.dkr.ecr.eu-west-1.amazonaws.com', '111111111111', 'eu-west-1'],
  ['111111111111.dkr.ecr-fips.us-gov-west-1.amazonaws.com', '111111111111', 'us-gov-west-1'],
  ['111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn', '111111111111', 'cn-north-1'],
  ['111111111111.dkr-ecr.eu-west-1.on.aws', '111111111111', 'eu-west-1'],
])('%s is an ECR registry', (host, account, region) => {
  expect(ecrRegistry(host)).toEqual({ account, region });
});

test.each([
  'public.ecr.aws',
  'ghcr.io',
  'docker.io',
  '111111111111.dkr.ecr.eu-west-1.amazonaws.com.example.com',
  '11111.dkr.ecr.eu-west-1.amazonaws.com',
])('%s is not', (host) => {
  expect(ecrRegistry(host)).toBeUndefined();
});

test.each([
  ['localhost', true],
  ['localhost:5000', true],
  ['127.0.0.1:5000', true],
  ['127.1.2.3', true],
  ['[::1]:5000', true],
  ['localhost.example.com', false],
  ['127.0.0.1.example.com', false],
  ['10.0.0.1:5000', false],
  ['ghcr.io', false],
])('whether %s is this machine: %s', (host, expected) => {
  expect(isLoopback(host)).toBe(expected);
});
