import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { CancelledError } from '../../../../src/core/errors.ts';
import { createDockerConfig, DockerClient } from '../../../../src/images/build/docker.ts';
import { useWorkspaces } from '../../../support/action.ts';
import { contextOf } from '../registry/context.ts';

const workspaceOf = useWorkspaces();

/** A program named docker, in its own folder. */
function program(script: string): { folder: string; env: NodeJS.ProcessEnv } {
  const folder = workspaceOf({});
  const file = join(folder, 'docker');
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  return { folder, env: { PATH: `${folder}:/usr/bin:/bin`, FOLDER: folder, HOME: '/nowhere' } };
}

function clientOf(env: NodeJS.ProcessEnv, signal?: AbortSignal): DockerClient {
  return new DockerClient(workspaceOf({}), 'host', env, contextOf(signal));
}

test('passes standard input, output, error lines and the exit code', async () => {
  const { env } = program('cat; echo one >&2; printf two >&2; exit 3');
  const lines: string[] = [];
  const result = await clientOf(env).run(['x'], { input: 'hello', onLine: (line) => lines.push(line) });
  expect(result).toEqual({ exitCode: 3, stdout: 'hello', stderr: 'one\ntwo' });
  expect(lines).toEqual(['one', 'two']);
});

test('a missing docker is an error', async () => {
  const run = clientOf({ PATH: '/nowhere', HOME: '/nowhere' }).run(['x']);
  await expect(run).rejects.toThrow('No docker client was found on this machine');
});

test('a cancelled job interrupts docker and its child processes', async () => {
  const { folder, env } = program(
    `trap 'exit 130' INT
    sh -c 'trap "echo child > $FOLDER/child; exit" INT; echo ready >&2; while :; do sleep 0.05; done'`,
  );
  const controller = new AbortController();
  const reason = new CancelledError('SIGINT');
  const run = clientOf(env, controller.signal).run(['x'], {
    onLine: () => {
      controller.abort(reason);
    },
  });
  await expect(run).rejects.toBe(reason);
  expect(existsSync(join(folder, 'child'))).toBe(true);
});

test('a process that does not stop is killed', async () => {
  const { folder, env } = program(
    `trap '' INT; echo $$ > $FOLDER/pid; echo ready >&2; while :; do sleep 0.1; done`,
  );
  const controller = new AbortController();
  const run = clientOf(env, controller.signal).run(['x'], {
    onLine: () => {
      controller.abort(new CancelledError('SIGTERM'));
    },
  });
  await expect(run).rejects.toThrow('cancelled by SIGTERM');
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test("the user's logins, helpers and folders are used, but our password is never stored in a keychain", () => {
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

test("DOCKER_CONFIG is the user's folder, which may not exist", () => {
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

test('an unreadable configuration is an error with its name', () => {
  const users = workspaceOf({});
  mkdirSync(join(users, '.docker'));
  writeFileSync(join(users, '.docker/config.json'), '{');
  expect(() => createDockerConfig(workspaceOf({}), 'host', { HOME: users })).toThrow(
    /cannot read the Docker configuration .*config\.json/,
  );
});
