import type { Environment, Manifest, Service } from '../../src/environment/manifest/manifest.ts';
import { isDigest } from '../../src/images/registry/manifest.ts';
import type { GateSettings, PromotedService } from '../../src/delivery/promotion/request.ts';
import { GATES } from '../../src/delivery/promotion/request.ts';
import type { SmokeTest } from '../../src/delivery/release/request.ts';
import { InputError } from '../../src/core/errors.ts';
import type { Inputs } from '../../src/core/inputs/contract.ts';
import { suggest } from '../../src/core/text.ts';
import type { contract } from './contract.ts';

export type PromotionInputs = Inputs<(typeof contract)['inputs']>;

/** The environment that is changed. */
export function targetOf({ to }: PromotionInputs, manifest: Manifest): Environment {
  return environmentOf('to', to ?? '', manifest);
}

/** The environment that images come from: the input's, else the manifest's. */
export function sourceOf({ from }: PromotionInputs, target: Environment, manifest: Manifest): Environment {
  const name = from ?? target.promoteFrom;
  if (name === undefined) {
    const allowed = `${manifest.file} says no promote-from for ${target.name}: give the environment`;
    throw new InputError('from', '', allowed);
  }
  if (name === target.name) throw new InputError('from', name, 'it is the environment that is changed');
  return environmentOf('from', name, manifest);
}

export function environmentOf(input: string, name: string, { environments, file }: Manifest): Environment {
  const found = Object.hasOwn(environments, name) ? environments[name] : undefined;
  if (found) return found;
  throw new InputError(input, name, `${file} has ${listed(name, Object.keys(environments))}`);
}

/** The services that were named, else those that all of the environments have. */
export function servicesOf(
  { services, images }: PromotionInputs,
  environments: readonly Environment[],
  manifest: Manifest,
): PromotedService[] {
  const isEverywhere = (service: Service): boolean =>
    environments.every(({ name }) => service.environments?.includes(name) ?? true);
  const known = Object.values(manifest.services).filter(isEverywhere);
  const digests = Object.entries(images);
  const [input, names] = services.length > 0 ? ['services', services] : ['images', Object.keys(images)];
  for (const [name, digest] of digests) {
    if (!isDigest(digest)) throw new InputError('images', digest, `expected sha256:… for ${name}`);
    if (services.length > 0 && !services.includes(name))
      throw new InputError('images', name, 'it is not among the services');
  }
  const wanted = names.length > 0 ? [...new Set(names)] : known.map(({ name }) => name);
  return wanted.map((name) => {
    const service = known.find((one) => one.name === name);
    if (service) return promoted(service, environments.at(-1));
    const allowed = listed(
      name,
      known.map((one) => one.name),
    );
    const where = environments.map((one) => one.name).join(' and ');
    throw new InputError(input, name, `${where} have ${allowed}`);
  });
}

export function gatesOf(
  { require: named, soak, 'bypass-reason': bypassReason }: PromotionInputs,
  target: Environment,
): GateSettings {
  const gates = named.length === 1 && named[0] === 'none' ? [] : named;
  const isGate = (name: string): name is (typeof GATES)[number] =>
    (GATES as readonly string[]).includes(name);
  const unknown = gates.find((name) => !isGate(name));
  if (unknown !== undefined) {
    throw new InputError('require', unknown, `allowed are ${listed(unknown, GATES)}, or none alone`);
  }
  return {
    require: gates.filter(isGate),
    soakMs: soak ?? target.soakMs,
    ...(bypassReason !== undefined && { bypassReason }),
  };
}

/** A reason, where there must be one. */
export function reasonOf({ reason, command }: PromotionInputs): string {
  if (reason !== undefined) return reason;
  throw new InputError('reason', '', `a value is required for ${command}: the next person will read it`);
}

function promoted(
  { name, repository, preDeploy, smokeTest }: Service,
  target: Environment | undefined,
): PromotedService {
  const test = smokeTest && smokeTestOf(smokeTest, target?.url ?? '');
  return { name, repository, ...(preDeploy && { preDeploy }), ...(test && { smokeTest: test }) };
}

function smokeTestOf(test: NonNullable<Service['smokeTest']>, url: string): SmokeTest | undefined {
  const { timeoutMs } = test;
  if (test.kind === 'command') {
    const [program, ...rest] = test.command;
    return program === undefined ? undefined : { kind: 'command', command: [program, ...rest], timeoutMs };
  }
  const [lowest = 200, highest = lowest] = test.status.split('-').map(Number);
  const { path, body } = test;
  return {
    kind: 'url',
    url: `${url}${path}`,
    status: [lowest, highest],
    timeoutMs,
    ...(body !== undefined && { body }),
  };
}

function listed(word: string, allowed: readonly string[]): string {
  const meant = suggest(word, allowed);
  return `${allowed.join(', ')}${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}
