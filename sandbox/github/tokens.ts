import { accountOf } from './state.ts';
import type { Account } from './state.ts';
import type { World } from '../world.ts';

/** Whom GitHub takes the bearer of a token for. */
export interface Viewer extends Account {
  mayWrite: boolean;
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

/** The bearer of a request's token; undefined when nobody knows it. */
export function viewerOf(world: World, authorization: string): Viewer | undefined {
  const { user = 'octocat', tokens = {} } = world.scenario.github ?? {};
  const { installation, readOnly } = GITHUB_TOKENS;
  const logins = { [installation]: BOT, [readOnly]: BOT, [GITHUB_TOKENS.user]: user, ...tokens };
  const token = authorization.replace(/^(token|bearer)\s+/i, '');
  const login = Object.hasOwn(logins, token) ? logins[token] : undefined;
  return login === undefined ? undefined : { ...accountOf(login), mayWrite: token !== readOnly };
}
