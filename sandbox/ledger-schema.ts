import type { CallLog, LoggedCall } from './server/calls.ts';
import { schemaProblems } from './result-schema.ts';

/** The call logs of the sandboxes in this process, by URL. */
const open = new Map<string, CallLog>();

/** Makes the calls of a sandbox available to `parameterWrites` until it is closed. */
export function trackCalls(url: string, calls: CallLog): () => void {
  open.set(url, calls);
  return () => void open.delete(url);
}

/** The calls to Parameter Store from now on. Empty if the endpoint is not a sandbox of this process. */
export function parameterWrites(url: string | undefined): () => LoggedCall[] {
  const calls = open.get(url ?? '');
  const before = new Set(calls?.all);
  return () => (calls?.of('PutParameter') ?? []).filter((call) => !before.has(call));
}

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
