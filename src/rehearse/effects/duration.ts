import type { RunPart, RunResult } from '../../environment/run/result.ts';

/** The predicted duration of the deployment on AWS. */
export interface PredictedDuration {
  ms: number;
  /** The parts that determine the total duration, in order, each with its own duration. */
  criticalPath: readonly { name: string; ms: number }[];
}

type Started = Extract<RunPart, { startedAt: number }>;

/** @returns undefined for a run in which nothing was started. */
export function predictedDuration(applied: RunResult): PredictedDuration | undefined {
  const parts = 'parts' in applied ? applied.parts.filter(isStarted) : [];
  if (parts.length === 0) return undefined;
  const path: Started[] = [];
  let last: Started | undefined = latest(parts);
  while (last) {
    path.unshift(last);
    const { after } = last;
    last = latest(parts.filter(({ name }) => after.includes(name)));
  }
  return {
    ms: applied.durationMs,
    criticalPath: path.map(({ name, startedAt, endedAt }) => ({ name, ms: endedAt - startedAt })),
  };
}

function isStarted(part: RunPart): part is Started {
  return part.startedAt !== undefined;
}

function latest(parts: readonly Started[]): Started | undefined {
  return parts.toSorted((one, other) => other.endedAt - one.endedAt)[0];
}
