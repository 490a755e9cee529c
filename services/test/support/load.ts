export interface LoadResult {
  durationsMs: number[];
  /** What went wrong, one text each. */
  failures: string[];
}

/** Keeps so many requests under way until told to stop, and counts everything that is not a success. */
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
