import type { Context } from '../core/context.ts';
import { PlatformError, reasonOf } from '../core/errors.ts';
import { sentence } from '../core/text.ts';
import { readRunStart, type RunStart, type Team, teamMembership } from '../github/actor.ts';
import type { GitHubAccess } from '../github/client.ts';
import { type CommitWriters, readCommitWriters } from '../github/commit-writers.ts';
import { readApprovingReviews } from '../github/reviews.ts';

/** Who may change an environment, as platform.yml says. */
export interface ApprovalRule {
  /** Logins, and teams as `@org/team`. */
  approvers: readonly string[];
  /** Whether an approver may deploy a commit of their own. */
  selfApproval: boolean;
}

/** Who approved a change of an environment. */
export interface Approval {
  by: string;
  /** `dispatch`: an approver of platform.yml started the run. `review`: a reviewer of GitHub's environment. */
  through: 'dispatch' | 'review';
  /** What the reviewer wrote, shortened. */
  comment?: string;
}

/** An environment whose changes may need an approval, and what GitHub is asked with. */
export interface ApprovalRequest {
  environment: string;
  /** Absent: only GitHub's environment may ask for one. */
  rule?: ApprovalRule;
  /** Whether its images come from another environment. */
  promotes: boolean;
  /** The commit that is deployed; empty where it is not known. */
  commit: string;
  access: Omit<GitHubAccess, 'context'> & { context: Pick<Context, 'clock' | 'signal' | 'log' | 'redactor'> };
  /** Reads the teams of the organisation, and commits of other repositories. */
  approversToken?: string;
}

/** A commit, and the repository that has it; empty where they are not known. */
export interface CommitOf {
  commit: string;
  repository: string;
}

/** The run was not started by somebody who may approve the change. Nothing was begun. */
export class NotApprovedError extends PlatformError {
  override readonly name = 'NotApprovedError';

  constructor(message: string, fix: string, cause?: unknown) {
    super('not-approved', message, { fix, cause });
  }
}

const DISPATCH = 'workflow_dispatch';
/** A release is a parameter of 4 KB. */
const COMMENT_CHARACTERS = 140;
const REVIEWS = 5;

/** Whether a run of this event leaves the environment as it is, since only one that an approver starts changes it. */
export function awaitsApproval({ rule, access }: ApprovalRequest): boolean {
  return rule !== undefined && access.github.event !== DISPATCH;
}

/**
 * Who approves that this run changes the environment. Where platform.yml has approvers, that is who started the
 * run, as GitHub's API has it: variables of the job say less than its answer.
 *
 * - A deployment needs a run that was started by hand. Both who started it and who started this attempt of it must be
 *   approvers: anyone who may write may re-run a run of an approver, and an approver may re-run one whose inputs somebody
 *   else has chosen.
 * - A rollback needs an approver who started this attempt, of whatever event: the re-run of a refused one is an approval.
 *
 * What cannot be read of approvers is a refusal; of GitHub's own reviews, which have let the job in already, a note in
 * the log.
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
    const message = `${environment} is changed only by a run that an approver starts by hand, and ${start.event} started this one.`;
    throw new NotApprovedError(message, startByHand(request));
  }
  const { actor, triggeringActor } = start;
  await requireApprover(request, rule, triggeringActor);
  if (change === 'deployment' && !isSame(actor.login, triggeringActor.login)) {
    await requireApprover(request, rule, actor);
  }
  access.context.log.info(`${triggeringActor.login} approves the ${change} of ${environment}.`);
  return { by: triggeringActor.login, through: 'dispatch' };
}

async function runStartOf({ environment, access }: ApprovalRequest): Promise<RunStart> {
  const unread = (why: string, cause?: unknown): NotApprovedError =>
    new NotApprovedError(
      `${environment} has approvers, and who started this run cannot be read: ${why}`,
      'Grant the job `actions: read`, and give `github-token`.',
      cause,
    );
  if (access.token === '') throw unread('there is no token.');
  if (access.github.runId === '') throw unread('this is no workflow run.');
  try {
    return await readRunStart(access);
  } catch (error) {
    access.context.signal.throwIfAborted();
    throw unread(sentence(reasonOf(error)), error);
  }
}

/** Throws NotApprovedError for an account that is not among the approvers, or that no token could tell. */
async function requireApprover(
  request: ApprovalRequest,
  { approvers }: ApprovalRule,
  { login, type }: RunStart['actor'],
): Promise<void> {
  const { environment } = request;
  // Apps have logins of their own, and any workflow may start another one as github-actions[bot].
  if (login === '' || type !== 'User') {
    const message = `${environment}: ${login === '' ? 'an account that was deleted' : login} started this run, and only a person may approve it.`;
    throw new NotApprovedError(message, startByHand(request));
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
      `${environment}: whether ${login} is in a team of its approvers cannot be read. ${unreadable.join(' ')}`,
      'Give `approvers-token`: a token of a GitHub App or a fine-grained one of the organisation with the permission Members (read), or a classic one with `read:org`. The token of the job cannot read teams.',
    );
  }
  const message = `${environment}: ${login} started this run and is not among its approvers, ${listed(approvers)}.`;
  throw new NotApprovedError(message, startByHand(request));
}

/** Why a team could not be read is a sentence. */
async function membershipOf(
  { access, approversToken = '' }: ApprovalRequest,
  team: Team,
  login: string,
): Promise<string> {
  if (approversToken === '') return 'there is no token that reads teams.';
  const { github, context } = access;
  try {
    const options = { token: approversToken, apiUrl: github.apiUrl, context };
    const membership = await teamMembership(options, team, login);
    return membership === 'unreadable'
      ? 'there is no such team, or `approvers-token` may not read it.'
      : membership;
  } catch (error) {
    context.signal.throwIfAborted();
    return sentence(reasonOf(error));
  }
}

/**
 * Refuses an approver who wrote one of the commits, where self-approval is off.
 *
 * @param commits those that are deployed; of a promotion, those that its images were built from.
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
        `${environment}: whether ${approver.by} wrote what is deployed cannot be proven: ${unproven}`,
        'Deploy a commit whose author GitHub knows, or set `self-approval: true` of the environment in platform.yml.',
        writers instanceof Error ? writers : undefined,
      );
    }
    if ('logins' in writers && writers.logins.has(approver.by.toLowerCase())) {
      throw new NotApprovedError(
        `${environment}: ${approver.by} wrote ${short}, and cannot approve it.`,
        `Another one of ${listed(request.rule.approvers)} starts the run. Where that may be the same person, set \`self-approval: true\` of the environment in platform.yml.`,
      );
    }
  }
}

async function writersOf(
  { access, approversToken }: ApprovalRequest,
  { commit, repository }: CommitOf,
): Promise<CommitWriters | Error> {
  if (commit === '') return new PlatformError('not-found', 'the commit of an image is not recorded');
  const isOwn = repository === '' || isSame(repository, access.github.repository);
  const github = isOwn ? access.github : { ...access.github, repository };
  // The token of a job reads no other repository.
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

/** Why it is not known who wrote a commit, a sentence. */
function unprovenWriters(writers: CommitWriters | Error, short: string): string | undefined {
  if (!('logins' in writers)) return sentence(reasonOf(writers));
  const { unknown } = writers;
  return unknown.length === 0
    ? undefined
    : `${unknown.join(', ')} wrote ${short}, and GitHub knows no account of that address.`;
}

function distinct(commits: readonly CommitOf[]): CommitOf[] {
  return [...new Map(commits.map((one) => [`${one.repository} ${one.commit}`, one])).values()];
}

/** GitHub's reviews of this run's deployment to the environment. Never a failure: they are for the record. */
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
      `Reviewers of the deployment to ${environment} are not recorded: ${sentence(reasonOf(error))} Fix: Grant the job \`actions: read\`.`,
    );
    return [];
  }
}

/** What an approver does to go on, a sentence. It names the callers of workflows/, which have these inputs. */
export function startByHand({ environment, rule, promotes, commit, access }: ApprovalRequest): string {
  const { serverUrl, repository } = access.github;
  const inputs = [
    `environment ${environment}`,
    ...(promotes ? ['promote true'] : []),
    ...(commit === '' ? [] : [`ref ${commit}`]),
  ].join(', ');
  const images = promotes ? ', or `promote` for the images alone' : '';
  return `One of ${listed(rule?.approvers ?? [])} starts the workflow \`deploy\` by hand (${inputs})${images}: ${serverUrl}/${repository}/actions/workflows/deploy.yml`;
}

/** The team of an approver; undefined for a login. */
function teamOf(approver: string): Team | undefined {
  const [, organization, slug] = /^@([^/]+)\/(.+)$/.exec(approver) ?? [];
  return organization === undefined || slug === undefined ? undefined : { organization, slug };
}

/** Names of GitHub are not case sensitive. */
function isSame(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function listed(approvers: readonly string[]): string {
  return approvers.join(', ');
}
