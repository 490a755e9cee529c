import type { CallContract } from '../workflow.ts';
import { toText } from './expressions.ts';

/** An error for which GitHub starts no job. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

/**
 * The inputs of a called or dispatched workflow: the given ones with their types, and the defaults of the others.
 *
 * @throws Refused for one that is missing, unknown or of another type.
 */
export function inputsOf(
  contract: CallContract | null | undefined,
  given: Record<string, unknown>,
): Record<string, unknown> {
  const declared = contract?.inputs ?? {};
  const unknown = Object.keys(given).filter((key) => !(key in declared));
  if (unknown.length > 0) throw new Refused(`unexpected inputs: ${unknown.join(', ')}`);
  return Object.fromEntries(
    Object.entries(declared).map(([key, { type, required, default: usual }]) => {
      const value = given[key] ?? usual;
      if (value === undefined && required === true) throw new Refused(`the input ${key} is required`);
      return [key, typed(key, type, value)];
    }),
  );
}

function typed(key: string, type: string, value: unknown): unknown {
  const text = toText(value);
  if (type === 'boolean') {
    if (!['true', 'false', ''].includes(text)) throw new Refused(`the input ${key} is no boolean: ${text}`);
    return text === 'true';
  }
  if (type === 'number') {
    if (Number.isNaN(Number(text))) throw new Refused(`the input ${key} is no number: ${text}`);
    return Number(text);
  }
  return text;
}

/** The secrets that a call passes on, by name. */
export function secretsOf(
  contract: CallContract | null | undefined,
  given: Record<string, string>,
): Record<string, string> {
  const declared = contract?.secrets ?? {};
  const missing = Object.keys(declared).filter((key) => declared[key]?.required === true && !given[key]);
  if (missing.length > 0) throw new Refused(`the secrets ${missing.join(', ')} are required`);
  return Object.fromEntries(Object.entries(given).filter(([key]) => key in declared));
}
