import { InputError } from '../../core/errors.ts';
import type { BuildRequest } from './build.ts';
import type { DockerClient } from './docker.ts';

type Docker = Pick<DockerClient, 'run'>;

/**
 * What builds here, and where the image then is: pushed to the registry by BuildKit, exported as an OCI layout,
 * or in the daemon's own store.
 */
export interface Builder {
  name: 'buildx' | 'docker build';
  output: 'registry' | 'layout' | 'daemon';
  /** What builds, in words. */
  description: string;
}

/** Why nothing can be built here, with what to do about it. */
export class NoBuilderError extends Error {
  override readonly name = 'Error';
}

const SET_UP = 'Add docker/setup-buildx-action before this step';

/**
 * Finds out what builds.
 *
 * @throws NoDockerError, or NoBuilderError when there is no daemon or no BuildKit.
 */
export async function findBuilder(docker: Docker): Promise<Builder> {
  const [versions, buildx] = await Promise.all([versionsOf(docker), docker.run(['buildx', 'version'])]);
  if (buildx.exitCode !== 0) return plainBuilder(versions);
  const inspected = await docker.run(['buildx', 'inspect']);
  const driver = /^Driver:\s*(\S+)/m.exec(inspected.stdout)?.[1];
  if (driver === undefined) {
    throw new NoBuilderError(
      `docker buildx has no builder: ${lastLine(inspected.stderr) || 'it does not say why'}`,
    );
  }
  const description = `buildx with the driver ${driver}`;
  if (driver !== 'docker') return { name: 'buildx', output: 'registry', description };
  requireDaemon(versions);
  const info = await docker.run(['info', '--format', '{{json .DriverStatus}}']);
  // With containerd's image store the daemon exports what a classic one cannot: attestations and indexes.
  const output = info.stdout.includes('io.containerd.snapshotter') ? 'layout' : 'daemon';
  return { name: 'buildx', output, description };
}

interface Versions {
  client: string;
  server: string | undefined;
  problem: string;
}

async function versionsOf(docker: Docker): Promise<Versions> {
  const { stdout, stderr } = await docker.run(['version', '--format', '{{json .}}']);
  const { Client, Server } = Object(parse(stdout)) as Record<string, { Version?: string } | null | undefined>;
  return { client: Client?.Version ?? '', server: Server?.Version, problem: lastLine(stderr) };
}

function plainBuilder(versions: Versions): Builder {
  requireDaemon(versions);
  const { client, server = '' } = versions;
  // Since 23 the client builds with BuildKit only by its plugin.
  if (Number.parseInt(client, 10) >= 23) {
    throw new NoBuilderError(`This docker client (${client}) cannot use BuildKit without buildx. ${SET_UP}.`);
  }
  return { name: 'docker build', output: 'daemon', description: `docker build ${server}, without buildx` };
}

function requireDaemon({ server, problem }: Versions): void {
  if (server !== undefined) return;
  throw new NoBuilderError(
    `There is no Docker daemon to build with: ${problem || 'the client does not say why'} ` +
      'A ready image can be pushed without one: see oci-layout.',
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {}; // Without a daemon old clients print nothing that can be read.
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1)?.trim() ?? '';
}

/**
 * What a builder cannot do of what is wanted. What was left to us is left out, and said; what was asked for in so
 * many words is an error.
 *
 * @returns notes for people.
 * @throws InputError
 */
export function requireBuilderSupport(request: BuildRequest, builder: Builder): string[] {
  if (builder.output !== 'daemon') return [];
  const { platforms, provenance, sbom, buildContexts } = request;
  const refuse = (input: string, value: string): never => {
    const why = `${builder.description} cannot do this; add docker/setup-buildx-action before this step`;
    throw new InputError(input, value, why);
  };
  if (platforms.length > 1) refuse('platforms', platforms.join(','));
  if (provenance === 'min' || provenance === 'max') refuse('provenance', provenance);
  if (sbom === 'true') refuse('sbom', sbom);
  const [context] = Object.keys(buildContexts);
  if (builder.name !== 'buildx' && context !== undefined) refuse('build-contexts', context);
  const without = [...(provenance === 'auto' ? ['provenance'] : []), ...(sbom === 'auto' ? ['SBOM'] : [])];
  if (without.length === 0) return [];
  return [
    `The image has no ${without.join(' and no ')}: ${builder.description} makes none. ` +
      'docker/setup-buildx-action before this step adds them.',
  ];
}
