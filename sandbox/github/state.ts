import type { GitHubScenario } from '../scenario/scenario.ts';
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

export interface Issue {
  id: number;
  number: number;
  title: string;
  body: string;
  state: 'open' | 'closed';
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
  /** Patterns of the refs that may deploy to it. If undefined, all may. */
  branches?: string[];
  /** Whether only branches with a branch protection rule may deploy to it. */
  protectedBranches?: boolean;
  preventSelfReview?: boolean;
  /** True by default. */
  adminsBypass?: boolean;
}

export interface Branch {
  name: string;
  /** Whether a branch protection rule or a ruleset applies. */
  protection?: 'rule' | 'ruleset';
}

interface Approval {
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
  /** Who started the attempt. For a re-run, who requested it. */
  triggeringActor: Account;
  /** Its number among the runs of its workflow. */
  number: number;
  /** The path of its workflow. */
  workflow: string;
  /** For a `workflow_dispatch`. */
  inputs?: Readonly<Record<string, unknown>>;
  /** Environments that wait for an approval. */
  pending: string[];
  approvals: Approval[];
  /** The conclusion, or undefined while it is in progress. */
  conclusion?: string;
  /** Aborted when the run is cancelled. */
  cancelling: AbortController;
}

export interface Pull {
  number: number;
  title: string;
  state: 'open' | 'closed';
  head: string;
  base: string;
  sha: string;
  fork: boolean;
  /** In ISO 8601. */
  created: string;
  /** The commit on the base branch, or undefined if it is not merged. */
  mergeCommit?: string;
}

/** A commit of the repository. */
export interface Commit {
  sha: string;
  parents: readonly string[];
  message: string;
  /** Logins, or `name <address>` if the address belongs to no account. */
  author: string;
  committer: string;
  coAuthors: readonly string[];
  /** Whether GitHub's own key signed it. */
  signed: boolean;
  /** The changed files. */
  files: readonly string[];
}

/** A team of the organization that owns the repository. */
export interface Team {
  id: number;
  slug: string;
  members: readonly string[];
  /** Pending members. */
  invited: readonly string[];
  parent?: string;
}

export const SHA = '0123456789abcdef0123456789abcdef01234567';

/** GitHub's state of the single repository. */
export class GitHubState {
  readonly repository: string;
  readonly comments: Comment[] = [];
  readonly issues: Issue[] = [];
  readonly deployments: Deployment[] = [];
  readonly environments: Environment[];
  readonly branches: readonly Branch[];
  readonly runs: Run[];
  readonly pulls: Pull[];
  readonly teams: readonly Team[];
  /** By hash, each after its parents. */
  readonly commits: ReadonlyMap<string, Commit>;
  /** All token owners. */
  readonly logins: readonly string[];
  readonly #actor: Account;
  readonly #anyRun: boolean;
  readonly #anyPull: boolean;
  #lastId = 1_000_000;

  constructor(scenario: GitHubScenario) {
    this.repository = scenario.repository ?? 'org/platform';
    this.branches = scenario.branches ?? [{ name: 'main' }];
    this.environments = (scenario.environments ?? []).map((environment) => ({
      id: this.newId(),
      reviewers: [],
      waitMinutes: 0,
      ...environment,
    }));
    const { user = 'octocat', tokens = {} } = scenario;
    this.logins = [user, ...Object.values(tokens)];
    this.#actor = accountOf(user);
    this.#anyRun = !scenario.runs;
    this.#anyPull = !scenario.pulls;
    this.runs = (scenario.runs ?? []).map(({ actor, triggeringActor = actor, ...run }) =>
      this.#newRun({
        ...run,
        ...(actor !== undefined && { actor: accountOf(actor) }),
        ...(triggeringActor !== undefined && { triggeringActor: accountOf(triggeringActor) }),
      }),
    );
    this.pulls = (scenario.pulls ?? []).map(newPull);
    this.teams = (scenario.teams ?? []).map((team) => ({ id: this.newId(), invited: [], ...team }));
    this.commits = new Map(commitsOf(scenario).map((commit) => [commit.sha, commit]));
    for (const { issue, body, user } of scenario.comments ?? []) {
      this.comment(issue, body, user === undefined ? this.#actor : accountOf(user));
    }
    for (const { run: id, user, environments, state = 'approved', comment = '' } of scenario.approvals ??
      []) {
      const approved = this.run(id);
      if (!approved) throw new Error(`scenario.github.approvals: there is no run ${id}`);
      approved.approvals.push({ state, comment, environments, user: accountOf(user) });
    }
  }

  /** A workflow run. If the scenario lists none, every number exists. */
  run(id: number): Run | undefined {
    const known = this.runs.find((run) => run.id === id);
    if (known || !this.#anyRun) return known;
    const run = this.#newRun({ id });
    this.runs.push(run);
    return run;
  }

  /** A pull request. If the scenario lists none, every number exists. */
  pull(number: number): Pull | undefined {
    const known = this.pulls.find((pull) => pull.number === number);
    if (known || !this.#anyPull) return known;
    const pull = newPull({ number });
    this.pulls.push(pull);
    return pull;
  }

  /** A workflow run that starts now. */
  startRun(given: Partial<Run>): Run {
    const run = this.#newRun({ id: this.newId(), number: this.runs.length + 1, ...given });
    this.runs.push(run);
    return run;
  }

  #newRun(given: Partial<Run> & { id: number }): Run {
    return {
      attempt: 1,
      event: 'push',
      branch: 'main',
      sha: SHA,
      actor: this.#actor,
      triggeringActor: given.actor ?? this.#actor,
      number: 1,
      workflow: '.github/workflows/pipeline.yml',
      pending: [],
      ...given,
      approvals: [],
      cancelling: new AbortController(),
    };
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

  issue(title: string, body: string, user: Account): Issue {
    const [number, time] = [FIRST_ISSUE + this.issues.length, now()];
    const id = this.newId();
    const issue: Issue = { id, number, title, body, state: 'open', user, created: time, updated: time };
    this.issues.push(issue);
    return issue;
  }
}

/** Throws an Error for a parent that does not come before its child. */
function commitsOf({ commits = [], user = 'octocat' }: GitHubScenario): Commit[] {
  return commits.map(
    ({ sha, parents, message = `Change ${sha.slice(0, 7)}`, author = user, ...given }, index) => {
      const earlier = commits.slice(0, index).map((commit) => commit.sha);
      const unknown = parents?.find((parent) => !earlier.includes(parent));
      if (unknown !== undefined) {
        throw new Error(`scenario.github.commits: there is no commit ${unknown} before ${sha}`);
      }
      const { committer = author, coAuthors = [], signed = false, files = [] } = given;
      const known = { sha, parents: parents ?? earlier.slice(-1), message, author };
      return { ...known, committer, coAuthors, signed, files };
    },
  );
}

/** Above the numbers of pull requests, all of which may exist. */
const FIRST_ISSUE = 9001;

function newPull(given: Partial<Pull> & { number: number }): Pull {
  const usual = {
    title: 'Change the platform',
    head: 'topic',
    base: 'main',
    sha: SHA,
    fork: false,
    created: now(),
  };
  return { state: 'open', ...usual, ...given };
}

export function accountOf(login: string): Account {
  return { login, type: login.endsWith('[bot]') ? 'Bot' : 'User' };
}

/** GitHub's timestamps have no milliseconds. */
export function now(): string {
  return new Date().toISOString().replace(/\.\d+Z$/, 'Z');
}

export function gitHubState(world: World): GitHubState {
  return world.store('', '', 'github', () => new GitHubState(world.scenario.github ?? {}));
}
