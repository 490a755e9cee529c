import type { Context } from '../core/context.ts';
import { createOctokit, type GitHubAccess, ownerAndName, statusOf } from './client.ts';

/** Who started an attempt of a workflow run, and how. */
export interface RunStart {
  /** `push`, `workflow_dispatch` … */
  event: string;
  /** Who started the first attempt. */
  actor: Account;
  /** Who started this attempt: for a re-run, who requested it. */
  triggeringActor: Account;
}

interface Account {
  login: string;
  /** `User`, or `Bot` for an app. */
  type: string;
}

/**
 * Reads from GitHub's API who started the attempt that this job belongs to.
 *
 * "If the workflow run is a re-run, this value may differ from `github.actor`. Any workflow re-runs will use the
 * privileges of `github.actor`, even if the actor initiating the re-run (`github.triggering_actor`) has different
 * privileges." Anyone with write access to the repository can re-run a workflow.
 *
 * @throws GitHubError: the token needs `actions: read`.
 * @see https://docs.github.com/actions/reference/workflows-and-actions/contexts#github-context
 * @see https://docs.github.com/rest/actions/workflow-runs#get-a-workflow-run-attempt
 */
export async function readRunStart({ token, github, context }: GitHubAccess): Promise<RunStart> {
  const octokit = await createOctokit(token, github.apiUrl, context);
  const { data } = await octokit.rest.actions.getWorkflowRunAttempt({
    ...ownerAndName(github.repository),
    run_id: Number(github.runId),
    attempt_number: github.runAttempt,
  });
  const { event, actor, triggering_actor: triggeringActor } = data;
  return { event, actor: accountOf(actor), triggeringActor: accountOf(triggeringActor) };
}

/** Empty for a deleted account. */
function accountOf(user: { login: string; type: string } | null | undefined): Account {
  return { login: user?.login ?? '', type: user?.type ?? '' };
}

/** A team of an organisation. */
export interface Team {
  organization: string;
  slug: string;
}

/**
 * Whether a user is a member of a team or of one of its child teams. `unreadable`: the team is not visible to the token.
 * GitHub returns the same 404 for a missing permission and for a user who is not a member, so the team itself is read
 * too.
 *
 * "Team members will include the members of child teams. To get a user's membership with a team, the team must be
 * visible to the authenticated user." This needs the organization permission "Members" (read), which `permissions` of a
 * job cannot grant.
 *
 * @throws GitHubError if GitHub is unavailable.
 * @see https://docs.github.com/rest/teams/members#get-team-membership-for-a-user
 */
export async function teamMembership(
  { token, apiUrl, context }: { token: string; apiUrl: string; context: Pick<Context, 'clock' | 'signal'> },
  { organization: org, slug: team_slug }: Team,
  username: string,
): Promise<'member' | 'none' | 'unreadable'> {
  const { teams } = (await createOctokit(token, apiUrl, context)).rest;
  const unlessHidden = async <T>(call: Promise<{ data: T }>): Promise<T | undefined> => {
    try {
      return (await call).data;
    } catch (error) {
      if ([401, 403, 404].includes(statusOf(error) ?? 0)) return undefined;
      throw error;
    }
  };
  const membership = await unlessHidden(teams.getMembershipForUserInOrg({ org, team_slug, username }));
  // An invitation that was not accepted is `pending`.
  if (membership) return membership.state === 'active' ? 'member' : 'none';
  return (await unlessHidden(teams.getByName({ org, team_slug }))) ? 'none' : 'unreadable';
}
