import type { Service } from '@aws-sdk/client-ecs';
import { InputError } from '../../core/errors.ts';
import { loadBalancedContainer } from '../service.ts';
import type { ContainerDefinition, TaskDefinition, TaskDefinitionChanges } from './task-definition.ts';

/** What is known of the service beside its task definition. */
interface ServiceFacts {
  service: string;
  /** The container that the load balancer sends requests to. */
  loadBalanced?: string;
}

/** @param name the service's name, without its cluster. */
export function factsOf(service: Service, name: string): ServiceFacts {
  const loadBalanced = loadBalancedContainer(service);
  return { service: name, ...(loadBalanced !== undefined && { loadBalanced }) };
}

/** A task definition with the changes that were asked for; the given one stays as it is. Throws InputError. */
export function applyChanges(
  before: TaskDefinition,
  changes: TaskDefinitionChanges,
  facts: ServiceFacts,
): TaskDefinition {
  const after = structuredClone(before);
  for (const [name, image] of Object.entries(changes.images)) containerNamed(after, name).image = image;
  const { image, environment, secrets, environmentMode: mode } = changes;
  if (image !== undefined) mainContainer(after, facts, 'image').image = image;
  if (Object.keys(environment).length > 0) {
    const container = mainContainer(after, facts, 'environment');
    container.environment = merged(container.environment, environment, mode, (name, value) => ({
      name,
      value,
    }));
    dropNamed(container, 'secrets', environment);
  }
  if (Object.keys(secrets).length > 0) {
    const container = mainContainer(after, facts, 'secrets');
    container.secrets = merged(container.secrets, secrets, mode, (name, valueFrom) => ({ name, valueFrom }));
    dropNamed(container, 'environment', secrets);
  }
  if (changes.cpu !== undefined) after.cpu = changes.cpu;
  if (changes.memory !== undefined) resize(after, changes.memory);
  return after;
}

/**
 * The container that is meant when none is named: the only one, the one with the service's name, the one behind
 * the load balancer, or the only essential one. Throws InputError when that leaves a choice.
 */
export function mainContainer(
  { containerDefinitions: all }: TaskDefinition,
  { service, loadBalanced }: ServiceFacts,
  input: string,
): ContainerDefinition {
  const essential = all.filter((one) => one.essential !== false);
  const found =
    (all.length === 1 ? all[0] : undefined) ??
    all.find(({ name }) => name === service) ??
    all.find(({ name }) => name === loadBalanced) ??
    (essential.length === 1 ? essential[0] : undefined);
  if (found) return found;
  const hint =
    input === 'image' ? ': name one with images' : ', and none of them has the name of the service';
  const names = all.map(({ name }) => name).join(', ');
  throw new InputError(input, '', `the task definition has the containers ${names}${hint}`);
}

function containerNamed({ containerDefinitions: all }: TaskDefinition, name: string): ContainerDefinition {
  const found = all.find((one) => one.name === name);
  if (found) return found;
  const names = all.map((one) => one.name).join(', ');
  throw new InputError('images', name, `the task definition has the containers ${names}`);
}

/** The entries in their order, changed ones in place, new ones behind. An empty value is a value. */
function merged<T extends { name: string }>(
  before: readonly T[] = [],
  given: Readonly<Record<string, string>>,
  mode: 'merge' | 'replace',
  entry: (name: string, value: string) => T,
): T[] {
  const changed = before
    .filter(({ name }) => mode === 'merge' || Object.hasOwn(given, name))
    .map((one) => (Object.hasOwn(given, one.name) ? entry(one.name, given[one.name] ?? '') : one));
  const known = new Set(changed.map(({ name }) => name));
  const added = Object.entries(given)
    .filter(([name]) => !known.has(name))
    .map(([name, value]) => entry(name, value));
  return [...changed, ...added];
}

/** ECS refuses a name that is both a variable and a secret. */
function dropNamed(
  container: ContainerDefinition,
  field: 'environment' | 'secrets',
  given: Readonly<Record<string, string>>,
): void {
  if (field === 'secrets')
    container.secrets = container.secrets?.filter(({ name }) => !Object.hasOwn(given, name)) ?? [];
  else container.environment = container.environment?.filter(({ name }) => !Object.hasOwn(given, name)) ?? [];
}

/** A container whose limit was the whole task's keeps all of it. */
function resize(definition: TaskDefinition, memory: string): void {
  for (const container of definition.containerDefinitions) {
    if (container.memory !== undefined && String(container.memory) === definition.memory) {
      container.memory = Number(memory);
    }
  }
  definition.memory = memory;
}
