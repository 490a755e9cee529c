import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { InputError } from '../runtime/errors.ts';
import { registrable } from './task-definition.ts';
import type { TaskDefinition } from './task-definition.ts';

const INPUT = 'task-definition';

/**
 * Reads a task definition from a JSON or YAML file: what RegisterTaskDefinition takes, or the answer of
 * DescribeTaskDefinition. Throws InputError.
 */
export async function readTaskDefinitionFile(path: string): Promise<TaskDefinition> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) throw new InputError(INPUT, path, 'there is no such file');
  const value = parseText(path, text);
  const found = isObject(value['taskDefinition']) ? value['taskDefinition'] : value;
  if ('Properties' in found || 'ContainerDefinitions' in found) {
    throw new InputError(
      INPUT,
      path,
      "expected the fields of ECS's API (containerDefinitions), not a template's",
    );
  }
  const { family, containerDefinitions: containers } = found;
  if (typeof family !== 'string' || family === '') {
    throw new InputError(INPUT, path, 'the field family is missing');
  }
  const named = (one: unknown): boolean =>
    isObject(one) && typeof one['name'] === 'string' && typeof one['image'] === 'string';
  if (!Array.isArray(containers) || containers.length === 0 || !containers.every(named)) {
    throw new InputError(
      INPUT,
      path,
      'containerDefinitions needs at least one container, each with name and image',
    );
  }
  return registrable(found);
}

/** JSON is YAML. A number of YAML stays a number, as in JSON. */
function parseText(path: string, text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = parse(text, { prettyErrors: false, maxAliasCount: 100 });
  } catch {
    throw new InputError(INPUT, path, 'it is neither JSON nor YAML');
  }
  if (isObject(value)) return value;
  throw new InputError(INPUT, path, 'expected an object');
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
