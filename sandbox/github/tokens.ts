import type { World } from '../world.ts';

/** Whom GitHub takes the bearer of a token for. */
export interface Viewer {
  login: string;
  type: 'Bot' | 'User';
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

export const GITHUB_TOKENS: GitHubTokens = {
  installation: 'ghs_SandboxInstallationToken000000000000',
  readOnly: 'ghs_SandboxReadOnlyForkToken000000000000',
  user: 'ghp_SandboxPersonalAccessToken0000000000',
};

/** The bearer of a request's token; undefined when nobody knows it. */
export function viewerOf(world: World, authorization: string): Viewer | undefined {
  const bot = { login: 'github-actions[bot]', type: 'Bot' as const };
  const viewers: Record<keyof GitHubTokens, Viewer> = {
    installation: { ...bot, mayWrite: true },
    readOnly: { ...bot, mayWrite: false },
    user: { login: world.scenario.github?.user ?? 'octocat', type: 'User', mayWrite: true },
  };
  const token = authorization.replace(/^(token|bearer)\s+/i, '');
  const kinds = Object.keys(viewers) as (keyof GitHubTokens)[];
  const kind = kinds.find((name) => GITHUB_TOKENS[name] === token);
  return kind && viewers[kind];
}
