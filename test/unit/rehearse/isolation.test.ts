import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { withoutCloudAccess } from '../../../src/rehearse/isolation.ts';

const REAL = {
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_PROFILE: 'prod',
  AWS_ENDPOINT_URL: 'https://aws.example',
  AWS_ENDPOINT_URL_ECS: 'https://ecs.example',
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'token',
  ACTIONS_ID_TOKEN_REQUEST_URL: 'https://token.example',
  GITHUB_TOKEN: 'ghs_example',
  GITHUB_API_URL: 'https://api.example',
  GITHUB_GRAPHQL_URL: 'https://graphql.example',
};
const before = { ...process.env };
beforeEach(() => {
  Object.assign(process.env, REAL);
});
afterEach(() => {
  for (const name of Object.keys(REAL)) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, before);
});

const values = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', GITHUB_TOKEN: 'sandbox' };

test('no credential and no address of a cloud is left, but the given ones', async () => {
  const seen = await withoutCloudAccess(values, (env) => {
    expect(env).toEqual({ ...process.env });
    return Promise.resolve(env);
  });
  const left = Object.entries(seen).filter(([name]) => name in REAL);
  expect(Object.fromEntries(left)).toEqual(values);
  expect(seen).toMatchObject({ AWS_EC2_METADATA_DISABLED: 'true', PATH: process.env['PATH'] });
});

test.each(['returns', 'throws'])('the environment is as it was when the work %s', async (how) => {
  const original = { ...process.env };
  const work = () => (how === 'returns' ? Promise.resolve() : Promise.reject(new Error('failed')));
  await withoutCloudAccess(values, work).catch(() => undefined);
  expect({ ...process.env }).toEqual(original);
});
