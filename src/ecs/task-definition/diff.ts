import { isSecretName } from '../../core/redaction.ts';
import type { TaskDefinition } from './task-definition.ts';

/** A field that differs between two task definitions. */
export interface ChangedField {
  /** Such as `user-service.image`. */
  path: string;
  /** Absent if the field is added. */
  before?: string;
  /** Absent if the field is removed. */
  after?: string;
}

const HIDDEN = '***';

/** The differences between two task definitions, sorted by path; empty if they are equivalent. */
export function taskDefinitionDiff(before: TaskDefinition, after: TaskDefinition): ChangedField[] {
  const old = flatten(before);
  const now = flatten(after);
  const paths = [...new Set([...old.keys(), ...now.keys()])].sort();
  return paths
    .filter((path) => old.get(path) !== now.get(path))
    .map((path) => ({
      path,
      ...(old.has(path) && { before: shown(path, old.get(path) ?? '') }),
      ...(now.has(path) && { after: shown(path, now.get(path) ?? '') }),
    }));
}

/** The values of variables with secret-like names, so that logs can mask them. */
export function secretValues({ containerDefinitions }: TaskDefinition): string[] {
  return containerDefinitions.flatMap(({ environment = [] }) =>
    environment.filter(({ name }) => isSecretName(name)).map(({ value }) => value),
  );
}

function shown(path: string, value: string): string {
  const variable = /\.environment\.(.+)$/.exec(path)?.[1];
  return variable !== undefined && isSecretName(variable) ? HIDDEN : value;
}

/** All values by path, without ECS's defaults, so that a file equals the revision that was registered from it. */
function flatten({ containerDefinitions, ...rest }: TaskDefinition): Map<string, string> {
  const values = new Map<string, string>();
  const isBridge = (rest.networkMode ?? 'bridge') === 'bridge';
  for (const [key, value] of Object.entries(rest)) walk(values, key, value);
  for (const container of containerDefinitions) {
    const { name, environment = [], secrets = [], portMappings = [], ...fields } = container;
    for (const variable of environment) values.set(`${name}.environment.${variable.name}`, variable.value);
    for (const secret of secrets) values.set(`${name}.secrets.${secret.name}`, secret.valueFrom);
    for (const [index, port] of portMappings.entries()) {
      walk(values, `${name}.portMappings[${index}]`, withoutPortDefaults(port, isBridge));
    }
    for (const [key, value] of Object.entries(fields)) {
      if (!isContainerDefault(key, value)) walk(values, `${name}.${key}`, value);
    }
  }
  return values;
}

function walk(values: Map<string, string>, path: string, value: unknown): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    const named = value.every((item) => keyOf(item) !== undefined);
    for (const [index, item] of value.entries()) {
      walk(values, named ? `${path}.${keyOf(item) ?? ''}` : `${path}[${index}]`, item);
    }
  } else if (typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) walk(values, `${path}.${key}`, item);
  } else {
    values.set(path, typeof value === 'string' ? value : JSON.stringify(value));
  }
}

/** The name or key that identifies an item regardless of its position. */
function keyOf(item: unknown): string | undefined {
  if (typeof item !== 'object' || item === null) return undefined;
  const { name, key } = item as { name?: unknown; key?: unknown };
  return typeof name === 'string' ? name : typeof key === 'string' ? key : undefined;
}

/** @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html */
function isContainerDefault(key: string, value: unknown): boolean {
  return (key === 'cpu' && value === 0) || (key === 'essential' && value === true);
}

/**
 * In `bridge` mode, a host port is fixed, even if it equals the container port; absent and 0 are dynamic. In the other
 * modes it "can either be left blank or set to the same value as the containerPort".
 *
 * @see https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html
 */
function withoutPortDefaults(
  port: { hostPort?: number; containerPort?: number; protocol?: string },
  isBridge: boolean,
): object {
  const { hostPort = 0, protocol, ...rest } = port;
  const isDefault = hostPort === 0 || (!isBridge && hostPort === port.containerPort);
  return {
    ...rest,
    ...(!isDefault && { hostPort }),
    ...(protocol !== undefined && protocol !== 'tcp' && { protocol }),
  };
}
