import { describe, expect, test } from '@jest/globals';
import { findBuilder, readBuildDefaults } from '../../../../src/images/build/builder.ts';
import type { CommandResult } from '../../../../src/core/exec.ts';

const OK = { exitCode: 0, stderr: '' };
const version = (client: string, server?: string): CommandResult => ({
  ...OK,
  stdout: JSON.stringify({
    Client: { Version: client },
    Server: server === undefined ? null : { Version: server },
  }),
});
const NO_BUILDX = { exitCode: 1, stdout: '', stderr: "docker: 'buildx' is not a docker command." };
const inspected = (driver: string): CommandResult => ({
  ...OK,
  stdout: `Name:          builder-1\nDriver:        ${driver}\nLast Activity: now\n\nNodes:\nName: a\n`,
});

/** `docker buildx inspect` of buildx 0.38, for builders with two nodes and with one. */
const REMOTE = `Name:          mixed
Driver:        remote
Last Activity: 2026-11-27 21:53:12 +0000 UTC

Nodes:
Name:             mixed0
Endpoint:         unix:///run/buildkitd.sock
Status:           running
BuildKit version: v0.34.2
Platforms:        linux/amd64, linux/386

Name:      mixed1
Endpoint:  tcp://127.0.0.1:1
Status:    inactive
Platforms: linux/arm64*
`;
const DEAD = `Name:          dead
Driver:        remote
Last Activity: 2026-11-27 21:52:28 +0000 UTC

Nodes:
Name:     dead0
Endpoint: tcp://127.0.0.1:1
Status:   inactive
`;

/** Responds by the first words of the command, like the client. */
function docker(answers: Record<string, CommandResult>) {
  return {
    read: (args: readonly string[]): Promise<CommandResult> => {
      const found = Object.entries(answers).find(([words]) => args.join(' ').startsWith(words));
      if (!found) throw new Error(`docker ${args.join(' ')} was not expected`);
      return Promise.resolve(found[1]);
    },
  };
}

describe('the builder', () => {
  test.each(['docker-container', 'kubernetes'])(
    'is buildx with its own push, with the driver %s',
    async (driver) => {
      const answers = {
        version: version('28.2.2'),
        'buildx version': { ...OK, stdout: 'v0.24' },
        'buildx inspect': inspected(driver),
      };
      expect(await findBuilder(docker(answers))).toMatchObject({ name: 'buildx', output: 'registry' });
    },
  );

  test('is a remote builder, identified by its endpoint', async () => {
    const answers = {
      version: version('28.2.2'),
      'buildx version': { ...OK, stdout: 'v0.24' },
      'buildx inspect': { ...OK, stdout: REMOTE },
    };
    expect(await findBuilder(docker(answers))).toEqual({
      name: 'buildx',
      output: 'registry',
      description: 'buildx with the driver remote, unix:///run/buildkitd.sock, tcp://127.0.0.1:1',
    });
  });

  test.each([
    ['[["driver-type","io.containerd.snapshotter.v1"]]', 'layout'],
    ['[["Backing Filesystem","extfs"]]', 'daemon'],
  ])('is the daemon with %s, which keeps the image: %s', async (status, output) => {
    const answers = {
      version: version('28.2.2', '28.2.2'),
      'buildx version': { ...OK, stdout: 'v0.24' },
      'buildx inspect': inspected('docker'),
      info: { ...OK, stdout: status },
    };
    expect(await findBuilder(docker(answers))).toMatchObject({ name: 'buildx', output });
  });

  test('is docker build without buildx', async () => {
    const answers = { version: version('20.10.24', '20.10.24'), 'buildx version': NO_BUILDX };
    expect(await findBuilder(docker(answers))).toMatchObject({ name: 'docker build', output: 'daemon' });
  });
});

describe('no builder, with a fix', () => {
  const NO_DAEMON = {
    ...version('28.2.2'),
    exitCode: 1,
    stderr: 'Cannot connect to the Docker daemon at unix:///x.',
  };

  test.each<[string, Record<string, CommandResult>, RegExp]>([
    [
      'no daemon',
      { version: NO_DAEMON, 'buildx version': NO_BUILDX },
      /No Docker daemon.*Cannot connect.*oci-layout/,
    ],
    [
      "no daemon behind buildx's docker driver",
      {
        version: NO_DAEMON,
        'buildx version': { ...OK, stdout: 'v0.24' },
        'buildx inspect': inspected('docker'),
      },
      /No Docker daemon/,
    ],
    [
      'a new client without buildx',
      { version: version('28.2.2', '20.10.24'), 'buildx version': NO_BUILDX },
      /cannot use BuildKit without buildx.*setup-buildx-action/,
    ],
    [
      'a remote builder that does not respond',
      {
        version: version('28.2.2'),
        'buildx version': { ...OK, stdout: 'v0.24' },
        'buildx inspect': { ...OK, stdout: DEAD },
      },
      /^The builder dead is not reachable at tcp:\/\/127\.0\.0\.1:1: docker buildx inspect reported "inactive"$/,
    ],
    [
      'a builder that no longer exists',
      {
        version: version('28.2.2', '28.2.2'),
        'buildx version': { ...OK, stdout: 'v0.24' },
        'buildx inspect': { exitCode: 1, stdout: '', stderr: 'ERROR: no builder "b" found' },
      },
      /no builder "b" found/,
    ],
  ])('%s', async (_, answers, message) => {
    await expect(findBuilder(docker(answers))).rejects.toThrow(message);
  });
});

describe('without a requested platform, the target platform is', () => {
  const BUILDX = { ...OK, stdout: 'v0.38' };
  const nodes = (...platforms: string[]): CommandResult => ({
    ...OK,
    stdout: `${inspected('remote').stdout.replace(/Name: a\n$/, '')}${platforms
      .map(
        (list, index) =>
          `Name:      node-${index}\n${list === '' ? 'Status:    inactive' : `Platforms: ${list}`}`,
      )
      .join('\n\n')}\n`,
  });

  test.each([
    ['the first platform that the builder lists', 'linux/arm64, linux/amd64, linux/386', ['linux/arm64']],
    [
      'one of all, if builders of the user hide the first',
      'linux/amd64*, linux/arm64',
      ['linux/amd64*', 'linux/arm64'],
    ],
  ])('%s', async (_, listed, platforms) => {
    const answers = { 'buildx version': BUILDX, 'buildx inspect': nodes(listed, 'linux/s390x') };
    expect(await readBuildDefaults(docker(answers), [])).toEqual({ name: 'buildx', platforms });
  });

  test('the platform that a builder lists once it has started', async () => {
    const answers = {
      'buildx version': BUILDX,
      'buildx inspect --bootstrap': nodes('linux/riscv64'),
      'buildx inspect': nodes('', 'linux/amd64'),
    };
    expect(await readBuildDefaults(docker(answers), [])).toEqual({
      name: 'buildx',
      platforms: ['linux/riscv64'],
    });
  });

  test('unknown if the builder does not start', async () => {
    const answers = {
      'buildx version': BUILDX,
      'buildx inspect': { ...NO_BUILDX, stdout: 'Name: a\nError: gone\n' },
    };
    expect(await readBuildDefaults(docker(answers), [])).toEqual({ name: 'buildx', platforms: [] });
  });

  test("the daemon's platform, with docker's own client", async () => {
    const { stdout } = version('20.10.24', '20.10.24');
    const server = { Version: '20.10.24', Os: 'linux', Arch: 'arm64' };
    const own = { ...OK, stdout: JSON.stringify({ ...(JSON.parse(stdout) as object), Server: server }) };
    const answers = { version: own, 'buildx version': NO_BUILDX };
    expect(await readBuildDefaults(docker(answers), [])).toEqual({
      name: 'docker build',
      platforms: ['linux/arm64'],
    });
  });

  test('the requested platform, without inspecting the builder', async () => {
    const answers = { 'buildx version': BUILDX };
    expect(await readBuildDefaults(docker(answers), ['linux/amd64'])).toEqual({
      name: 'buildx',
      platforms: ['linux/amd64'],
    });
  });
});
