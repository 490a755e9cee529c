import { isRefusal } from './client.ts';
import type { Octokit } from './client.ts';

/** The user that a workflow's own token writes as. */
const WORKFLOW_USER = 'github-actions[bot]';

/** The first line of what we write, by which it is found again. It shows nothing. */
export function hiddenMarker(marker: string): string {
  return `<!-- platform:${marker.replace(/[^\w./:]+/g, '-')} -->`;
}

/** Who the token is. An app's token, the workflow's own among them, may not ask REST; GraphQL may not be there. */
export async function ownLogin(octokit: Octokit): Promise<string> {
  try {
    return (await octokit.rest.users.getAuthenticated()).data.login;
  } catch (error) {
    if (!isRefusal(error)) throw error;
  }
  try {
    return (await octokit.graphql<{ viewer: { login: string } }>('query { viewer { login } }')).viewer.login;
  } catch {
    return WORKFLOW_USER;
  }
}
