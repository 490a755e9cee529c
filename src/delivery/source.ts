import type { Checkout } from '../github/checkout.ts';
import type { GitHubContext } from '../github/context.ts';

/** Origin of a release: a commit, and the workflow run that first deployed it. Empty or 0 if unknown. */
export interface ReleaseSource {
  /** `owner/name` */
  repository: string;
  /** Path of the workflow file, or the workflow's name if the path is unknown. */
  workflow: string;
  /** `refs/heads/main` */
  ref: string;
  commit: string;
  /** Run number of the workflow. A re-run keeps it. */
  runNumber: number;
  /** Attempt of the run, from 1. */
  attempt: number;
}

/**
 * The source of a commit that this run releases. If a `workflow_run` event started this run and the commit belongs to
 * the triggering run, that run is the source, because its run numbers follow the order of the commits.
 */
export function sourceOfRun(github: GitHubContext, { commit, repository }: Checkout): ReleaseSource {
  const { triggeringRun } = github;
  const run = triggeringRun?.sha === commit ? triggeringRun : github;
  const { ref, runNumber, runAttempt: attempt } = run;
  // Two repositories may have workflows with the same path, and each numbers its own runs.
  const isOwn = repository === github.repository || run.workflow === '';
  const workflow = isOwn ? run.workflow : `${github.repository}/${run.workflow}`;
  return { repository, workflow, ref, commit, runNumber, attempt };
}

/**
 * The commit of an image that this run deploys but did not build. A run started by `workflow_run` has the default
 * branch's latest commit checked out unless a `ref` was given, but the image was built by the triggering run.
 */
export function commitOfImage(
  { triggeringRun, repository, sha }: GitHubContext,
  checkout: Checkout | undefined,
): Checkout | undefined {
  if (!triggeringRun || (checkout && checkout.commit !== sha)) return checkout;
  return { commit: triggeringRun.sha, repository };
}

/** Only the source fields of an object that has them, such as a release. */
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
