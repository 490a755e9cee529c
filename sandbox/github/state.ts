import type { GitHubScenario } from '../scenario.ts';
import type { World } from '../world.ts';

export interface Account {
  login: string;
  type: 'Bot' | 'User';
}

export interface Comment {
  id: number;
  issue: number;
  body: string;
  user: Account;
  created: string;
  updated: string;
}

export interface DeploymentStatus {
  id: number;
  state: string;
  fields: Record<string, unknown>;
  creator: Account;
  created: string;
}

export interface Deployment {
  id: number;
  ref: string;
  environment: string;
  fields: Record<string, unknown>;
  creator: Account;
  created: string;
  statuses: DeploymentStatus[];
}

export interface Environment {
  id: number;
  name: string;
  reviewers: string[];
  waitMinutes: number;
}

export interface Approval {
  state: string;
  comment: string;
  environments: string[];
  user: Account;
}

export interface Run {
  id: number;
  attempt: number;
  event: string;
  branch: string;
  sha: string;
  actor: Account;
  /** Environments that wait for an approval. */
  pending: string[];
  approvals: Approval[];
}

export interface Pull {
  number: number;
  title: string;
  state: 'open' | 'closed';
  head: string;
  base: string;
  sha: string;
  fork: boolean;
}

export const SHA = '0123456789abcdef0123456789abcdef01234567';

/** What GitHub knows of the one repository. */
export class GitHubState {
  readonly repository: string;
  readonly comments: Comment[] = [];
  readonly deployments: Deployment[] = [];
  readonly environments: Environment[];
  readonly runs: Run[];
  readonly pulls: Pull[];
  #lastId = 1_000_000;

  constructor(scenario: GitHubScenario) {
    this.repository = scenario.repository ?? 'org/platform';
    const actor: Account = { login: scenario.user ?? 'octocat', type: 'User' };
    this.environments = (scenario.environments ?? []).map((environment) => ({
      id: this.newId(),
      reviewers: [],
      waitMinutes: 0,
      ...environment,
    }));
    const run = { attempt: 1, event: 'push', branch: 'main', sha: SHA, actor, pending: [] };
    this.runs = (scenario.runs ?? [{ id: 1 }]).map((given) => ({ ...run, ...given, approvals: [] }));
    const pull = {
      title: 'Change the platform',
      state: 'open' as const,
      head: 'topic',
      base: 'main',
      sha: SHA,
      fork: false,
    };
    this.pulls = (scenario.pulls ?? [{ number: 1 }]).map((given) => ({ ...pull, ...given }));
    for (const { issue, body, user } of scenario.comments ?? []) {
      this.comment(issue, body, user === undefined ? actor : accountOf(user));
    }
    for (const { run: id, user, environments, state = 'approved', comment = '' } of scenario.approvals ??
      []) {
      const approved = this.runs.find((candidate) => candidate.id === id);
      if (!approved) throw new Error(`scenario.github.approvals: there is no run ${id}`);
      approved.approvals.push({ state, comment, environments, user: accountOf(user) });
    }
  }

  newId(): number {
    return ++this.#lastId;
  }

  comment(issue: number, body: string, user: Account): Comment {
    const time = now();
    const comment = { id: this.newId(), issue, body, user, created: time, updated: time };
    this.comments.push(comment);
    return comment;
  }
}

function accountOf(login: string): Account {
  return { login, type: login.endsWith('[bot]') ? 'Bot' : 'User' };
}

/** GitHub's timestamps have no milliseconds. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

export function gitHubState(world: World): GitHubState {
  return world.store('', '', 'github', () => new GitHubState(world.scenario.github ?? {}));
}
