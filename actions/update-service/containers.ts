import type { ContainerChanges } from '../../src/ecs/task-definition/task-definition.ts';
import { cpuUnits, memoryMib } from '../../src/ecs/task-definition/size.ts';
import { parseCommand } from '../../src/core/inputs/command.ts';
import { InputError } from '../../src/core/errors.ts';
import { suggest } from '../../src/core/text.ts';
import { requireImage, requireVariables } from './names.ts';

const INPUT = 'containers';
const KEYS = ['image', 'environment', 'secrets', 'command', 'cpu', 'memory'] as const;

/**
 * Parses the changes by container. Values are never shown, because they may be secrets.
 *
 * @param given the parsed input: JSON objects by container.
 * @throws InputError
 */
export function containersOf(given: Readonly<Record<string, string>>): Record<string, ContainerChanges> {
  return Object.fromEntries(Object.entries(given).map(([name, text]) => [name, changesOf(name, text)]));
}

function changesOf(name: string, text: string): ContainerChanges {
  const fields = objectOf(text);
  if (!fields) throw wrong(name, `expected an object with ${KEYS.join(', ')}`);
  const unknown = Object.keys(fields).find((key) => !KEYS.includes(key as (typeof KEYS)[number]));
  if (unknown !== undefined) {
    const similar = suggest(unknown, KEYS);
    const hint = similar === undefined ? '' : `. Did you mean ${similar}?`;
    throw wrong(`${name}.${unknown}`, `expected ${KEYS.join(', ')}${hint}`);
  }
  const { image, command } = fields;
  const [environment, secrets] = [textMap(name, 'environment', fields), textMap(name, 'secrets', fields)];
  const cpu = sizeOf(name, 'cpu', fields, cpuUnits);
  const memory = sizeOf(name, 'memory', fields, memoryMib);
  return {
    ...(image !== undefined && { image: imageOf(name, image) }),
    ...(environment && { environment }),
    ...(secrets && { secrets }),
    ...(command !== undefined && { command: commandOf(name, command) }),
    ...(cpu !== undefined && { cpu }),
    ...(memory !== undefined && { memory }),
  };
}

function imageOf(name: string, value: unknown): string {
  const image = textOf(value);
  if (image === undefined) throw wrong(`${name}.image`, 'expected an image');
  requireImage(INPUT, image);
  return image;
}

function textMap(
  name: string,
  key: 'environment' | 'secrets',
  { [key]: value }: Record<string, unknown>,
): Record<string, string> | undefined {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw wrong(`${name}.${key}`, 'expected an object with names and values');
  requireVariables(INPUT, value);
  return Object.fromEntries(
    Object.entries(value).map(([variable, item]) => {
      const text = textOf(item);
      if (text === undefined) throw wrong(`${name}.${key}.${variable}`, 'expected a string or a number');
      return [variable, text];
    }),
  );
}

function commandOf(name: string, value: unknown): string[] {
  if (Array.isArray(value)) {
    const words = value.map(textOf);
    if (words.length > 0 && words.every((word) => word !== undefined)) return words;
  } else {
    const text = textOf(value);
    if (text !== undefined) return parseCommand(INPUT, text);
  }
  throw wrong(`${name}.command`, 'expected a command or a list of arguments');
}

function sizeOf(
  name: string,
  key: 'cpu' | 'memory',
  { [key]: value }: Record<string, unknown>,
  read: (text: string) => string | undefined,
): number | undefined {
  if (value === undefined) return undefined;
  const amount = read(textOf(value) ?? '');
  if (amount !== undefined) return Number(amount);
  throw wrong(`${name}.${key}`, `expected ${key === 'cpu' ? '256 or 0.25 vCPU' : '512 or 0.5 GB'}`);
}

/** A string, number or boolean as text. parseMap keeps the notation of numbers that JSON would change. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function wrong(path: string, allowed: string): InputError {
  return new InputError(INPUT, '', `${path}: ${allowed}`);
}
