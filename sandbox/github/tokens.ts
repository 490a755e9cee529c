import type { World } from '../world.ts';
import { type Account, accountOf } from './state.ts';

/** The owner of a token. */
export interface Viewer extends Account {
  mayWrite: boolean;
  /** Whether the token can read the organization's teams. */
  readsMembers: boolean;
  /** The permissions of a job's token. If undefined, it has all. */
  permissions?: Permissions;
}

/** The known tokens. */
export interface GitHubTokens {
  /** A job's token, as `github.token`. */
  installation: string;
  /** A job's token on a pull request from a fork. */
  readOnly: string;
  /** A personal access token (classic), with `repo` and `read:org`. */
  user: string;
  /** The token of an app's installation, with the organization permission Members (read). */
  members: string;
}

const BOT = 'github-actions[bot]';

export const GITHUB_TOKENS: GitHubTokens = {
  installation: 'ghs_SandboxInstallationToken000000000000',
  readOnly: 'ghs_SandboxReadOnlyForkToken000000000000',
  user: 'ghp_SandboxPersonalAccessToken0000000000',
  members: 'ghs_SandboxMembersReadToken0000000000000',
};

/** Creates the token of a job with the `permissions` of the job. */
export function newJobToken(world: World, permissions: Permissions): string {
  const tokens = jobTokens(world);
  const token = `ghs_SandboxJobToken${String(tokens.size + 1).padStart(17, '0')}`;
  tokens.set(token, permissions);
  return token;
}

function jobTokens(world: World): Map<string, Permissions> {
  return world.store('', '', 'github-job-tokens', () => new Map<string, Permissions>());
}

/** The owner of a request's token, or undefined for an unknown token. */
export function viewerOf(world: World, authorization: string): Viewer | undefined {
  const { user = 'octocat', tokens = {} } = world.scenario.github ?? {};
  const { installation, readOnly, members } = GITHUB_TOKENS;
  const own = {
    [installation]: BOT,
    [readOnly]: BOT,
    [members]: 'approvers[bot]',
    [GITHUB_TOKENS.user]: user,
  };
  const logins = { ...own, ...tokens };
  const token = authorization.replace(/^(token|bearer)\s+/i, '');
  const permissions = jobTokens(world).get(token);
  // No permission of a job concerns the organization.
  if (permissions) return { ...accountOf(BOT), mayWrite: true, readsMembers: false, permissions };
  const login = Object.hasOwn(logins, token) ? logins[token] : undefined;
  if (login === undefined) return undefined;
  const account = accountOf(login);
  const readsMembers = account.type === 'User' || token === members;
  return { ...account, mayWrite: token !== readOnly && token !== members, readsMembers };
}

/** The `permissions` of a job, by GitHub's names. */
export type Permissions = Readonly<Record<string, 'read' | 'write'>>;

/**
 * The alternative permissions for each resource. A reading call needs read access, all others write access.
 *
 * @see https://docs.github.com/rest/authentication/permissions-required-for-github-apps
 */
const SUFFICIENT: readonly [RegExp, readonly string[]][] = [
  [/^\/repos\/[^/]+\/[^/]+\/issues(\/|$)/, ['issues', 'pull-requests']],
  [/^\/repos\/[^/]+\/[^/]+\/pulls\/\d+\/merge$/, ['contents']],
  [/^\/repos\/[^/]+\/[^/]+\/pulls(\/|$)/, ['pull-requests']],
  [/^\/repos\/[^/]+\/[^/]+\/deployments(\/|$)/, ['deployments']],
  [/^\/repos\/[^/]+\/[^/]+\/(actions|environments)(\/|$)/, ['actions']],
  [/^\/repos\/[^/]+\/[^/]+\/(branches|commits|compare|contents)(\/|$)/, ['contents']],
];

/** "GitHub Apps must have the administration:write permission"; a job's token cannot have it. */
const ADMINISTRATION = /^\/repos\/[^/]+\/[^/]+\/environments\//;

/** Whether a token with these permissions may make a call. The repository itself can always be read. */
export function permits(permissions: Permissions, method: string, path: string): boolean {
  if (method !== 'GET' && ADMINISTRATION.test(path)) return false;
  const sufficient = SUFFICIENT.find(([pattern]) => pattern.test(path))?.[1];
  if (!sufficient) return true;
  const granted = sufficient.map((name) => permissions[name]);
  return granted.includes('write') || (method === 'GET' && granted.includes('read'));
}
