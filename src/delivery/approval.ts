import type { Context } from '../core/context.ts';
import { PlatformError, reasonOf } from '../core/errors.ts';
import { sentence } from '../core/text.ts';
import { readRunStart, type RunStart, type Team, teamMembership } from '../github/actor.ts';
import type { GitHubAccess } from '../github/client.ts';
import { type CommitWriters, readCommitWriters } from '../github/commit-writers.ts';
import { readApprovingReviews } from '../github/reviews.ts';

/** Who may change an environment, from platform.yml. */
export interface ApprovalRule {
  /** Logins, and teams as `@org/team`. */
  approvers: readonly string[];
  /** Whether approvers may deploy their own commits. */
  selfApproval: boolean;
}

/** Who approved a change to an environment. */
export interface Approval {
  by: string;
  /** `dispatch`: an approver of platform.yml started the run. `review`: a reviewer of the GitHub environment. */
  through: 'dispatch' | 'review';
  /** The reviewer's comment, shortened. */
  comment?: string;
}

/** A change to an environment that may need approval, with access to GitHub. */
export interface ApprovalRequest {
  environment: string;
  /** Absent: only the GitHub environment may require approval. */
  rule?: ApprovalRule;
  /** Whether the environment's images are promoted from another environment. */
  promotes: boolean;
  /** The commit to deploy; empty if unknown. */
  commit: string;
  access: Omit<GitHubAccess, 'context'> & { context: Pick<Context, 'clock' | 'signal' | 'log' | 'redactor'> };
  /** Token that can read the organisation's teams, and commits of other repositories. */
  approversToken?: string;
}

/** A commit and its repository; empty if unknown. */
export interface CommitOf {
  commit: string;
  repository: string;
}

/** The run was not started by someone who is allowed to approve the change. Nothing was changed. */
export class NotApprovedError extends PlatformError {
  override readonly name = 'NotApprovedError';

  constructor(message: string, fix: string, cause?: unknown) {
    super('not-approved', message, { fix, cause });
  }
}

const DISPATCH = 'workflow_dispatch';
/** A release is stored in a parameter of at most 4 KB. */
const COMMENT_CHARACTERS = 140;
const REVIEWS = 5;

/** Whether this run cannot change the environment because an approver has to start one manually. */
export function awaitsApproval({ rule, access }: ApprovalRequest): boolean {
  return rule !== undefined && access.github.event !== DISPATCH;
}

/**
 * Returns who approved this run's change to the environment. If platform.yml has approvers, that is the user who
 * started the run according to GitHub's API, which is more reliable than the job's variables.
 *
 * - A deployment requires a manually started run. The user who started the run and the user who started this attempt
 *   must both be approvers: anyone with write access can re-run an approver's run, and an approver can re-run one
 *   whose inputs someone else chose.
 * - A rollback requires that an approver started this attempt, for any event. Re-running a rejected rollback approves
 *   it.
 *
 * If approvers cannot be read, the change is rejected. If the reviews of the GitHub environment, which have already
 * let the job start, cannot be read, that is only logged.
 *
 * @throws NotApprovedError
 */
export async function requireApproval(
  request: ApprovalRequest,
  change: 'deployment' | 'rollback',
): Promise<readonly Approval[]> {
  const approved = request.rule ? [await approvalByDispatch(request, request.rule, change)] : [];
  return [...approved, ...(await reviewsOf(request))];
}

async function approvalByDispatch(
  request: ApprovalRequest,
  rule: ApprovalRule,
  change: 'deployment' | 'rollback',
): Promise<Approval> {
  const { environment, access } = request;
  const start = await runStartOf(request);
  if (change === 'deployment' && start.event !== DISPATCH) {
    const message = `Only a run that an approver starts manually can change ${environment}; the event ${start.event} started this one.`;
    throw new NotApprovedError(message, approvalInstructions(request));
  }
  const { actor, triggeringActor } = start;
  await requireApprover(request, rule, triggeringActor);
  if (change === 'deployment' && !isSame(actor.login, triggeringActor.login)) {
    await requireApprover(request, rule, actor);
  }
  access.context.log.info(
    `${triggeringActor.login} approved the ${change} of ${environment} by starting this run.`,
  );
  return { by: triggeringActor.login, through: 'dispatch' };
}

async function runStartOf({ environment, access }: ApprovalRequest): Promise<RunStart> {
  const unread = (why: string, cause?: unknown): NotApprovedError =>
    new NotApprovedError(
      `${environment} has approvers, but it is unknown who started this run: ${why}`,
      'Grant the job `actions: read`, and set `github-token`.',
      cause,
    );
  if (access.token === '') throw unread('no token was given.');
  if (access.github.runId === '') throw unread('this is not a workflow run.');
  try {
    return await readRunStart(access);
  } catch (error) {
    access.context.signal.throwIfAborted();
    throw unread(sentence(reasonOf(error)), error);
  }
}

/** @throws NotApprovedError if the account is not an approver, or if no token can read the teams. */
async function requireApprover(
  request: ApprovalRequest,
  { approvers }: ApprovalRule,
  { login, type }: RunStart['actor'],
): Promise<void> {
  const { environment } = request;
  // Apps have their own logins, and any workflow can start another one as github-actions[bot].
  if (login === '' || type !== 'User') {
    const message = `${environment}: ${login === '' ? 'a deleted account' : login} started this run, but only a user can approve it.`;
    throw new NotApprovedError(message, approvalInstructions(request));
  }
  if (approvers.some((approver) => isSame(approver, login))) return;
  const unreadable: string[] = [];
  for (const team of approvers.flatMap((approver) => teamOf(approver) ?? [])) {
    const membership = await membershipOf(request, team, login);
    if (membership === 'member') return;
    if (membership !== 'none') unreadable.push(`@${team.organization}/${team.slug}: ${membership}`);
  }
  if (unreadable.length > 0) {
    throw new NotApprovedError(
      `${environment}: cannot check whether ${login} is a member of an approver team. ${unreadable.join(' ')}`,
      "Set `approvers-token` to a GitHub App token or a fine-grained token with the organization permission Members (read), or to a classic token with `read:org`. The job's own token cannot read teams.",
    );
  }
  const message = `${environment}: ${login} started this run but is not one of its approvers (${listed(approvers)}).`;
  throw new NotApprovedError(message, approvalInstructions(request));
}

/** The membership, or a sentence that explains why the team could not be read. */
async function membershipOf(
  { access, approversToken = '' }: ApprovalRequest,
  team: Team,
  login: string,
): Promise<string> {
  if (approversToken === '') return 'no token with access to teams was given.';
  const { github, context } = access;
  try {
    const options = { token: approversToken, apiUrl: github.apiUrl, context };
    const membership = await teamMembership(options, team, login);
    return membership === 'unreadable'
      ? 'the team does not exist, or `approvers-token` cannot read it.'
      : membership;
  } catch (error) {
    context.signal.throwIfAborted();
    return sentence(reasonOf(error));
  }
}

/**
 * Rejects approvers who wrote one of the commits, unless self-approval is on.
 *
 * @param commits the commits to deploy; for a promotion, the commits that its images were built from.
 * @throws NotApprovedError
 */
export async function requireOtherWriter(
  request: ApprovalRequest,
  approvals: readonly Approval[],
  commits: readonly CommitOf[],
): Promise<void> {
  const approver = approvals.find(({ through }) => through === 'dispatch');
  if (!approver || request.rule?.selfApproval !== false) return;
  const { environment } = request;
  for (const { commit, repository } of distinct(commits)) {
    const short = commit.slice(0, 7);
    const writers = await writersOf(request, { commit, repository });
    const unproven = unprovenWriters(writers, short);
    if (unproven !== undefined) {
      throw new NotApprovedError(
        `${environment}: cannot verify that ${approver.by} did not write the commits to deploy: ${unproven}`,
        'Deploy a commit whose author has a GitHub account, or set `self-approval: true` for the environment in platform.yml.',
        writers instanceof Error ? writers : undefined,
      );
    }
    if ('logins' in writers && writers.logins.has(approver.by.toLowerCase())) {
      throw new NotApprovedError(
        `${environment}: ${approver.by} wrote commit ${short} and cannot approve it.`,
        `Have a different approver (${listed(request.rule.approvers)}) start the run, or set \`self-approval: true\` for the environment in platform.yml.`,
      );
    }
  }
}

async function writersOf(
  { access, approversToken }: ApprovalRequest,
  { commit, repository }: CommitOf,
): Promise<CommitWriters | Error> {
  if (commit === '') return new PlatformError('not-found', 'no commit is recorded for an image');
  const isOwn = repository === '' || isSame(repository, access.github.repository);
  const github = isOwn ? access.github : { ...access.github, repository };
  // The job's token cannot read other repositories.
  const token = isOwn ? access.token : (approversToken ?? access.token);
  try {
    const writers = await readCommitWriters({ ...access, github, token }, commit);
    return (
      writers ?? new PlatformError('not-found', `${github.repository} has no commit ${commit.slice(0, 7)}`)
    );
  } catch (error) {
    access.context.signal.throwIfAborted();
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** A sentence that explains why the writers of a commit are unknown. */
function unprovenWriters(writers: CommitWriters | Error, short: string): string | undefined {
  if (!('logins' in writers)) return sentence(reasonOf(writers));
  const { unknown } = writers;
  return unknown.length === 0
    ? undefined
    : `${unknown.join(', ')} wrote commit ${short}, and no GitHub account has that address.`;
}

function distinct(commits: readonly CommitOf[]): CommitOf[] {
  return [...new Map(commits.map((one) => [`${one.repository} ${one.commit}`, one])).values()];
}

/**
 * GitHub's reviews of this run's deployment to the environment. Failures are only logged: reviews are informational.
 */
async function reviewsOf({ environment, access }: ApprovalRequest): Promise<Approval[]> {
  const { token, github, context } = access;
  if (token === '' || github.runId === '' || github.repository === '') return [];
  try {
    const reviews = await readApprovingReviews(access, environment);
    return reviews.slice(-REVIEWS).map(({ login, comment }): Approval => {
      const text = context.redactor.redact(comment.replace(/\s+/g, ' ').trim()).slice(0, COMMENT_CHARACTERS);
      return { by: login, through: 'review', ...(text !== '' && { comment: text }) };
    });
  } catch (error) {
    context.signal.throwIfAborted();
    context.log.info(
      `The reviewers of the deployment to ${environment} are not recorded: ${sentence(reasonOf(error))} Fix: Grant the job \`actions: read\`.`,
    );
    return [];
  }
}

/**
 * A sentence that tells approvers how to continue. It refers to the workflows in workflows/, which have these inputs.
 */
export function approvalInstructions({
  environment,
  rule,
  promotes,
  commit,
  access,
}: ApprovalRequest): string {
  const { serverUrl, repository } = access.github;
  const inputs = [
    `environment ${environment}`,
    ...(promotes ? ['promote true'] : []),
    ...(commit === '' ? [] : [`ref ${commit}`]),
  ].join(', ');
  const images = promotes ? ', or `promote` for images only' : '';
  return `Have an approver (${listed(rule?.approvers ?? [])}) start the workflow \`deploy\` manually (${inputs})${images}: ${serverUrl}/${repository}/actions/workflows/deploy.yml`;
}

/** The team of an approver; undefined for a login. */
function teamOf(approver: string): Team | undefined {
  const [, organization, slug] = /^@([^/]+)\/(.+)$/.exec(approver) ?? [];
  return organization === undefined || slug === undefined ? undefined : { organization, slug };
}

/** Names on GitHub are case-insensitive. */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function listed(approvers: readonly string[]): string {
  return approvers.join(', ');
}
