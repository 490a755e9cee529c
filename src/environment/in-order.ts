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
 * @param jobs in any order, none of them waiting for itself.
 * @param work must not throw: it answers how it went.
 */
export async function inOrder<J extends Job, T>(
  jobs: readonly J[],
  signal: AbortSignal,
  work: (job: J) => Promise<{ ok: boolean; value: T }>,
): Promise<JobEnd<T>[]> {
  const byName = new Map(jobs.map((job) => [job.name, job]));
  const ends = new Map<string, Promise<JobEnd<T>>>();
  const endOf = (job: J): Promise<JobEnd<T>> => {
    const known = ends.get(job.name);
    if (known) return known;
    const needed = job.after.flatMap((name) => byName.get(name) ?? []).map(endOf);
    const end = begin(job, needed, signal, work);
    ends.set(job.name, end);
    return end;
  };
  return await Promise.all(jobs.map(endOf));
}

async function begin<J extends Job, T>(
  job: J,
  needed: readonly Promise<JobEnd<T>>[],
  signal: AbortSignal,
  work: (job: J) => Promise<{ ok: boolean; value: T }>,
): Promise<JobEnd<T>> {
  const { name } = job;
  const failed = (await Promise.all(needed)).find(({ ok }) => !ok);
  if (failed) return { name, ok: false, keptBy: 'keptBy' in failed ? failed.keptBy : failed.name };
  if (signal.aborted) return { name, ok: false, keptBy: '' };
  return { name, ...(await work(job)) };
}
