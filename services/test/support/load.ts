export interface LoadResult {
  durationsMs: number[];
  /** The failures, one text each. */
  failures: string[];
}

/** Keeps this many requests in progress until stopped, and counts all failures. */
export function startLoad(concurrency: number, send: (worker: number) => Promise<Response>) {
  let running = true;
  const result: LoadResult = { durationsMs: [], failures: [] };
  const work = Array.from({ length: concurrency }, async (_, worker) => {
    while (running) {
      const started = performance.now();
      try {
        const response = await send(worker);
        const text = await response.text();
        if (!response.ok) result.failures.push(`${response.status} ${text}`);
        result.durationsMs.push(performance.now() - started);
      } catch (error) {
        const cause = error instanceof Error ? (error.cause ?? error) : error;
        result.failures.push(String(cause));
      }
    }
  });
  return async (): Promise<LoadResult> => {
    running = false;
    await Promise.all(work);
    return result;
  };
}
