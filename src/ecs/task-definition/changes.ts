import type { Service } from '@aws-sdk/client-ecs';
import { InputError } from '../../core/errors.ts';
import { expectedOneOf } from '../../core/inputs/choice.ts';
import { loadBalancedContainer } from '../service.ts';
import type {
  ContainerChanges,
  ContainerDefinition,
  TaskDefinition,
  TaskDefinitionChanges,
} from './task-definition.ts';

/** Facts about a service that determine the main container. */
export interface ServiceFacts {
  service: string;
  /** The container that the load balancer sends requests to. */
  loadBalanced?: string;
  /** The main container, if named. */
  container?: string;
}

/**
 * @param name the service's name, without its cluster.
 * @param container the main container, if named.
 */
export function factsOf(service: Service, name: string, container?: string): ServiceFacts {
  const loadBalanced = loadBalancedContainer(service);
  return {
    service: name,
    ...(loadBalanced !== undefined && { loadBalanced }),
    ...(container !== undefined && { container }),
  };
}

/** Returns a copy of a task definition with the changes. @throws InputError */
export function applyChanges(
  before: TaskDefinition,
  changes: TaskDefinitionChanges,
  facts: ServiceFacts,
): TaskDefinition {
  const after = structuredClone(before);
  const { images, image, environment, secrets, environmentMode: mode, containers = {} } = changes;
  for (const [name, given] of Object.entries(images)) containerNamed(after, name, 'images').image = given;
  if (image !== undefined) mainContainer(after, facts, 'image').image = image;
  rejectContainerPrefix(after, 'environment', environment);
  rejectContainerPrefix(after, 'secrets', secrets);
  if (Object.keys(environment).length > 0) {
    setEnvironment(mainContainer(after, facts, 'environment'), environment, mode);
  }
  if (Object.keys(secrets).length > 0) setSecrets(mainContainer(after, facts, 'secrets'), secrets, mode);
  for (const [name, given] of Object.entries(containers)) {
    changeContainer(containerNamed(after, name, 'containers'), given, mode);
  }
  if (changes.cpu !== undefined) after.cpu = changes.cpu;
  if (changes.memory !== undefined) resize(after, changes.memory);
  return after;
}

function changeContainer(
  container: ContainerDefinition,
  { image, environment, secrets, command, cpu, memory }: ContainerChanges,
  mode: 'merge' | 'replace',
): void {
  if (environment) setEnvironment(container, environment, mode);
  if (secrets) setSecrets(container, secrets, mode);
  Object.assign(container, {
    ...(image !== undefined && { image }),
    ...(command && { command: [...command] }),
    ...(cpu !== undefined && { cpu }),
    ...(memory !== undefined && { memory }),
  });
}

function setEnvironment(
  container: ContainerDefinition,
  given: Readonly<Record<string, string>>,
  mode: 'merge' | 'replace',
): void {
  container.environment = merged(container.environment, given, mode, (name, value) => ({ name, value }));
  removeNamed(container, 'secrets', given);
}

function setSecrets(
  container: ContainerDefinition,
  given: Readonly<Record<string, string>>,
  mode: 'merge' | 'replace',
): void {
  container.secrets = merged(container.secrets, given, mode, (name, valueFrom) => ({ name, valueFrom }));
  removeNamed(container, 'environment', given);
}

/** Rejects `container.NAME`, which does not set a variable in that container. Other names may contain dots. */
function rejectContainerPrefix(
  { containerDefinitions }: TaskDefinition,
  input: 'environment' | 'secrets',
  given: Readonly<Record<string, string>>,
): void {
  for (const key of Object.keys(given)) {
    const container = containerDefinitions.find(({ name }) => key.startsWith(`${name}.`))?.name;
    if (container === undefined) continue;
    const example = `{ ${container}: { ${input}: { ${key.slice(container.length + 1)}: … } } }`;
    throw new InputError(
      input,
      key,
      `expected the name of a variable of the main container. Use containers: ${example}`,
    );
  }
}

/**
 * The named main container or, if none is named, the only container, the one with the service's name, the one behind
 * the load balancer, or the only essential one.
 *
 * @throws InputError if that is ambiguous.
 */
export function mainContainer(
  definition: TaskDefinition,
  facts: ServiceFacts,
  input: string,
): ContainerDefinition {
  const found = findMainContainer(definition, facts);
  if (found) return found;
  const { containerDefinitions: all } = definition;
  const names = all.map(({ name }) => name).join(', ');
  throw new InputError(
    input,
    '',
    `expected the name of the main container in container, because the task definition has the containers ${names}`,
  );
}

function findMainContainer(
  definition: TaskDefinition,
  { service, loadBalanced, container }: ServiceFacts,
): ContainerDefinition | undefined {
  if (container !== undefined) return containerNamed(definition, container, 'container');
  const { containerDefinitions: all } = definition;
  const essential = all.filter((one) => one.essential !== false);
  return (
    (all.length === 1 ? all[0] : undefined) ??
    all.find(({ name }) => name === service) ??
    all.find(({ name }) => name === loadBalanced) ??
    (essential.length === 1 ? essential[0] : undefined)
  );
}

/** Names of the containers whose images are released: the main one, and those with a given image. */
export function releasedContainers(
  definition: TaskDefinition,
  { images, containers = {} }: TaskDefinitionChanges,
  facts: ServiceFacts,
): Set<string> {
  const given = Object.keys(containers).filter((name) => containers[name]?.image !== undefined);
  const main = findMainContainer(definition, facts);
  return new Set([...Object.keys(images), ...given, ...(main ? [main.name] : [])]);
}

function containerNamed(
  { containerDefinitions: all }: TaskDefinition,
  name: string,
  input: 'images' | 'containers' | 'container',
): ContainerDefinition {
  const found = all.find((one) => one.name === name);
  if (found) return found;
  const names = all.map((one) => one.name);
  throw new InputError(input, name, expectedOneOf(name, names, ' (containers of the task definition)'));
}

/** The entries in their order: changed ones in place, new ones at the end. Empty values are kept. */
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

/** ECS rejects a name that is both a variable and a secret. */
function removeNamed(
  container: ContainerDefinition,
  field: 'environment' | 'secrets',
  given: Readonly<Record<string, string>>,
): void {
  if (field === 'secrets')
    container.secrets = container.secrets?.filter(({ name }) => !Object.hasOwn(given, name)) ?? [];
  else container.environment = container.environment?.filter(({ name }) => !Object.hasOwn(given, name)) ?? [];
}

/** A container whose limit equals the task's memory gets the new amount too. */
function resize(definition: TaskDefinition, memory: string): void {
  for (const container of definition.containerDefinitions) {
    if (container.memory !== undefined && String(container.memory) === definition.memory) {
      container.memory = Number(memory);
    }
  }
  definition.memory = memory;
}
