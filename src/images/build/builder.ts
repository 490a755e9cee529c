import { PlatformError } from '../../core/errors.ts';
import { type DockerClient, lastLine } from './docker.ts';

type Docker = Pick<DockerClient, 'read'>;

/**
 * What builds images, and where an image is after a build: BuildKit pushes it to the registry or exports it as an OCI
 * layout, or the daemon has it in its image store.
 */
export interface Builder {
  name: 'buildx' | 'docker build';
  output: 'registry' | 'layout' | 'daemon';
  /** For messages: `buildx with the driver docker-container`, or with a driver and its endpoint. */
  description: string;
}

const SET_UP = 'Add docker/setup-buildx-action before this step';

/**
 * Finds the builder of this machine.
 *
 * @throws PlatformError `docker-unavailable` if there is no Docker client, no daemon or no BuildKit.
 */
export async function findBuilder(docker: Docker): Promise<Builder> {
  const [versions, buildx] = await Promise.all([readVersions(docker), docker.read(['buildx', 'version'])]);
  if (buildx.exitCode !== 0) return builderWithoutBuildx(versions);
  const inspected = await docker.read(['buildx', 'inspect']);
  const driver = /^Driver:\s*(\S+)/m.exec(inspected.stdout)?.[1];
  if (driver === undefined) {
    throw new PlatformError(
      'docker-unavailable',
      `docker buildx has no builder: ${lastLine(inspected.stderr) || 'no reason given'}`,
    );
  }
  if (driver === 'remote') return remoteBuilder(inspected.stdout);
  const description = `buildx with the driver ${driver}`;
  if (driver !== 'docker') return { name: 'buildx', output: 'registry', description };
  requireDaemon(versions);
  const info = await docker.read(['info', '--format', '{{json .DriverStatus}}']);
  // Only a daemon with containerd's image store can export attestations and indexes.
  const output = info.stdout.includes('io.containerd.snapshotter') ? 'layout' : 'daemon';
  return { name: 'buildx', output, description };
}

/**
 * A remote builder. If it is not reachable, this fails immediately. The build itself would wait for 20 seconds and fail
 * without the builder's name. Other drivers start their builder with the build.
 *
 * @see https://github.com/docker/buildx/blob/v0.38.2/driver/remote/driver.go (Info, Bootstrap)
 */
function remoteBuilder(inspected: string): Builder {
  const valuesOf = (key: string): string[] =>
    [...inspected.matchAll(new RegExp(`^${key}:\\s+(.*\\S)`, 'gm'))].map(([, value = '']) => value);
  const endpoints = valuesOf('Endpoint').join(', ');
  const problems = valuesOf('Error');
  const states = valuesOf('Status');
  if (states.includes('running')) {
    const description = `buildx with the driver remote, ${endpoints}`;
    return { name: 'buildx', output: 'registry', description };
  }
  const [name = ''] = valuesOf('Name');
  const reason = [...new Set([...problems, ...states])].join('; ');
  throw new PlatformError(
    'docker-unavailable',
    `The builder ${name} is not reachable at ${endpoints}: docker buildx inspect reported "${reason}"`,
    {
      fix: 'Start the builder, or correct its endpoint in the step that creates it (docker/setup-buildx-action).',
    },
  );
}

interface Versions {
  client: string;
  server: string | undefined;
  /** The platform of the daemon: `linux/amd64`. */
  platform: string | undefined;
  problem: string;
}

async function readVersions(docker: Docker): Promise<Versions> {
  const { stdout, stderr } = await docker.read(['version', '--format', '{{json .}}']);
  const { Client, Server } = Object(parse(stdout)) as Record<
    string,
    { Version?: string; Os?: string; Arch?: string } | null | undefined
  >;
  return {
    client: Client?.Version ?? '',
    server: Server?.Version,
    platform:
      Server?.Os !== undefined && Server.Arch !== undefined ? `${Server.Os}/${Server.Arch}` : undefined,
    problem: lastLine(stderr),
  };
}

function builderWithoutBuildx(versions: Versions): Builder {
  requireDaemon(versions);
  const { client, server = '' } = versions;
  if (!canBuildWithoutBuildx(versions)) {
    throw new PlatformError(
      'docker-unavailable',
      `This docker client (${client}) cannot use BuildKit without buildx. ${SET_UP}.`,
    );
  }
  return { name: 'docker build', output: 'daemon', description: `docker build ${server}, without buildx` };
}

/** Since version 23, the client needs the buildx plugin for BuildKit. */
function canBuildWithoutBuildx({ client }: Versions): boolean {
  return !(Number.parseInt(client, 10) >= 23);
}

/** The defaults of this machine for a build. */
export interface BuildDefaults {
  name: Builder['name'];
  /** The default platform, or all platforms of the builder if the default cannot be determined. Empty: not known. */
  platforms: readonly string[];
}

/**
 * Reads the defaults for a build without building. A builder is started if that is the only way to read its platform.
 *
 * @param platforms the requested platforms; empty: the default of the builder.
 * @throws PlatformError `docker-unavailable` without a docker client.
 */
export async function readBuildDefaults(
  docker: Docker,
  platforms: readonly string[],
): Promise<BuildDefaults> {
  const { exitCode } = await docker.read(['buildx', 'version']);
  if (exitCode !== 0) {
    const versions = await readVersions(docker);
    const own = versions.platform === undefined ? [] : [versions.platform];
    const name = canBuildWithoutBuildx(versions) ? 'docker build' : 'buildx';
    return { name, platforms: platforms.length > 0 ? platforms : own };
  }
  if (platforms.length > 0) return { name: 'buildx', platforms };
  const inspected = listedPlatforms((await docker.read(['buildx', 'inspect'])).stdout);
  if (inspected.length > 0) return { name: 'buildx', platforms: defaultOf(inspected) };
  const { stdout } = await docker.read(['buildx', 'inspect', '--bootstrap']);
  return { name: 'buildx', platforms: defaultOf(listedPlatforms(stdout)) };
}

/** The platforms of a builder's first node, which runs builds without a platform. */
function listedPlatforms(inspected: string): string[] {
  const [, firstNode = ''] = /^Nodes:\n(.*?)(?:\n\n|$(?![^]))/ms.exec(inspected) ?? [];
  const [, list = ''] = /^Platforms:\s*(.*)$/m.exec(firstNode) ?? [];
  return list.split(/,\s*/).filter((name) => name !== '');
}

/**
 * By default, BuildKit builds for its first native platform. Platforms that the user assigned to the node have a star and
 * are listed first, so that the first native one cannot be determined.
 *
 * @see https://github.com/docker/buildx/blob/v0.38.2/util/platformutil/parse.go (FormatInGroups)
 * @see https://github.com/moby/buildkit/blob/v0.34.2/frontend/dockerui/config.go (defaultBuildPlatform)
 */
function defaultOf(listed: readonly string[]): readonly string[] {
  return listed[0]?.endsWith('*') === true ? listed : listed.slice(0, 1);
}

function requireDaemon({ server, problem }: Versions): void {
  if (server !== undefined) return;
  throw new PlatformError(
    'docker-unavailable',
    `No Docker daemon is available: ${problem || 'no reason given.'} ` +
      'An image that is already built can be pushed without one: see oci-layout.',
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // Old clients print no JSON without a daemon.
  }
}
