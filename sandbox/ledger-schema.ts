import type { LoggedCall } from './server/calls.ts';
import { schemaProblems } from './result-schema.ts';

/**
 * Validates records of the ledger written to Parameter Store against their published schemas. A value that is not a
 * JSON object was written by hand.
 *
 * @throws with every place that differs.
 */
export function checkLedger(writes: readonly LoggedCall[]): void {
  for (const { input } of writes) {
    const { Name: name, Value: value } = input as { Name?: unknown; Value?: unknown };
    const record = recordIn(String(value));
    const schema = record && schemaOf(String(name), record);
    if (!record || schema === undefined) continue;
    const problems = schemaProblems(`ledger/${schema}`, record);
    if (problems.length === 0) continue;
    throw new Error(
      `${String(name)} does not match schemas/ledger/${schema}.json:\n${problems.join('\n')}\n${String(value)}`,
    );
  }
}

/** By the last part of the parameter's name. Only the record of a service's release has an image. */
function schemaOf(name: string, record: object): string | undefined {
  const kind = name.split('/').at(-1) ?? '';
  if (kind === 'release') return 'image' in record ? 'release' : 'environment';
  return ['hold', 'lock', 'lock-stop'].includes(kind) ? kind : undefined;
}

function recordIn(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined; // Text written by a person, such as the reason of a hold.
  }
}
