import { accountOf } from './state.ts';
import type { Account } from './state.ts';
import type { World } from '../world.ts';
import type { Permissions } from './permissions.ts';

/** Whom GitHub takes the bearer of a token for. */
export interface Viewer extends Account {
  mayWrite: boolean;
  /** Of a job's token; without them it has all. */
  permissions?: Permissions;
}

/** The tokens that the sandbox knows. */
export interface GitHubTokens {
  /** A job's own, as `github.token`. */
  installation: string;
  /** A job's own on a pull request from a fork. */
  readOnly: string;
  /** A personal access token. */
  user: string;
}

const BOT = 'github-actions[bot]';

export const GITHUB_TOKENS: GitHubTokens = {
  installation: 'ghs_SandboxInstallationToken000000000000',
  readOnly: 'ghs_SandboxReadOnlyForkToken000000000000',
  user: 'ghp_SandboxPersonalAccessToken0000000000',
};

/** Makes the token of one job, which may do what the job's `permissions` say. */
export function newJobToken(world: World, permissions: Permissions): string {
  const tokens = jobTokens(world);
  const token = `ghs_SandboxJobToken${String(tokens.size + 1).padStart(17, '0')}`;
  tokens.set(token, permissions);
  return token;
}

function jobTokens(world: World): Map<string, Permissions> {
  return world.store('', '', 'github-job-tokens', () => new Map<string, Permissions>());
}

/** The bearer of a request's token; undefined when nobody knows it. */
export function viewerOf(world: World, authorization: string): Viewer | undefined {
  const { user = 'octocat', tokens = {} } = world.scenario.github ?? {};
  const { installation, readOnly } = GITHUB_TOKENS;
  const logins = { [installation]: BOT, [readOnly]: BOT, [GITHUB_TOKENS.user]: user, ...tokens };
  const token = authorization.replace(/^(token|bearer)\s+/i, '');
  const permissions = jobTokens(world).get(token);
  if (permissions) return { ...accountOf(BOT), mayWrite: true, permissions };
  const login = Object.hasOwn(logins, token) ? logins[token] : undefined;
  return login === undefined ? undefined : { ...accountOf(login), mayWrite: token !== readOnly };
}
