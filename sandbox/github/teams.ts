import { type GitHubCall, notFound, type Routes } from './call.ts';
import type { Team } from './state.ts';

/**
 * Teams of the organization that owns the repository. "To get a user's membership with a team, the team must be visible
 * to the authenticated user": a token without the organization permission Members, which no job's token has, gets 404,
 * as for a user who is not a member.
 *
 * @see https://docs.github.com/rest/teams/members#get-team-membership-for-a-user
 * @see https://github.com/PostHog/posthog/pull/56869
 */
export const teamRoutes: Routes = {
  'GET /orgs/{org}/teams/{team}': [
    'teams/get-by-name',
    (call) => {
      const { id, slug, parent } = teamOf(call);
      return {
        body: {
          id,
          slug,
          name: slug,
          privacy: 'closed',
          parent: parent === undefined ? null : { slug: parent },
        },
      };
    },
  ],

  'GET /orgs/{org}/teams/{team}/memberships/{username}': [
    'teams/get-membership-for-user-in-org',
    (call) => {
      const login = (call.params.username ?? '').toLowerCase();
      const has = (logins: readonly string[]): boolean => logins.some((one) => one.toLowerCase() === login);
      const team = teamOf(call);
      const { id, invited } = team;
      if (!has(invited) && !withChildren(call, team).some(({ members }) => has(members))) throw notFound();
      const state = has(invited) ? 'pending' : 'active';
      return {
        body: { state, role: 'member', url: `https://api.github.com/teams/${id}/memberships/${login}` },
      };
    },
  ],
};

function teamOf({ params, state, viewer }: GitHubCall): Team {
  const isOwn = params.org?.toLowerCase() === state.repository.split('/')[0]?.toLowerCase();
  const team = state.teams.find(({ slug }) => slug === params.team?.toLowerCase());
  if (!viewer.readsMembers || !isOwn || !team) throw notFound();
  return team;
}

/** "Team members will include the members of child teams." */
function withChildren(call: GitHubCall, team: Team): Team[] {
  const children = call.state.teams.filter(({ parent }) => parent === team.slug);
  return [team, ...children.flatMap((child) => withChildren(call, child))];
}
