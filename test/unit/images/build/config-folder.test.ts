import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { createDockerConfig } from '../../../../src/images/build/docker.ts';
import { useWorkspaces } from '../../../support/action.ts';

const workspaceOf = useWorkspaces();

test("the user's logins, helpers and folders hold, but our password never goes to a keychain", () => {
  const home = workspaceOf({
    '.docker/config.json': JSON.stringify({
      auths: { 'ghcr.io': { auth: 'x' } },
      credsStore: 'desktop',
      credHelpers: { 'gcr.io': 'gcloud' },
    }),
    '.docker/cli-plugins/docker-buildx': '',
  });
  const folder = workspaceOf({});
  const config = createDockerConfig(folder, 'host:5000', { HOME: home });
  expect(JSON.parse(readFileSync(join(config, 'config.json'), 'utf8'))).toEqual({
    auths: { 'ghcr.io': { auth: 'x' } },
    credsStore: 'desktop',
    credHelpers: { 'gcr.io': 'gcloud', 'host:5000': '' },
  });
  expect(statSync(join(config, 'config.json')).mode & 0o777).toBe(0o600);
  expect(existsSync(join(config, 'cli-plugins/docker-buildx'))).toBe(true);
  rmSync(folder, { recursive: true });
  expect(existsSync(join(home, '.docker/cli-plugins/docker-buildx'))).toBe(true);
});

test("DOCKER_CONFIG names the user's folder; there may be none", () => {
  const users = workspaceOf({ 'config.json': '{"proxies":{}}' });
  const folder = workspaceOf({});
  const config = createDockerConfig(folder, 'host', { DOCKER_CONFIG: users, HOME: '/nowhere' });
  expect(JSON.parse(readFileSync(join(config, 'config.json'), 'utf8'))).toEqual({
    proxies: {},
    credHelpers: { host: '' },
  });
  const other = workspaceOf({});
  createDockerConfig(other, 'host', { HOME: '/nowhere' });
  expect(existsSync(join(other, 'docker-config/config.json'))).toBe(true);
});

test('a configuration that cannot be read is an error that names it', () => {
  const users = workspaceOf({});
  mkdirSync(join(users, '.docker'));
  writeFileSync(join(users, '.docker/config.json'), '{');
  expect(() => createDockerConfig(workspaceOf({}), 'host', { HOME: users })).toThrow(
    /config\.json cannot be read/,
  );
});
