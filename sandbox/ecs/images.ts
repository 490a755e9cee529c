import { createHash } from 'node:crypto';
import { registryOf, repositoriesOf } from '../registry/registry.ts';
import type { World } from '../world.ts';

const DIGEST = /@(sha256:[0-9a-f]{64})$/;
const OURS = /^(?<host>[^/]+)\/(?<account>\d{12})\/(?<region>[a-z0-9-]+)\/(?<name>[^@:]+)(?::(?<tag>[^@]+))?/;

/**
 * The digest that a task pulls. An image of the sandbox's own registry must be there: undefined when it is not.
 * Of all others the sandbox knows nothing, and takes the digest that is asked for, or one that follows from the name.
 */
export function digestOf(world: World, image: string): string | undefined {
  const asked = DIGEST.exec(image)?.[1];
  const { host, account = '', region = '', name = '', tag = 'latest' } = placeOf(image);
  if (world.scenario.ecr?.registry === undefined && host !== undefined && host === hostOf(world)) {
    const repository = repositoriesOf(world, account, region).get(name);
    const digest = asked ?? repository?.tags.get(tag);
    return digest !== undefined && repository?.manifests.has(digest) ? digest : undefined;
  }
  return asked ?? `sha256:${createHash('sha256').update(image).digest('hex')}`;
}

function placeOf(image: string): Partial<Record<'host' | 'account' | 'region' | 'name' | 'tag', string>> {
  return OURS.exec(image)?.groups ?? {};
}

function hostOf(world: World): string | undefined {
  const { url } = registryOf(world);
  return url === '' ? undefined : new URL(url).host;
}
