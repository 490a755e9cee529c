import { expect, test } from '@jest/globals';
import { requireBuildValues, valuesFor } from '../../../src/environment/service/build-values.ts';
import type { Manifest } from '../../../src/environment/manifest/manifest.ts';

const manifest = {
  file: 'platform.yml',
  services: { api: {}, 'api-jobs': {} },
  existing: { legacy: {} },
} as unknown as Manifest;

test.each([
  [{}, {}],
  [{ A: '1' }, { A: '1' }],
  [{ 'api/A': '2', A: '1' }, { A: '2' }],
  [
    { A: '1', 'api/B': '2', 'api-jobs/C': '3', 'legacy/A': '4' },
    { A: '1', B: '2' },
  ],
])('the values %j are for api %j', (values, expected) => {
  expect(valuesFor('api', values)).toEqual(expected);
});

test.each<[Record<string, string>, RegExp | undefined]>([
  [{ A: '1', 'api/A': '1', 'legacy/A': '1' }, undefined],
  [
    { 'apis/A': '1' },
    /^build-args: expected NAME or service\/NAME with a service of platform\.yml: api, api-jobs, legacy, got "apis\/A"\. Did you m/,
  ],
  [{ 'api/': '1' }, /^build-args: expected a name after the service.*, got "api\/"/],
])('%j is checked against the manifest', (buildArgs, problem) => {
  const check = () => {
    requireBuildValues({ buildArgs, buildSecrets: {} }, manifest);
  };
  if (problem) expect(check).toThrow(problem);
  else expect(check).not.toThrow();
});

test('the value of a secret is not in the error', () => {
  const check = () => {
    requireBuildValues({ buildArgs: {}, buildSecrets: { 'web/token': 'correct-horse' } }, manifest);
  };
  expect(check).toThrow(/^build-secrets: .*, got "web\/token"/);
  expect(check).not.toThrow(/correct-horse/);
});
