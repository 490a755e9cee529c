import type { CallLog, LoggedCall } from './calls.ts';

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
