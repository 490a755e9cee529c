import type { Checkout } from '../github/checkout.ts';
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

/**
 * The source of a release of a commit by this run. Where the end of another run started this one, and the commit is
 * that run's, it is the source: its numbers follow the order of the commits.
 */
export function sourceOfRun(github: GitHubContext, { commit, repository }: Checkout): ReleaseSource {
  const { triggeringRun } = github;
  const run = triggeringRun?.sha === commit ? triggeringRun : github;
  const { ref, runNumber, runAttempt: attempt } = run;
  // Two repositories may have workflows of the same path, and each counts its own runs.
  const isOwn = repository === github.repository || run.workflow === '';
  const workflow = isOwn ? run.workflow : `${github.repository}/${run.workflow}`;
  return { repository, workflow, ref, commit, runNumber, attempt };
}

/**
 * The commit of an image that is only deployed here. A run that the end of another one started has the default
 * branch's last commit checked out unless a `ref` was given, and the image is that other run's.
 */
export function commitOfImage(
  { triggeringRun, repository, sha }: GitHubContext,
  checkout: Checkout | undefined,
): Checkout | undefined {
  if (!triggeringRun || (checkout && checkout.commit !== sha)) return checkout;
  return { commit: triggeringRun.sha, repository };
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
