import type { GitHubContext } from '../github/context.ts';

/** Where a release comes from: a commit, and the workflow run that deployed it first. Empty or 0 where it is unknown. */
export interface ReleaseSource {
  /** `owner/name` */
  repository: string;
  /** The path of the workflow's file; its name where the path is unknown. */
  workflow: string;
  /** `refs/heads/main` */
  ref: string;
  commit: string;
  /** Counts the runs of the workflow. A re-run keeps it. */
  runNumber: number;
  /** Counts the attempts of the run, from 1. */
  attempt: number;
}

/** The source of a release by this run: the run itself, or the one whose end started it. */
export function sourceOfRun(github: GitHubContext): ReleaseSource {
  const { repository } = github;
  const { workflow, ref, sha: commit, runNumber, runAttempt: attempt } = github.triggeringRun ?? github;
  return { repository, workflow, ref, commit, runNumber, attempt };
}

/** The source alone, of anything that has one, such as a release. */
export function sourceOf(of: ReleaseSource): ReleaseSource {
  const { repository, workflow, ref, commit, runNumber, attempt } = of;
  return { repository, workflow, ref, commit, runNumber, attempt };
}

export const UNKNOWN_SOURCE: Readonly<ReleaseSource> = {
  repository: '',
  workflow: '',
  ref: '',
  commit: '',
  runNumber: 0,
  attempt: 0,
};
