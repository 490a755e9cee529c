/** Something to do once others are done. */
export interface Job {
  name: string;
  /** Names of jobs; those that are not among the given ones count as done. */
  after: readonly string[];
}

/** How a job ended. One that did not begin names what kept it. */
export type JobEnd<T> = { name: string; ok: boolean; value: T } | { name: string; ok: false; keptBy: string };

/**
 * Does every job as soon as all that it waits for is done, as many at once as there are. When one fails, those that
 * wait for it do not begin; all others go on. After a cancel nothing begins.
 *
 * @param jobs each after those that it waits for.
 * @param work must not throw: it answers how it went.
 */
export async function inOrder<J extends Job, T>(
  jobs: readonly J[],
  signal: AbortSignal,
  work: (job: J) => Promise<{ ok: boolean; value: T }>,
): Promise<JobEnd<T>[]> {
  const ends = new Map<string, Promise<JobEnd<T>>>();
  for (const job of jobs) {
    const needed = job.after.flatMap((name) => ends.get(name) ?? []);
    ends.set(job.name, begin(job, needed, signal, work));
  }
  return await Promise.all(ends.values());
}

async function begin<J extends Job, T>(
  job: J,
  needed: readonly Promise<JobEnd<T>>[],
  signal: AbortSignal,
  work: (job: J) => Promise<{ ok: boolean; value: T }>,
): Promise<JobEnd<T>> {
  const { name } = job;
  // The first that fails decides: nothing is gained by waiting for the others.
  const failed = await firstFailure(needed);
  if (failed) return { name, ok: false, keptBy: 'keptBy' in failed ? failed.keptBy : failed.name };
  if (signal.aborted) return { name, ok: false, keptBy: '' };
  return { name, ...(await work(job)) };
}

async function firstFailure<T>(needed: readonly Promise<JobEnd<T>>[]): Promise<JobEnd<T> | undefined> {
  const ends = await Promise.all(needed);
  return ends.find(({ ok }) => !ok);
}
