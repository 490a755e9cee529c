import { expect, test } from '@jest/globals';
import { parseManifest } from '../../../src/environment/manifest/manifest.ts';
import { environmentUrl } from '../../../src/environment/manifest/places.ts';

const WITH_STACK = `{ path: api, paths: ['/*'], priority: 100 }`;

function urlOf(environment: string, service: string): string {
  const text = `
project: shop
region: eu-west-1
environments:
  dev: { account: '111111111111'${environment} }
services:
  api: ${service}
`;
  const manifest = parseManifest(text, 'platform.yml');
  return environmentUrl(manifest, manifest.environments['dev']!);
}

const cluster = (name: string, region = 'eu-west-1', domain = 'console.aws.amazon.com'): string =>
  `https://${region}.${domain}/ecs/v2/clusters/${name}/services?region=${region}`;

test.each([
  ['its url', `, url: 'https://dev.example.com'`, WITH_STACK, 'https://dev.example.com'],
  ['its cluster', '', WITH_STACK, cluster('dev-shop')],
  [
    'its cluster in another partition',
    ', region: cn-north-1',
    WITH_STACK,
    cluster('dev-shop', 'cn-north-1', 'console.amazonaws.cn'),
  ],
  [
    'the cluster of a service that exists already',
    '',
    '{ repository: a/b, environments: { dev: { cluster: live, region: eu-central-1 } } }',
    cluster('live', 'eu-central-1'),
  ],
  [
    'the cluster of an ARN, without the account',
    '',
    "{ repository: a/b, environments: { dev: { cluster: 'arn:aws:ecs:eu-west-1:111111111111:cluster/live' } } }",
    cluster('live'),
  ],
])('an environment is found by %s', (_, environment, service, url) => {
  expect(urlOf(environment, service)).toBe(url);
  expect(URL.canParse(url)).toBe(true);
});
