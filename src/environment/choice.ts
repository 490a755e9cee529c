import { InputError } from '../runtime/errors.ts';
import { suggest } from '../runtime/suggest.ts';
import type { Environment, Manifest, Service, Stack } from './manifest.ts';

/** What a run is about: one environment, and its stacks and services. */
export interface Choice {
  environment: Environment;
  stacks: readonly Stack[];
  services: readonly Service[];
  /** Whether only some of what the environment has was asked for. */
  partial: boolean;
}

interface Asked {
  environment: string;
  stacks: readonly string[];
  services: readonly string[];
}

/**
 * What is asked for. All stacks but the manual ones, and all services; once some are named, only those.
 *
 * @throws InputError for a name that the manifest does not have there.
 */
export function chooseTargets(manifest: Manifest, asked: Asked): Choice {
  const environment = named(manifest.environments, 'environment', asked.environment, manifest.file);
  const here = <T extends { environments?: readonly string[] }>(all: Readonly<Record<string, T>>) =>
    Object.fromEntries(
      Object.entries(all).filter(([, { environments }]) => environments?.includes(environment.name) ?? true),
    );
  const stacks = here(manifest.stacks);
  const services = here(manifest.services);
  const partial = asked.stacks.length > 0 || asked.services.length > 0;
  if (!partial) {
    const automatic = Object.values(stacks).filter(({ manual }) => !manual);
    return { environment, stacks: automatic, services: Object.values(services), partial };
  }
  const where = `${manifest.file}, in ${environment.name}`;
  return {
    environment,
    stacks: asked.stacks.map((name) => named(stacks, 'stacks', name, where)),
    services: asked.services.map((name) => named(services, 'services', name, where)),
    partial,
  };
}

function named<T>(all: Readonly<Record<string, T>>, input: string, name: string, where: string): T {
  const found = Object.hasOwn(all, name) ? all[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(all);
  const meant = suggest(name, names);
  const hint = meant === undefined ? '' : `; did you mean ${meant}?`;
  throw new InputError(input, name, `${where} has ${names.join(', ')}${hint}`);
}
